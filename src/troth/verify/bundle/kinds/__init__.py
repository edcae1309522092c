# SPDX-License-Identifier: Apache-2.0
"""The kinds of TEE whose report a bundle can hold, one module each, and the table of them.

Which one a bundle must be of, the policy says: neither `provider` nor the report is asked. SGX has
no TVM, and TPM and Azure's evidence are other records under "report" (BINDING 4.4), with profiles
of their own that do not exist yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from troth.verify.bundle.kinds._kind import BundleKind, Reported
from troth.verify.bundle.kinds.cca import CCA
from troth.verify.bundle.kinds.cove import COVE
from troth.verify.bundle.kinds.snp import SNP
from troth.verify.bundle.kinds.tdx import TDX
from troth.verify.bundle.wanted import BundleTee

__all__ = ["BUNDLE_KINDS", "BundleKind", "Reported"]

BUNDLE_KINDS: Final[Mapping[BundleTee, BundleKind[Any, Any]]] = {
    "tdx": TDX,
    "snp": SNP,
    "cca": CCA,
    "cove": COVE,
}
