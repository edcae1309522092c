# SPDX-License-Identifier: Apache-2.0
"""Is this TDX quote genuine, and how good is the platform that made it?"""

from troth.verify.tdx.facts import TdxFacts
from troth.verify.tdx.quote import verify_tdx

__all__ = ["TdxFacts", "verify_tdx"]
