# SPDX-License-Identifier: Apache-2.0
"""Is this SGX quote genuine, and how good is the platform that made it?"""

from troth.verify.sgx.facts import SgxFacts
from troth.verify.sgx.quote import verify_sgx

__all__ = ["SgxFacts", "verify_sgx"]
