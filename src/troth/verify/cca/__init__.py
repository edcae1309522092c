# SPDX-License-Identifier: Apache-2.0
"""Is this CCA token genuine: one platform's, one realm's of that platform, and for this challenge?

Unlike other kinds it says nothing of time: the platform's keys have neither dates nor revocation.
"""

from troth.verify.cca.facts import CcaFacts
from troth.verify.cca.token import verify_cca

__all__ = ["CcaFacts", "verify_cca"]
