# SPDX-License-Identifier: Apache-2.0
"""Event models (pure): events become points, points become a measurement and a state.

point = a1.point_of("app", "config", "loaded")
verdict, model = Model.empty().observe(point)  # LEARNT, and a new model
sealed = model.take(Step.SEAL)
claims = sealed.claims()                    # for a statement
"""

from troth.evidence.model.model import Model, Step, Verdict

__all__ = ["Model", "Step", "Verdict"]
