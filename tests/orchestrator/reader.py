# SPDX-License-Identifier: Apache-2.0
"""An independent reader of bundles: cbor2, hashlib, each kind's verifier, nothing of trothd's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.orchestrator.tees import HASHES, verified

ANCHOR, NAMESPACE, CALLER, ALARMS = -65537, -65538, -65539, -65542


@dataclass(frozen=True)
class Read:
    """What a bundle says, every check of it made that needs no policy."""

    statement: dict[int, Any]
    epoch: dict[int, Any]
    root: dict[int, Any]
    registers: tuple[bytes, ...]
    vmpl: int | None
    rooted: bool
    members: dict[str, Any]
    salt: bytes
    index: int

    @property
    def namespace(self) -> dict[int, Any]:
        found: dict[int, Any] = self.statement[NAMESPACE]
        return found


def read(bundle: bytes, tee: Any) -> Read:
    """Read a bundle and check every link from the statement to the report of a software TEE."""
    members = cbor2.loads(bundle)
    root_bytes = members["root"][1]
    protected, unprotected, epoch_bytes, signature = cbor2.loads(members["epoch"][1]).value
    root, epoch = cbor2.loads(root_bytes), cbor2.loads(epoch_bytes)
    assert protected == bytes.fromhex("a10128")
    assert unprotected == {}
    _verify(root[2], b"troth/epoch/v1", protected, epoch_bytes, signature)
    assert epoch[4] == hashlib.sha384(b"troth/root" + b"/v1\0" + root_bytes).digest()
    report_data = hashlib.sha512(b"troth/epoch/v1\0" + epoch_bytes).digest()
    report = cbor2.loads(members["report"][1])
    if "service" in report:
        assert report["service"]["service_provider"] == "svsm"
        manifest = report["service"]["manifestblob"]
        found = verified(report["outblob"], tee, hashlib.sha512(report_data + manifest).digest())
    else:
        found = verified(report["outblob"], tee, report_data)
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
        registers=found.registers,
        vmpl=found.vmpl,
        rooted=_is_rooted(found.registers, found.algorithm, epoch[4]),
        members=members,
        salt=salt,
        index=index,
    )


def _is_rooted(registers: tuple[bytes, ...], algorithm: str, root_digest: bytes) -> bool:
    if not registers:
        return False
    untouched = bytes(len(registers[3]))
    return registers[3] == HASHES[algorithm](untouched + root_digest).digest()


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
