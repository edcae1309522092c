# SPDX-License-Identifier: Apache-2.0
"""Is this bundle authentic, and is it what was wanted? BINDING 4.9 in its order, with its numbers.

    verified = verify_bundle(data, inputs, steps)      # steps 1 to 11, or an error with its step
    check_log(verified, memory, steps)                 # 12
    check_model(verified, steps)                       # 12, what tells who left the model
    verify_testimony(data, inputs, steps)              # what a bundle refused at 11 still proves

Step 13 is `troth.policy`'s, step 14 a verifier's with a database. Nothing here does I/O: nonces and
memory come in as objects of the caller.
"""

from troth.verify.bundle.check import verify_bundle, verify_testimony
from troth.verify.bundle.facts import BundleFacts, BundleInputs, Testimony
from troth.verify.bundle.kinds import BUNDLE_KINDS
from troth.verify.bundle.log import check_log, check_model
from troth.verify.bundle.memory import Memory, NoMemory, Recollection
from troth.verify.bundle.nonces import AnyNonce, ExpectedNonce, Nonces
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import (
    BootWanted,
    BundleTee,
    CcaWanted,
    ClaimsWanted,
    CoveWanted,
    DelegationWanted,
    Image,
    NamespaceWanted,
    OrchestratorWanted,
    ReportWanted,
    RootWanted,
    SnpWanted,
    TdxWanted,
    Wanted,
)

__all__ = [
    "BUNDLE_KINDS",
    "AnyNonce",
    "BootWanted",
    "BundleFacts",
    "BundleInputs",
    "BundleTee",
    "CcaWanted",
    "ClaimsWanted",
    "CoveWanted",
    "DelegationWanted",
    "ExpectedNonce",
    "Image",
    "Memory",
    "NamespaceWanted",
    "NoMemory",
    "Nonces",
    "OrchestratorWanted",
    "Recollection",
    "ReportWanted",
    "RootWanted",
    "SnpWanted",
    "Steps",
    "TdxWanted",
    "Testimony",
    "Wanted",
    "check_log",
    "check_model",
    "verify_bundle",
    "verify_testimony",
]
