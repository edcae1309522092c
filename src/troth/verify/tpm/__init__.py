# SPDX-License-Identifier: Apache-2.0
"""Is this TPM quote genuine: by a certified or known key, for this challenge and registers?

Where the key is pinned, the attributes in its public area are the sender's text and prove nothing:
whoever pins a key has to know that it is a restricted key of a TPM.
"""

from troth.verify.tpm.facts import QuotedFacts, TpmFacts
from troth.verify.tpm.pinned import PinnedKeys
from troth.verify.tpm.quote import verify_tpm

__all__ = ["PinnedKeys", "QuotedFacts", "TpmFacts", "verify_tpm"]
