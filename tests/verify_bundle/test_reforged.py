# SPDX-License-Identifier: Apache-2.0
"""Complete bundles, signed anew by every key they need, with one thing confused in each.

What a table of damaged bytes does not reach: here every structure is well formed, every signature
is made with the key of the software TDX, the boot or the statement, and the report is genuine. The
confusion is between things that are each true by themselves.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.appraisals import NONCE, Dated, judge, refused
from tests.bundles import AT, Machine, namespace, with_
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import StaleError
from troth.evidence.binding import (
    Bundle,
    Delegated,
    Door,
    Epoch,
    ProvenStatement,
    SignedStatement,
    Statement,
)
from troth.evidence.binding.labels import AAD_EPOCH
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.wire import cbor


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


def sibling(of: Machine) -> Machine:
    """Return another TVM on the same platform, of the same image and configuration."""
    tee = of.tee
    return Machine(SoftwareTdx(tee.settings, tee.at, tee.pki, tee.secret, bundle=tee.bundle()))


def over(machine: Machine, epoch: Epoch, claim: ProvenStatement | Delegated) -> Bundle:
    """Return a bundle whose report and boot signature are over this epoch."""
    return Bundle(
        report=machine.report(epoch),
        root=machine.root,
        epoch=epoch.sign(machine.boot_key),
        claim=claim,
    )


def anchored(machine: Machine) -> tuple[Bundle, ProvenStatement, Dated]:
    """Return an anchor, its claim, and a verifier that issued its nonce five seconds ago."""
    nonce = secrets.token_bytes(32)
    anchor = machine.fresh(nonce)
    assert isinstance(anchor.claim, ProvenStatement)
    return anchor, anchor.claim, Dated(nonce, AT - timedelta(seconds=5))


def delegate(machine: Machine, anchor: ProvenStatement, report_data: bytes) -> Delegated:
    statement = machine.statement(NONCE, anchor.statement.namespace, anchor=report_data)
    return Delegated(signed=statement.sign(machine.statement_key), anchor=anchor)


# --- epochs of one boot -----------------------------------------------------------------------


def test_sound(machine: Machine) -> None:
    """What the confusions below are made of is accepted, so that nothing else refuses them."""
    anchor, claim, nonces = anchored(machine)
    judge(machine, machine.fresh(NONCE))
    bundle = with_(anchor, claim=delegate(machine, claim, anchor.epoch.epoch.report_data))
    assert judge(machine, bundle, nonces=nonces).value.mode == "delegated"


def test_an_anchor_of_another_epoch_of_this_boot(machine: Machine) -> None:
    """The statement names the epoch that is shown; the anchor was proven in an earlier one."""
    _, claim, nonces = anchored(machine)
    later = machine.fresh(NONCE)
    forged = delegate(machine, claim, later.epoch.epoch.report_data)
    refused(machine, with_(later, claim=forged), 10, "binding.proof", nonces=nonces)


def test_a_statement_that_names_an_earlier_epoch(machine: Machine) -> None:
    earlier = machine.fresh(NONCE)
    anchor, claim, nonces = anchored(machine)
    forged = delegate(machine, claim, earlier.epoch.epoch.report_data)
    refused(machine, with_(anchor, claim=forged), 10, "binding.anchor", nonces=nonces)


def test_the_report_of_another_epoch(machine: Machine) -> None:
    anchor, claim, nonces = anchored(machine)
    claimed = delegate(machine, claim, anchor.epoch.epoch.report_data)
    forged = with_(anchor, claim=claimed, report=machine.fresh(NONCE).report)
    refused(machine, forged, 5, "binding.report-data", nonces=nonces)


def test_another_height_over_the_same_tree(machine: Machine) -> None:
    """Epoch, boot signature and report are made anew for a tree that is said to be higher."""
    anchor, claim, nonces = anchored(machine)
    epoch = anchor.epoch.epoch
    for height in (epoch.height + 1, epoch.height - 1):
        other = replace(epoch, height=height)
        fresh = machine.fresh(NONCE)
        assert isinstance(fresh.claim, ProvenStatement)
        lied = replace(fresh.epoch.epoch, height=height)
        refused(machine, over(machine, lied, fresh.claim), 10, "binding.proof")
        claimed = delegate(machine, claim, other.report_data)
        refused(machine, over(machine, other, claimed), 10, "binding.proof", nonces=nonces)
        kept = with_(anchor, epoch=other.sign(machine.boot_key))
        refused(machine, with_(kept, claim=claimed), 5, "binding.report-data", nonces=nonces)


def test_the_place_of_a_sibling_in_a_higher_tree(machine: Machine) -> None:
    """A path with one node more leads from a leaf to the root of another, larger tree."""
    fresh = machine.fresh(NONCE)
    assert isinstance(fresh.claim, ProvenStatement)
    epoch, proof = fresh.epoch.epoch, fresh.claim.proof
    right = secrets.token_bytes(32)
    root = hashlib.sha256(b"\x01" + epoch.tree_root + right).digest()
    higher = replace(epoch, tree_root=root, height=epoch.height + 1)
    taller = replace(fresh.claim, proof=replace(proof, path=(*proof.path, right)))
    judge(machine, over(machine, higher, taller))  # a true tree of this height
    refused(machine, with_(fresh, claim=taller), 10, "binding.proof")


# --- anchors ----------------------------------------------------------------------------------


def test_an_anchor_for_somebody_elses_nonce(machine: Machine) -> None:
    anchor, claim, _ = anchored(machine)
    bundle = with_(anchor, claim=delegate(machine, claim, anchor.epoch.epoch.report_data))
    theirs = Dated(secrets.token_bytes(32), AT)
    assert isinstance(refused(machine, bundle, 10, "challenge.unknown", nonces=theirs), StaleError)


@pytest.mark.parametrize("age_s", [301, 3600, -5])
def test_an_anchor_out_of_its_time(machine: Machine, age_s: int) -> None:
    anchor, claim, _ = anchored(machine)
    bundle = with_(anchor, claim=delegate(machine, claim, anchor.epoch.epoch.report_data))
    nonces = Dated(claim.statement.nonce, AT - timedelta(seconds=age_s))
    refused(machine, bundle, 10, "binding.anchor-age", nonces=nonces)


def test_the_nonce_of_the_statement_in_the_anchor_too(machine: Machine) -> None:
    """One nonce for both: the anchor is as young as can be, and its epoch is this one."""
    anchor = machine.fresh(NONCE)
    assert isinstance(anchor.claim, ProvenStatement)
    claimed = delegate(machine, anchor.claim, anchor.epoch.epoch.report_data)
    nonces = Dated(NONCE, AT)
    assert judge(machine, with_(anchor, claim=claimed), nonces=nonces).value.mode == "delegated"


# --- statement keys ---------------------------------------------------------------------------


def test_the_statement_key_of_a_start_before(machine: Machine) -> None:
    """A restarted trothd names another key; what the old one signs is anchored in its epoch."""
    anchor, claim, nonces = anchored(machine)
    statement = machine.statement(
        NONCE, claim.statement.namespace, anchor=anchor.epoch.epoch.report_data
    )
    before = PrivateKey.generate()
    forged = Delegated(signed=statement.sign(before), anchor=claim)
    code = "binding.statement-signature"
    refused(machine, with_(anchor, claim=forged), 10, code, nonces=nonces)


def test_an_old_epoch_does_not_lend_its_key(machine: Machine) -> None:
    """The old key's own epoch with the anchor of a new one."""
    old = PrivateKey.generate()
    _, claim, nonces = anchored(machine)
    epoch, _ = machine.epoch(machine.statement(NONCE), statement_key=CoseKey.from_p256(old.public))
    statement = machine.statement(NONCE, claim.statement.namespace, anchor=epoch.report_data)
    forged = Delegated(signed=statement.sign(old), anchor=claim)
    refused(machine, over(machine, epoch, forged), 10, "binding.proof", nonces=nonces)


def test_an_epoch_without_a_statement_key(machine: Machine) -> None:
    nonce = secrets.token_bytes(32)
    first = machine.statement(nonce)
    epoch, (proof,) = machine.epoch(first, statement_key=None)
    claim = ProvenStatement(statement=first, proof=proof)
    forged = over(machine, epoch, delegate(machine, claim, epoch.report_data))
    code = "binding.statement-key"
    refused(machine, forged, 10, code, nonces=Dated(nonce, AT))


def test_the_boot_key_signs_no_statements(machine: Machine) -> None:
    """Even where an epoch names the boot key as its statement key, the labels part them."""
    nonce = secrets.token_bytes(32)
    first = machine.statement(nonce)
    named = CoseKey.from_p256(machine.boot_key.public)
    epoch, (proof,) = machine.epoch(first, statement_key=named)
    claim = ProvenStatement(statement=first, proof=proof)
    statement = machine.statement(NONCE, first.namespace, anchor=epoch.report_data)
    as_epoch = signature(machine.boot_key, statement.encoded, AAD_EPOCH)
    signed = SignedStatement(statement=statement, signature=as_epoch)
    forged = over(machine, epoch, Delegated(signed=signed, anchor=claim))
    refused(machine, forged, 10, "binding.statement-signature", nonces=Dated(nonce, AT))


def signature(key: PrivateKey, payload: bytes, label: bytes) -> bytes:
    """Sign as COSE_Sign1 (RFC 9052 §4.4) under a label of the caller's choice."""
    return key.sign(cbor.encode(["Signature1", bytes.fromhex("a10128"), label, payload]))


# --- fresh and delegated ----------------------------------------------------------------------


def test_a_delegated_payload_as_a_fresh_one(machine: Machine) -> None:
    """Even a trothd that put one into its own tree would not make it a fresh one."""
    anchor, claim, nonces = anchored(machine)
    data = anchor.epoch.epoch.report_data
    statement = machine.statement(NONCE, claim.statement.namespace, anchor=data)
    refused(machine, machine.over(statement), 10, "binding.not-fresh", nonces=nonces)


def test_a_fresh_payload_as_a_delegated_one(machine: Machine) -> None:
    anchor, claim, nonces = anchored(machine)
    statement: Statement = machine.statement(NONCE, claim.statement.namespace)
    bare = signature(machine.statement_key, statement.encoded, b"troth/statement/v1")
    signed = SignedStatement(statement=statement, signature=bare)
    forged = with_(anchor, claim=Delegated(signed=signed, anchor=claim))
    refused(machine, forged, 10, "binding.anchor", nonces=nonces)


def test_a_delegated_statement_as_an_anchor(machine: Machine) -> None:
    """A chain of delegations would outlive its first report."""
    nonce, earlier = secrets.token_bytes(32), machine.fresh(NONCE)
    middle = machine.statement(nonce, namespace(), anchor=earlier.epoch.epoch.report_data)
    epoch, (proof,) = machine.epoch(middle)
    claim = ProvenStatement(statement=middle, proof=proof)
    forged = over(machine, epoch, delegate(machine, claim, epoch.report_data))
    refused(machine, forged, 10, "binding.not-fresh", nonces=Dated(nonce, AT))


# --- another TVM of the same image and configuration ------------------------------------------


def test_both_are_accepted_by_themselves(machine: Machine) -> None:
    other = sibling(machine)
    judge(machine, other.fresh(NONCE))
    assert other.root.configuration == machine.root.configuration


def test_an_epoch_of_another_vm(machine: Machine) -> None:
    other = sibling(machine)
    theirs, mine = other.fresh(NONCE), machine.fresh(NONCE)
    for forged, step, code in (
        (with_(theirs, report=mine.report), 5, "binding.report-data"),
        (with_(mine, report=theirs.report), 5, "binding.report-data"),
        (with_(theirs, root=mine.root), 6, "binding.root-digest"),
        (with_(mine, epoch=theirs.epoch), 5, "binding.report-data"),
        (with_(mine, claim=theirs.claim), 10, "binding.proof"),
    ):
        refused(machine, forged, step, code)


def test_an_epoch_that_claims_another_boot(machine: Machine) -> None:
    """A broken trothd of one VM makes whole, genuine reports over the name of another's root."""
    other = sibling(machine)
    statement = other.statement(NONCE)
    epoch, (proof,) = other.epoch(statement, root_digest=machine.root.digest)
    claim = ProvenStatement(statement=statement, proof=proof)
    forged = Bundle(
        report=other.report(epoch), root=machine.root, epoch=epoch.sign(other.boot_key), claim=claim
    )
    refused(machine, forged, 7, "binding.root-register")
    refused(machine, with_(forged, root=other.root), 6, "binding.root-digest")
    borrowed = with_(forged, report=machine.report(epoch))  # and the report of the other, somehow
    refused(machine, borrowed, 8, "binding.epoch-signature")


def test_an_anchor_of_another_vm(machine: Machine) -> None:
    other = sibling(machine)
    anchor, _, _ = anchored(machine)
    _, theirs, nonces = anchored(other)
    forged = delegate(machine, theirs, anchor.epoch.epoch.report_data)
    refused(machine, with_(anchor, claim=forged), 10, "binding.proof", nonces=nonces)


# --- root statements --------------------------------------------------------------------------


def test_a_door_that_is_left_out_of_the_root_statement() -> None:
    """The boot lists its door, and signs an epoch over a root statement that does not."""
    machine = Machine.boot(doors=(Door.RAW,))
    refused(machine, machine.fresh(NONCE), 11, "policy.doors")
    shut = machine.root_statement(doors=())
    statement = machine.statement(NONCE)
    epoch, (proof,) = machine.epoch(statement, root_digest=shut.digest)
    claim = ProvenStatement(statement=statement, proof=proof)
    forged = with_(over(machine, epoch, claim), root=shut)
    refused(machine, forged, 7, "binding.root-register")
    refused(machine, with_(machine.fresh(NONCE), root=shut), 6, "binding.root-digest")


def test_a_door_that_nobody_knows(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    doors = cbor.encode([9])
    old, new = machine.root.encoded, machine.root.encoded.replace(b"\x04\x80", b"\x04" + doors)
    assert len(new) == len(old) + 1
    record = cbor.encode(old), cbor.encode(new)
    data = bundle.encoded.replace(*record)
    assert data != bundle.encoded
    refused(machine, data, 1, "binding.range")


def test_a_root_statement_with_another_configuration(machine: Machine) -> None:
    """Digest and epoch are made anew; the register cannot be."""
    other = machine.root_statement(configuration=bytes(32))
    statement = machine.statement(NONCE)
    epoch, (proof,) = machine.epoch(statement, root_digest=other.digest)
    claim = ProvenStatement(statement=statement, proof=proof)
    forged = with_(over(machine, epoch, claim), root=other)
    refused(machine, forged, 7, "binding.root-register")
