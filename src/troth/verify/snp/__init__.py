# SPDX-License-Identifier: Apache-2.0
"""Is this SNP report genuine: of a chip or provider that AMD vouches for, over this data?"""

from troth.verify.snp.facts import SnpFacts, describe_snp
from troth.verify.snp.report import verify_snp

__all__ = ["SnpFacts", "describe_snp", "verify_snp"]
