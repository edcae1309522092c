# SPDX-License-Identifier: Apache-2.0
"""Test vector 1 of BINDING, and bundles made of it or anew around a fault."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from troth.crypto.cose import Sign1, signed_bytes
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.evidence.binding import (
    Bundle,
    Delegated,
    Epoch,
    Proof,
    ProvenStatement,
    RootStatement,
    SignedEpoch,
    SignedStatement,
    Statement,
    TsmReport,
    check_claim,
    check_epoch_signature,
    check_root_digest,
)

DATA: Final = Path(__file__).parent / "data"
V: Final[dict[str, bytes]] = {
    name: bytes.fromhex(text)
    for name, text in json.loads((DATA / "vector-1.json").read_text("utf-8"))["values"].items()
}


def private_key(scalar: bytes) -> PrivateKey:
    return PrivateKey(ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()))


def sign_as_the_vector(key: PrivateKey, payload: bytes, aad: bytes) -> bytes:
    """Sign as RFC 6979 says, so that the bytes are the vector's."""
    how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = utils.decode_dss_signature(key.library_key.sign(signed_bytes(payload, aad), how))
    return Sign1(payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")).build()


BOOT_KEY: Final = private_key(V["boot key, private"])
STATEMENT_KEY: Final = private_key(V["statement key, private"])
BOOT: Final = CoseKey.from_p256(BOOT_KEY.public)

ROOT: Final = RootStatement.parse(V["root statement"])
P: Final = Statement.parse(V["statement P"])
R: Final = Statement.parse(V["statement R"])
T: Final = Statement.parse(V["statement T"])
EPOCH: Final = Epoch.parse(V["epoch"])
SIGNED_EPOCH: Final = SignedEpoch.parse(V["signed epoch"])
PROOF: Final = Proof.parse(V["proof of P, index 2"])
SIGNED: Final = SignedStatement.parse(V["signed statement"])
REPORT: Final = TsmReport(provider="tdx_guest", outblob=b"a report")

FRESH: Final = Bundle(
    report=REPORT,
    root=ROOT,
    epoch=SIGNED_EPOCH,
    claim=ProvenStatement(statement=P, proof=PROOF),
)
DELEGATED: Final = Bundle(
    report=REPORT,
    root=ROOT,
    epoch=SIGNED_EPOCH,
    claim=Delegated(signed=SIGNED, anchor=ProvenStatement(statement=P, proof=PROOF)),
)


@dataclass(frozen=True)
class Parts:
    """The members of a fresh bundle as bytes, so that a test can spoil one."""

    root: bytes = V["root statement"]
    epoch: bytes = V["signed epoch"]
    statement: bytes = V["statement P"]
    proof: bytes = V["proof of P, index 2"]

    def check(self) -> None:
        """Parse all of it and run every check that needs nothing else."""
        bundle = Bundle(
            report=REPORT,
            root=RootStatement.parse(self.root),
            epoch=SignedEpoch.parse(self.epoch),
            claim=ProvenStatement(
                statement=Statement.parse(self.statement), proof=Proof.parse(self.proof)
            ),
        )
        check_bundle(bundle)


def check_bundle(bundle: Bundle) -> None:
    """Run steps 6, 8 and what is pure of step 10, in this order."""
    check_root_digest(bundle.root, bundle.epoch.epoch)
    check_epoch_signature(bundle)
    check_claim(bundle)
