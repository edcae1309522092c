# SPDX-License-Identifier: Apache-2.0
"""The table "must be refused" of BINDING, as far as it needs no verifier's memory, and its one yes.

Each input is right in everything but one fault: tree, epoch and signatures are made anew around
it. Steps are those of BINDING 4.9.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.binding.values import (
    BOOT_KEY,
    DELEGATED,
    EPOCH,
    FRESH,
    PROOF,
    ROOT,
    SIGNED,
    SIGNED_EPOCH,
    STATEMENT_KEY,
    P,
    Parts,
    R,
    T,
    V,
    check_bundle,
)
from tests.refusals import refused
from troth.crypto.cose import Sign1
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import TrothError
from troth.evidence.binding import (
    Bundle,
    Delegated,
    Epoch,
    LogHead,
    LogPart,
    Proof,
    ProvenStatement,
    RootStatement,
    SignedEpoch,
    SignedStatement,
    Statement,
    labels,
    root_register_value,
)
from troth.wire import cbor
from troth.wire.merkle import MAX_HEIGHT, Tree, leaf_hash

SALT = V["salt P"]
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def fresh(statement: Statement = P, proof: Proof = PROOF) -> Bundle:
    return replace(FRESH, claim=ProvenStatement(statement=statement, proof=proof))


def epoch_around(leaf: bytes) -> tuple[SignedEpoch, Proof]:
    """Return an epoch of this boot whose tree holds the leaf at 2, and the leaf's proof."""
    tree = Tree([V["leaf 0"], V["leaf 1"], leaf, V["leaf 3"]])
    epoch = replace(EPOCH, tree_root=tree.root)
    return epoch.sign(BOOT_KEY), Proof.of_leaf(tree, 2, SALT)


def delegated(
    *, anchor: Statement = P, epoch: SignedEpoch = SIGNED_EPOCH, proof: Proof = PROOF
) -> Bundle:
    """Return a delegated bundle, signed anew and anchored in its epoch."""
    statement = replace(SIGNED.statement, anchor=epoch.epoch.report_data)
    claim = Delegated(
        signed=statement.sign(STATEMENT_KEY),
        anchor=ProvenStatement(statement=anchor, proof=proof),
    )
    return replace(DELEGATED, epoch=epoch, claim=claim)


# --- step 1 -------------------------------------------------------------------------------------

IAT = bytes.fromhex("061a6b038200")
ALARMS = bytes.fromhex("3a0001000500")


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


STEP_1 = {
    "a longer iat": (
        swapped(V["statement P"], IAT, b"\x06\x1b\0\0\0\0" + IAT[2:]),
        "cbor.not-canonical",
    ),
    "descending keys": (
        b"\xa8" + ALARMS + V["statement P"][1:].removesuffix(ALARMS),
        "cbor.not-canonical",
    ),
    "a key twice": (
        swapped(V["statement P"], IAT, IAT + IAT).replace(b"\xa8", b"\xa9", 1),
        "cbor.not-canonical",
    ),
    "an indefinite map": (b"\xbf" + V["statement P"][1:] + b"\xff", "cbor.not-canonical"),
    "a byte behind": (V["statement P"] + b"\0", "cbor.trailing"),
    "an unknown key": (
        swapped(V["statement P"], IAT, IAT + bytes.fromhex("0700")).replace(b"\xa8", b"\xa9", 1),
        "binding.members",
    ),
    "cut short": (V["statement P"][:-1], "cbor.syntax"),
    "a missing key": (
        b"\xa7" + V["statement P"][1:].removesuffix(ALARMS),
        "binding.members",
    ),
    "iat null": (swapped(V["statement P"], IAT, b"\x06\xf6"), "cbor.type"),
    "iat a float": (
        swapped(V["statement P"], IAT, bytes.fromhex("06fb41dac0e080000000")),
        "cbor.type",
    ),
    "iat in tag 1": (swapped(V["statement P"], IAT, b"\x06\xc1" + IAT[1:]), "cbor.type"),
    "iat true": (swapped(V["statement P"], IAT, b"\x06\xf5"), "binding.type"),
    "iat negative": (swapped(V["statement P"], IAT, b"\x06\x20"), "binding.range"),
    "another profile": (
        swapped(V["statement P"], b"statement#1", b"statement#2"),
        "unsupported.profile",
    ),
    "in tag 61": (b"\xd8\x3d" + V["statement P"], "cbor.type"),
    "signed": (V["signed statement"], "cbor.type"),
}


@pytest.mark.parametrize("name", STEP_1)
def test_step_1_statement(name: str) -> None:
    data, code = STEP_1[name]
    with refused(code):
        Statement.parse(data)
    # The leaf covers exactly these bytes, and the answer is the same.
    signed = Sign1.sign(STATEMENT_KEY, data, labels.AAD_STATEMENT).build()
    with refused(code):
        SignedStatement.parse(signed)


@pytest.mark.parametrize(
    ("version", "code"),
    [("f5", "binding.type"), ("02", "unsupported.version"), ("20", "binding.range")],
)
def test_step_1_version(version: str, code: str) -> None:
    root, epoch = V["root statement"], V["epoch"]
    assert root[1:3] == epoch[1:3] == b"\x01\x01"
    spoilt = b"\x01" + bytes.fromhex(version)
    with refused(code):
        RootStatement.parse(root[:1] + spoilt + root[3:])
    with refused(code):
        Epoch.parse(epoch[:1] + spoilt + epoch[3:])
    signed = Sign1.sign(BOOT_KEY, epoch[:1] + spoilt + epoch[3:], labels.AAD_EPOCH)
    with refused(code):
        SignedEpoch.parse(signed.build())


@pytest.mark.parametrize(
    ("index", "code"),
    [
        ("21", "binding.range"),
        ("1802", "cbor.not-canonical"),
        ("190002", "cbor.not-canonical"),
        ("1a00010000", "binding.range"),
        ("f5", "binding.type"),
        ("4102", "binding.type"),
    ],
)
def test_step_1_index(index: str, code: str) -> None:
    proof = V["proof of P, index 2"]
    with refused(code):
        Proof.parse(proof[:35] + bytes.fromhex(index) + proof[36:])


def test_step_1_proof_shapes() -> None:
    salt, index, path = PROOF.salt, PROOF.index, list(PROOF.path)
    for value, code in [
        ([salt, index], "binding.members"),
        ([salt, index, path, 0], "binding.members"),
        ({1: salt}, "binding.type"),
        ([salt, index, {}], "binding.type"),
        ([salt[:31], index, path], "binding.range"),
        ([salt, index, [path[0][:31]]], "binding.range"),
        ([salt, index, [path[0]] * 17], "binding.range"),
        ([salt, index, [0]], "binding.type"),
    ]:
        with refused(code):
            Proof.parse(cbor.encode(value))


@pytest.mark.parametrize(
    ("doors", "code"),
    [
        ([5], "binding.range"),
        ([1, 1], "binding.order"),
        ([2, 1], "binding.order"),
        ([True], "binding.type"),
        ({}, "binding.type"),
    ],
)
def test_step_1_doors(doors: object, code: str) -> None:
    value = cbor.decode(V["root statement"], max_bytes=999)
    assert isinstance(value, dict)
    value[4] = doors
    with refused(code):
        RootStatement.parse(cbor.encode(value))


def test_step_1_keys() -> None:
    value = cbor.decode(V["root statement"], max_bytes=999)
    assert isinstance(value, dict)
    assert P.cnf is not None
    for key, code in [
        (P.cnf.value, "cose.key"),  # agreement, where a signing key is due
        (value[2] | {2: b"kid"}, "cose.key"),
        (value[2] | {1: True}, "cose.key"),
        (value[2] | {3: -7}, "cose.key"),
        (value[2] | {-3: True}, "cose.key"),
        (value[2] | {-2: bytes(31)}, "cose.key"),
        (value[2] | {-2: bytes(32)}, "cose.point"),
        ({}, "cose.key"),
        (0, "cose.key"),
    ]:
        with refused(code):
            RootStatement.parse(cbor.encode(value | {2: key}))


PROTECTED = bytes.fromhex("a10128")


@pytest.mark.parametrize(
    "parts",
    [
        [PROTECTED, {}, V["epoch"]],
        [PROTECTED, {}, V["epoch"], bytes(64), b""],
        [PROTECTED, {1: -9}, V["epoch"], bytes(64)],
        [PROTECTED, {4: b"kid"}, V["epoch"], bytes(64)],
        [b"", {1: -9}, V["epoch"], bytes(64)],
        [bytes.fromhex("a10126"), {}, V["epoch"], bytes(64)],
        [bytes.fromhex("a2012804416b"), {}, V["epoch"], bytes(64)],
        [PROTECTED, [], V["epoch"], bytes(64)],
        [PROTECTED, {}, "epoch", bytes(64)],
        [PROTECTED, {}, V["epoch"], bytes(63)],
        [PROTECTED, {}, V["epoch"], bytes(72)],
        [PROTECTED, {}, V["epoch"], []],
        [PROTECTED, {}, V["epoch"], "s" * 64],
        {1: 2},
    ],
)
def test_step_1_cose(parts: object) -> None:
    with refused("cose.form"):
        SignedEpoch.parse(cbor.encode(cbor.Tag(18, parts)))


def test_step_1_cose_without_its_tag_or_with_another() -> None:
    with refused("cose.form"):
        SignedEpoch.parse(V["signed epoch"][1:])
    with refused("cbor.type"):
        SignedEpoch.parse(b"\xd1" + V["signed epoch"][1:])
    with refused("cose.form"):
        SignedEpoch.parse(b"\xd2" + V["signed epoch"])


# --- step 6 -------------------------------------------------------------------------------------


def test_step_6_own_root_statement() -> None:
    """Own root statement with own boot key, epoch unchanged."""
    own = replace(ROOT, boot_key=CoseKey.from_p256(PrivateKey.generate().public))
    with refused("binding.root-digest"):
        check_bundle(replace(FRESH, root=own))


def test_the_same_with_an_own_epoch_is_for_the_register_to_refuse() -> None:
    """Step 7, which the report decides: here everything holds together."""
    own_key = PrivateKey.generate()
    own = replace(ROOT, boot_key=CoseKey.from_p256(own_key.public))
    epoch = replace(EPOCH, root_digest=own.digest).sign(own_key)
    check_bundle(replace(FRESH, root=own, epoch=epoch))
    assert root_register_value(own, bytes(48)) != V["RTMR[3], before = zero"]


# --- step 8 -------------------------------------------------------------------------------------


def test_step_8_signed_by_the_statement_key() -> None:
    with refused("binding.epoch-signature"):
        check_bundle(replace(FRESH, epoch=EPOCH.sign(STATEMENT_KEY)))


def test_step_8_signed_under_the_label_of_a_statement() -> None:
    signed = Sign1.sign(BOOT_KEY, EPOCH.encoded, labels.AAD_STATEMENT)
    epoch = SignedEpoch(epoch=EPOCH, signature=signed.signature)
    with refused("binding.epoch-signature"):
        check_bundle(replace(FRESH, epoch=epoch))


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, SIGNED.signature])
def test_step_8_no_signature_at_all(signature: bytes) -> None:
    with refused("binding.epoch-signature"):
        check_bundle(replace(FRESH, epoch=SignedEpoch(epoch=EPOCH, signature=signature)))


def test_accepted_once_the_other_s() -> None:
    r, s = SIGNED_EPOCH.signature[:32], SIGNED_EPOCH.signature[32:]
    other = (ORDER_OF_P256 - int.from_bytes(s, "big")).to_bytes(32, "big")
    epoch = SignedEpoch(epoch=EPOCH, signature=r + other)
    assert epoch.encoded != V["signed epoch"]
    check_bundle(replace(FRESH, epoch=epoch))


# --- step 10, fresh -----------------------------------------------------------------------------


def test_step_10_a_neighbours_salt() -> None:
    with refused("binding.proof"):
        check_bundle(fresh(proof=replace(PROOF, salt=V["salt R"])))


def test_step_10_a_neighbours_statement() -> None:
    with refused("binding.proof"):
        check_bundle(fresh(statement=R))


def test_step_10_an_index_beyond_the_tree() -> None:
    with refused("binding.proof", "index 6"):
        check_bundle(fresh(proof=replace(PROOF, index=6)))


def test_step_10_the_first_index_beyond_the_tree() -> None:
    """Its path, read bit by bit, is that of the leaf at 0."""
    leaf = leaf_hash(SALT, P.digest)
    tree = Tree([leaf, V["leaf 1"], leaf, V["leaf 3"]])
    epoch = replace(EPOCH, tree_root=tree.root).sign(BOOT_KEY)
    proof = Proof.of_leaf(tree, 0, SALT)
    claim = ProvenStatement(statement=P, proof=proof)
    check_bundle(replace(FRESH, epoch=epoch, claim=claim))
    beyond = ProvenStatement(statement=P, proof=replace(proof, index=4))
    with refused("binding.proof", "index 4"):
        check_bundle(replace(FRESH, epoch=epoch, claim=beyond))


def test_step_1_the_longest_path() -> None:
    proof = replace(PROOF, path=(bytes(32),) * MAX_HEIGHT)
    assert Proof.parse(proof.encoded) == proof
    with refused("binding.range"):
        replace(PROOF, path=(bytes(32),) * (MAX_HEIGHT + 1))


def test_step_10_a_path_too_long_or_too_short() -> None:
    for path in ((*PROOF.path, bytes(32)), PROOF.path[:1], ()):
        with refused("binding.proof", f"{len(path)} entries"):
            check_bundle(fresh(proof=replace(PROOF, path=path)))


def test_step_10_a_delegated_payload_as_a_fresh_statement() -> None:
    """Even where the tree holds it."""
    statement = SIGNED.statement
    epoch, proof = epoch_around(leaf_hash(SALT, statement.digest))
    bundle = replace(FRESH, epoch=epoch, claim=ProvenStatement(statement=statement, proof=proof))
    with refused("binding.not-fresh"):
        check_bundle(bundle)
    plain = replace(statement, anchor=None)
    epoch, proof = epoch_around(leaf_hash(SALT, plain.digest))
    claim = ProvenStatement(statement=plain, proof=proof)
    check_bundle(replace(FRESH, epoch=epoch, claim=claim))


# --- step 10, delegated -------------------------------------------------------------------------


def test_a_delegated_bundle_made_anew_holds() -> None:
    check_bundle(delegated())
    assert delegated().delegated
    assert delegated().statement.anchor == EPOCH.report_data
    assert not FRESH.delegated


def test_step_10_anchored_in_another_epoch() -> None:
    other = replace(EPOCH, height=3).report_data
    with refused("binding.anchor", "another epoch"):
        check_bundle(_anchored(other))


def _anchored(report_data: bytes | None) -> Bundle:
    """Sign a payload whose claim -65537 is the one given, or absent."""
    payload = replace(SIGNED.statement, anchor=report_data)
    signed = Sign1.sign(STATEMENT_KEY, payload.encoded, labels.AAD_STATEMENT)
    claim = Delegated(
        signed=SignedStatement(statement=payload, signature=signed.signature),
        anchor=ProvenStatement(statement=P, proof=PROOF),
    )
    return replace(DELEGATED, claim=claim)


def test_step_10_anchored_nowhere_or_by_the_short_form() -> None:
    with refused("binding.anchor", "another epoch"):
        check_bundle(_anchored(None))
    with refused("binding.anchor", "another epoch"):
        check_bundle(_anchored(EPOCH.report_data_32 + bytes(32)))
    with pytest.raises(ValueError, match="never signed"):
        P.sign(STATEMENT_KEY)


def test_step_10_signed_by_the_boot_key_or_under_the_label_of_an_epoch() -> None:
    payload = SIGNED.statement
    for signature in (
        payload.sign(BOOT_KEY).signature,
        Sign1.sign(STATEMENT_KEY, payload.encoded, labels.AAD_EPOCH).signature,
    ):
        signed = SignedStatement(statement=payload, signature=signature)
        claim = replace(_claim(), signed=signed)
        with refused("binding.statement-signature"):
            check_bundle(replace(DELEGATED, claim=claim))


def _claim() -> Delegated:
    assert isinstance(DELEGATED.claim, Delegated)
    return DELEGATED.claim


def test_step_10_an_epoch_without_a_statement_key() -> None:
    epoch = replace(EPOCH, statement_key=None).sign(BOOT_KEY)
    with refused("binding.statement-key"):
        check_bundle(delegated(epoch=epoch))


def test_step_10_anchor_of_another_namespace_or_audience() -> None:
    other_namespace = replace(P, namespace=T.namespace)
    other_audience = replace(P, audience="https://other.example")
    for anchor, detail in ((other_namespace, "namespace"), (other_audience, "audience")):
        epoch, proof = epoch_around(leaf_hash(SALT, anchor.digest))
        with refused("binding.anchor", detail):
            check_bundle(delegated(anchor=anchor, epoch=epoch, proof=proof))


def test_step_10_the_anchor_is_checked_as_a_fresh_statement() -> None:
    with refused("binding.proof"):
        check_bundle(delegated(proof=replace(PROOF, index=1)))
    anchor = replace(P, anchor=EPOCH.report_data)
    epoch, proof = epoch_around(leaf_hash(SALT, anchor.digest))
    with refused("binding.not-fresh"):
        check_bundle(delegated(anchor=anchor, epoch=epoch, proof=proof))


# --- step 12, the part that needs only the known head -------------------------------------------


def test_step_12_a_log_that_does_not_chain() -> None:
    empty = LogHead.empty(P.namespace.id)
    entries = (V["entry 0"], V["entry 1"])
    for part, before in (
        (LogPart(start=0, entries=entries[::-1]), empty),
        (LogPart(start=0, entries=entries[:1]), empty),
        (LogPart(start=0, entries=(*entries, b"x")), empty),
        (LogPart(start=1, entries=entries), empty),
        (LogPart(start=0, entries=entries), LogHead.empty(R.namespace.id)),
    ):
        with refused("binding.log"):
            part.check(before, P.namespace.log)


# --- any single bit -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["root", "epoch", "statement", "proof"])
def test_no_bit_may_flip(field: str) -> None:
    parts = Parts()
    parts.check()
    good: bytes = getattr(parts, field)
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TrothError):
            replace(parts, **{field: bytes(bad)}).check()


def test_no_bit_of_a_delegated_statement_may_flip() -> None:
    good = SIGNED.encoded
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TrothError):
            check_bundle(
                replace(
                    DELEGATED, claim=replace(_claim(), signed=SignedStatement.parse(bytes(bad)))
                )
            )
