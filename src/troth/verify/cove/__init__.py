# SPDX-License-Identifier: Apache-2.0
"""Is this CoVE token genuine, down from a known root of trust to the TVM?"""

from troth.verify.cove.facts import CoveFacts
from troth.verify.cove.token import SECURED, verify_cove

__all__ = ["SECURED", "CoveFacts", "verify_cove"]
