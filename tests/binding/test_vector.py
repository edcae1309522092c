# SPDX-License-Identifier: Apache-2.0
"""Test vector 1 of BINDING comes out byte for byte, read and made."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

import pycddl  # type: ignore[import-untyped]  # it has no stubs and no marker
import pytest

from tests.binding.values import (
    BOOT,
    BOOT_KEY,
    DATA,
    DELEGATED,
    EPOCH,
    FRESH,
    ROOT,
    SIGNED,
    STATEMENT_KEY,
    P,
    R,
    T,
    V,
    check_bundle,
    private_key,
    sign_as_the_vector,
)
from troth.crypto.cose import signed_bytes
from troth.crypto.cose_key import AGREEMENT, CoseKey
from troth.evidence.binding import (
    Bundle,
    Caller,
    Channel,
    Epoch,
    ImageDigest,
    LogHead,
    LogPart,
    ModelClaims,
    Namespace,
    Origin,
    Phase,
    Proof,
    RootStatement,
    SignedEpoch,
    SignedStatement,
    Statement,
    labels,
    root_register_value,
)
from troth.wire.merkle import Tree, leaf_hash, node_hash

CDDL = (DATA / "binding.cddl").read_text("utf-8")
PARSERS = {
    "root statement": RootStatement.parse,
    "statement P": Statement.parse,
    "statement R": Statement.parse,
    "statement T": Statement.parse,
    "proof of P, index 2": Proof.parse,
    "epoch": Epoch.parse,
    "signed epoch": SignedEpoch.parse,
    "payload": Statement.parse,
    "signed statement": SignedStatement.parse,
}
RULES = {
    "root statement": "root-statement",
    "statement P": "statement",
    "statement R": "statement",
    "statement T": "statement",
    "proof of P, index 2": "proof",
    "epoch": "epoch",
    "signed epoch": "signed-epoch",
    "payload": "statement",
    "signed statement": "signed-statement",
}


def holds(rule: str, data: bytes) -> None:
    """Hold bytes to one rule of the CDDL: the first rule of a schema is what it describes.

    The tool does not follow `.cbor` inside arrays; what is embedded is held to its own rule.
    """
    schema = re.sub(r"= bstr \.cbor .*", "= bstr", CDDL)
    pycddl.Schema(f"the-one = {rule}\n{schema}").validate_cbor(data)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_read_is_written_alike(name: str) -> None:
    read: Any = PARSERS[name](V[name])
    assert read.encoded == V[name]


@pytest.mark.parametrize("name", RULES)
def test_the_vector_follows_the_cddl(name: str) -> None:
    holds(RULES[name], V[name])


def test_the_root_statement_is_made_alike() -> None:
    made = RootStatement(
        boot_key=BOOT,
        configuration=hashlib.sha256(b"[trothd]\n").digest(),
        software="trothd 0.1.0",
    )
    assert made.encoded == V["root statement"]
    assert made.digest == V["root digest, SHA-384"]
    assert root_register_value(made, bytes(48)) == V["RTMR[3], before = zero"]


def test_statement_p_is_made_alike() -> None:
    key = P.cnf
    assert key is not None
    namespace = P.namespace
    model, image = namespace.model, namespace.image
    assert model is not None
    assert image is not None
    made = Statement(
        audience="https://verifier.example",
        issued_at=1795392000,
        nonce=P.nonce,
        cnf=CoseKey(algorithm=AGREEMENT, curve=1, x=key.x, y=key.y),
        namespace=Namespace(
            id=namespace.id,
            label="payments",
            origin=Origin.CONFIGURATION,
            log=LogHead(2, V["head after 2"]),
            image=ImageDigest(algorithm=-16, digest=image.digest),
            model=ModelClaims(
                profile="T1",
                phase=Phase.SEALED,
                points=2,
                forensic=0,
                state=model.state,
                measurement=model.measurement,
            ),
        ),
        user_data=b"order 4711",
    )
    assert made.encoded == V["statement P"]
    assert made == P
    assert made.digest == V["H(P)"]


def test_statement_r_is_made_alike() -> None:
    namespace = Namespace(
        id=R.namespace.id,
        label="reports",
        origin=Origin.CONFIGURATION,
        log=LogHead.empty(R.namespace.id),
    )
    made = Statement(audience=R.audience, issued_at=R.issued_at, nonce=R.nonce, namespace=namespace)
    assert made.encoded == V["statement R"]
    assert made.digest == V["H(R)"]


def test_statement_t_is_made_alike() -> None:
    channel = T.channel
    assert channel is not None
    made = replace(T, caller=Caller(method=1, uid=0), channel=Channel(1, channel.exporter))
    assert made.encoded == V["statement T"]
    assert made.digest == V["H(T)"]


def test_the_log_of_payments() -> None:
    empty = LogHead.empty(P.namespace.id)
    assert empty.head == V["head, empty"]
    assert empty.append(V["entry 0"], V["entry 1"]) == LogHead(2, V["head after 2"])
    part = LogPart(start=0, entries=(V["entry 0"], V["entry 1"]))
    holds("log-part", part.encoded)
    part.check(empty, P.namespace.log)


def test_the_tree() -> None:
    leaves = [
        leaf_hash(V["salt R"], V["H(R)"]),
        V["leaf 1"],
        leaf_hash(V["salt P"], V["H(P)"]),
        leaf_hash(V["salt T"], V["H(T)"]),
    ]
    assert leaves == [V["leaf 0"], V["leaf 1"], V["leaf 2"], V["leaf 3"]]
    tree = Tree(leaves)
    assert tree.root == V["tree root"]
    assert tree.path(2) == (V["leaf 3"], node_hash(leaves[0], leaves[1]))
    assert Proof.of_leaf(tree, 2, V["salt P"]).encoded == V["proof of P, index 2"]


def test_the_epoch() -> None:
    made = Epoch(
        tree_root=V["tree root"],
        height=2,
        root_digest=ROOT.digest,
        statement_key=CoseKey.from_p256(STATEMENT_KEY.public),
    )
    assert made.encoded == V["epoch"]
    assert made.report_data == V["report_data, 64-byte carriers"]
    assert made.report_data_32 == V["report_data, 32-byte carriers"]
    assert signed_bytes(made.encoded, labels.AAD_EPOCH) == V["Sig_structure of the epoch"]


def test_the_signatures_are_made_alike() -> None:
    signed = sign_as_the_vector(BOOT_KEY, V["epoch"], labels.AAD_EPOCH)
    assert signed == V["signed epoch"]
    signed = sign_as_the_vector(STATEMENT_KEY, V["payload"], labels.AAD_STATEMENT)
    assert signed == V["signed statement"]


def test_our_own_signatures_hold() -> None:
    EPOCH.sign(BOOT_KEY).verify(ROOT.boot_key)
    key = EPOCH.statement_key
    assert key is not None
    SIGNED.statement.sign(STATEMENT_KEY).verify(key)


def test_the_delegated_statement_is_p_again() -> None:
    again = replace(
        P,
        nonce=SIGNED.statement.nonce,
        issued_at=P.issued_at + 60,
        anchor=EPOCH.report_data,
    )
    assert again.encoded == V["payload"]


@pytest.mark.parametrize("bundle", [FRESH, DELEGATED], ids=["fresh", "delegated"])
def test_the_bundles_hold(bundle: Bundle) -> None:
    check_bundle(bundle)
    again = Bundle.parse(bundle.encoded)
    assert again == bundle
    assert again.encoded == bundle.encoded
    check_bundle(again)
    holds("evidence", bundle.encoded)


def test_the_caller_key_is_of_the_private_key_given() -> None:
    private = private_key(V["caller key of payments, private (agreement)"])
    key = P.cnf
    assert key is not None
    assert private.public.raw == key.x + key.y
    assert key.algorithm == AGREEMENT
