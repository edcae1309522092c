# SPDX-License-Identifier: Apache-2.0
"""The kinds of evidence, one module each, and the one table that lists them.

kind = KINDS[detect_tee(data)]
verified = kind.verify(data, options, trace)
kind.appraise(verified, policy, trace)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from troth.evidence.detect import Tee
from troth.policy.kinds._kind import Claims, Kind
from troth.policy.kinds.azure import AZURE
from troth.policy.kinds.cca import CCA
from troth.policy.kinds.cove import COVE
from troth.policy.kinds.sgx import SGX
from troth.policy.kinds.snp import SNP
from troth.policy.kinds.tdx import TDX, tdx_view
from troth.policy.kinds.tpm import TPM

__all__ = ["KINDS", "Claims", "Kind", "tdx_view"]

KINDS: Final[Mapping[Tee, Kind[Any]]] = {
    "tdx": TDX,
    "sgx": SGX,
    "snp": SNP,
    "cca": CCA,
    "cove": COVE,
    "tpm": TPM,
    "azure": AZURE,
}
