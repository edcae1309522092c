# SPDX-License-Identifier: Apache-2.0
"""An independent reader of bundles: cbor2, hashlib and the TDX verifier, nothing of trothd's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding

from tests.tdx import AT
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import Anchor, Anchors
from troth.verify.tdx import verify_tdx

ANCHOR, NAMESPACE, CALLER, ALARMS = -65537, -65538, -65539, -65542


@dataclass(frozen=True)
class Read:
    """What a bundle says, every check of it made that needs no policy."""

    statement: dict[int, Any]
    epoch: dict[int, Any]
    root: dict[int, Any]
    registers: tuple[bytes, ...]
    rooted: bool
    members: dict[str, Any]
    salt: bytes
    index: int

    @property
    def namespace(self) -> dict[int, Any]:
        found: dict[int, Any] = self.statement[NAMESPACE]
        return found


def read(bundle: bytes, tee: SoftwareTdx) -> Read:
    """Read a bundle and check every link from the statement to the quote."""
    members = cbor2.loads(bundle)
    root_bytes = members["root"][1]
    protected, unprotected, epoch_bytes, signature = cbor2.loads(members["epoch"][1]).value
    root, epoch = cbor2.loads(root_bytes), cbor2.loads(epoch_bytes)
    assert protected == bytes.fromhex("a10128")
    assert unprotected == {}
    _verify(root[2], b"troth/epoch/v1", protected, epoch_bytes, signature)
    assert epoch[4] == hashlib.sha384(b"troth/root" + b"/v1\0" + root_bytes).digest()
    report_data = hashlib.sha512(b"troth/epoch/v1\0" + epoch_bytes).digest()
    registers = _quote(cbor2.loads(members["report"][1])["outblob"], tee, report_data)
    anchor = members.get("anchor")
    leaf_of = anchor or members
    salt, index, path = cbor2.loads(leaf_of["proof"][1])
    leaf = leaf_of["statement"][1]
    _climb(leaf, salt, index, path, epoch)
    statement = cbor2.loads(leaf)
    assert ANCHOR not in statement
    if anchor is not None:
        protected, _, payload, signature = cbor2.loads(members["statement"][1]).value
        _verify(epoch[5], b"troth/statement/v1", protected, payload, signature)
        earlier, statement = statement, cbor2.loads(payload)
        assert statement[ANCHOR] == report_data
        assert earlier[3] == statement[3]
        assert earlier[NAMESPACE][1] == statement[NAMESPACE][1]
    return Read(
        statement=statement,
        epoch=epoch,
        root=root,
        registers=registers,
        rooted=registers[3] == hashlib.sha384(bytes(48) + epoch[4]).digest(),
        members=members,
        salt=salt,
        index=index,
    )


def _quote(quote: bytes, tee: SoftwareTdx, report_data: bytes) -> tuple[bytes, ...]:
    """Verify a quote under the software TDX's root and return RTMR0 to RTMR3."""
    root = x509.load_pem_x509_certificate(tee.root_pem).public_bytes(Encoding.DER)
    verified = verify_tdx(
        quote,
        collateral=[parse_bundle(tee.bundle(), "bundle")],
        anchors=Anchors([Anchor.of(Certificate(root))]),
        at=AT,
        report_data=report_data,
    )
    return verified.value.body.rtmrs


def _climb(leaf: bytes, salt: bytes, index: int, path: list[bytes], epoch: dict[int, Any]) -> None:
    assert index < 1 << epoch[3]
    assert len(path) == epoch[3]
    node = hashlib.sha256(b"\0" + salt + hashlib.sha256(leaf).digest()).digest()
    for sibling in path:
        pair = sibling + node if index & 1 else node + sibling
        node = hashlib.sha256(b"\1" + pair).digest()
        index >>= 1
    assert node == epoch[2]


def _verify(
    key: dict[int, Any], aad: bytes, protected: bytes, payload: bytes, signature: bytes
) -> None:
    message = cbor2.dumps(["Signature1", protected, aad, payload])
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(key[-2], "big"), int.from_bytes(key[-3], "big"), ec.SECP256R1()
    )
    der = utils.encode_dss_signature(
        int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    )
    numbers.public_key().verify(der, message, ec.ECDSA(hashes.SHA256()))
