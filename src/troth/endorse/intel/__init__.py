# SPDX-License-Identifier: Apache-2.0
"""Intel collateral: TCB info, QE identity, revocation lists, in bundles (PCS v4 documents)."""

from troth.endorse.intel.bundle import is_bundle, parse_bundle, pcs_document
from troth.endorse.intel.collateral import CollateralSet, SignedDocument, Window, choose
from troth.endorse.intel.qe_identity import QeIdentity, QeLevel
from troth.endorse.intel.tcb_info import ModuleIdentity, ModuleLevel, TcbInfo, TcbLevel

__all__ = [
    "CollateralSet",
    "ModuleIdentity",
    "ModuleLevel",
    "QeIdentity",
    "QeLevel",
    "SignedDocument",
    "TcbInfo",
    "TcbLevel",
    "Window",
    "choose",
    "is_bundle",
    "parse_bundle",
    "pcs_document",
]
