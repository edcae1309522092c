# SPDX-License-Identifier: Apache-2.0
"""Our own wire format: what binds a namespace's claims to a report (pure; see BINDING 4).

Every structure is a frozen value. `X(...)` checks all bounds and encodes, `X.parse(data)` reads
bytes and accepts no others than `X(...).encoded`; hashes and signatures are over `encoded`.

bundle = Bundle.parse(data)             # step 1: MalformedError, or all structures
check_root_digest(bundle.root, bundle.epoch.epoch)   # step 6
check_epoch_signature(bundle)                        # step 8
check_claim(bundle)                                  # step 10, but for nonce and age
"""

from troth.evidence.binding.bundle import Bundle, CollateralRecord, Delegated
from troth.evidence.binding.checks import (
    check_claim,
    check_delegated,
    check_epoch_signature,
    check_root_digest,
)
from troth.evidence.binding.epoch import Epoch, SignedEpoch
from troth.evidence.binding.log import LogHead, LogPart
from troth.evidence.binding.namespace import ImageDigest, ModelClaims, Namespace, Origin, Phase
from troth.evidence.binding.proof import Proof, ProvenStatement
from troth.evidence.binding.register import (
    REGISTER_BYTES,
    ROOT_REGISTERS,
    RootRegister,
    root_register_value,
)
from troth.evidence.binding.report import Service, TsmReport
from troth.evidence.binding.request import Mode, Request
from troth.evidence.binding.root import Door, RootStatement
from troth.evidence.binding.statement import Caller, Channel, SignedStatement, Statement

__all__ = [
    "REGISTER_BYTES",
    "ROOT_REGISTERS",
    "Bundle",
    "Caller",
    "Channel",
    "CollateralRecord",
    "Delegated",
    "Door",
    "Epoch",
    "ImageDigest",
    "LogHead",
    "LogPart",
    "Mode",
    "ModelClaims",
    "Namespace",
    "Origin",
    "Phase",
    "Proof",
    "ProvenStatement",
    "Request",
    "RootRegister",
    "RootStatement",
    "Service",
    "SignedEpoch",
    "SignedStatement",
    "Statement",
    "TsmReport",
    "check_claim",
    "check_delegated",
    "check_epoch_signature",
    "check_root_digest",
    "root_register_value",
]
