# SPDX-License-Identifier: Apache-2.0
"""BINDING's table of what must be refused, and the verifier's other steps: each with step and code.

Every bundle here is sound in all but one thing: tree, epoch and signatures are made anew around
the fault where they would otherwise be at fault too.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from copy import copy
from dataclasses import replace

import pytest
from msgspec.structs import replace as struct_replace

from tests.appraisals import NONCE, N, judge, refused, td
from tests.bundles import AT, Machine, resigned, with_
from troth.crypto.cose import Sign1
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import TrothError, UntrustedError
from troth.evidence.binding import (
    Bundle,
    Service,
    SignedEpoch,
)
from troth.evidence.binding.labels import AAD_STATEMENT
from troth.policy import Policy
from troth.policy.bundle import appraise_bundle
from troth.tsm.emulated.tdx import Settings
from troth.verify import Trace
from troth.verify.bundle import (
    Steps,
)
from troth.verify.bundle.manifest import check_manifest
from troth.verify.bundle.report import form_1


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


@pytest.fixture(scope="module")
def policy(machine: Machine) -> Policy:
    return machine.policy()


def test_a_sound_bundle_is_accepted(machine: Machine, policy: Policy) -> None:
    facts = judge(machine, machine.fresh(NONCE), policy).value
    assert (facts.mode, facts.root, facts.image) == ("fresh", "rtmr3", "test")


def test_n_minus_s_is_accepted(machine: Machine, policy: Policy) -> None:
    bundle = machine.fresh(NONCE)
    judge(machine, with_(bundle, epoch=resigned(bundle, N)), policy)


# --- step 1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\xa0", b"\xff" * 9, b"\xbf\xff"])
def test_1_what_is_no_bundle(machine: Machine, policy: Policy, data: bytes) -> None:
    with pytest.raises(TrothError) as caught:
        judge(machine, data, policy)
    assert caught.value.step == 1


def test_1_a_byte_behind(machine: Machine) -> None:
    refused(machine, machine.fresh(NONCE).encoded + b"\0", 1, "cbor.trailing")


def test_1_iat_in_a_longer_encoding(machine: Machine) -> None:
    data = machine.fresh(NONCE).encoded
    seconds = int(AT.timestamp())
    short, long = b"\x06\x1a" + struct.pack(">I", seconds), b"\x06\x1b" + struct.pack(">Q", seconds)
    assert data.count(short) == 1
    with pytest.raises(TrothError) as caught:
        judge(machine, data.replace(short, long))
    assert caught.value.step == 1


# --- steps 3 to 5 -----------------------------------------------------------------------------


def test_3_a_forged_quote(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    data = bundle.epoch.epoch.report_data
    forged = machine.tee.quote(data, attestation_key=PrivateKey.generate())
    report = replace(bundle.report, outblob=forged)
    with pytest.raises(UntrustedError) as caught:
        judge(machine, with_(bundle, report=report))
    assert caught.value.step == 3


def test_3_no_collateral(machine: Machine) -> None:
    refused(machine, machine.fresh(NONCE), 3, "collateral.missing", collateral=())


def test_3_another_root(machine: Machine) -> None:
    refused(machine, machine.fresh(NONCE), 3, "chain.root", anchors=Machine.boot().anchors)


def test_4_debug() -> None:
    machine = td(attributes="0100001000000000")
    refused(machine, machine.fresh(NONCE), 4, "policy.debug")


def test_4_migratable_without_a_named_service_td() -> None:
    machine = td(attributes="0000003000000000")
    refused(machine, machine.fresh(NONCE), 4, "policy.migratable")


def test_4_migratable_by_a_service_td_that_is_named() -> None:
    settings = Settings(quote_version=5)
    own = struct_replace(settings.td, attributes="0000003000000000", mr_service_td="5e" * 48)
    machine = Machine.boot(struct_replace(settings, td=own))
    named = {"attributes_allowed": '["MIGRATABLE"]'}
    policy = machine.policy(mr_service_td=f'["{"5e" * 48}"]', **named)
    judge(machine, machine.fresh(NONCE), policy)
    for other in ('"any"', f'["{"5f" * 48}"]', '["absent"]'):
        policy = machine.policy(mr_service_td=other, **named)
        error = refused(machine, machine.fresh(NONCE), 4, "policy.migratable", policy=policy)
        assert error.detail.endswith("5e" * 48)


def test_5_a_report_over_something_else(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    outblob = machine.tee.quote(secrets.token_bytes(64))
    other = replace(bundle.report, outblob=outblob)
    refused(machine, with_(bundle, report=other), 5, "binding.report-data")


def manifest(*services: bytes) -> bytes:
    head = bytes.fromhex("bb9e8463923d7046a1ff58f9c94b87bb")
    at = 24 + 24 * len(services)
    table = b""
    for one in services:
        table += secrets.token_bytes(16) + struct.pack("<II", at, len(one))
        at += len(one)
    return head + struct.pack("<II", at, len(services)) + table + b"".join(services)


def counted(blob: bytes, *, size: int, count: int = 1) -> bytes:
    """Return a manifest whose header says another size and number of services."""
    return blob[:16] + struct.pack("<II", size, count) + blob[24:]


def svsm(machine: Machine, blob: bytes) -> Bundle:
    bundle = machine.fresh(NONCE)
    due = hashlib.sha512(bundle.epoch.epoch.report_data + blob).digest()
    report = replace(
        bundle.report,
        outblob=machine.tee.quote(due),
        service=Service(provider="svsm", manifest=blob),
    )
    return with_(bundle, report=report)


def test_5_a_manifest_that_policy_does_not_expect(machine: Machine) -> None:
    refused(machine, svsm(machine, manifest(b"vtpm")), 5, "binding.manifest")


def test_5_an_svsm_by_policy(machine: Machine) -> None:
    policy = machine.policy(svsm='"required"')
    judge(machine, svsm(machine, manifest(b"vtpm", b"x")), policy)
    refused(machine, machine.fresh(NONCE), 5, "binding.manifest", policy=policy)
    tail = svsm(machine, manifest(b"vtpm") + b"\0")
    refused(machine, tail, 5, "binding.manifest", policy=policy)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        manifest(),
        manifest(b"a")[:-1],
        bytes(16) + manifest(b"a")[16:],
        manifest(b"a", b"b")[:64] + b"\xff" + manifest(b"a", b"b")[65:],
        counted(manifest(b"a"), size=50),
        counted(manifest(b"a") + b"\0", size=50),
        manifest(*[b""] * 65),
        counted(manifest(b""), size=48, count=2)[:40] + struct.pack("<II", 72, 0),
    ],
    ids=[
        *("empty", "no service", "cut short", "another GUID", "a gap"),
        *("another size", "a tail within the size", "65 services", "a service beyond the end"),
    ],
)
def test_5_manifests_with_no_or_two_readings(blob: bytes) -> None:
    with pytest.raises(UntrustedError, match=r"binding\.manifest"):
        check_manifest(blob)


def test_5_a_form_1_value_that_could_be_form_2() -> None:
    with pytest.raises(UntrustedError, match=r"binding\.report-data"):
        form_1(secrets.token_bytes(48) + bytes(16), Steps(Trace()))


# --- steps 6 to 9 -----------------------------------------------------------------------------


def test_6_own_root_statement_with_own_boot_key(machine: Machine) -> None:
    root = machine.root_statement(boot_key=CoseKey.from_p256(PrivateKey.generate().public))
    refused(machine, with_(machine.fresh(NONCE), root=root), 6, "binding.root-digest")


def impostor(machine: Machine) -> Bundle:
    """Return the bundle of somebody with the report device, but without the boot key."""
    other = copy(machine)
    other.boot_key = PrivateKey.generate()
    other.root = other.root_statement()
    return other.fresh(NONCE)


def test_7_own_epoch_under_an_own_root(machine: Machine) -> None:
    refused(machine, impostor(machine), 7, "binding.root-register")
    facts = judge(machine, impostor(machine), machine.policy(register='"none"')).value
    assert facts.root == "none"


def test_8_an_epoch_signed_by_the_statement_key(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    epoch = bundle.epoch.epoch.sign(machine.statement_key)
    refused(machine, with_(bundle, epoch=epoch), 8, "binding.epoch-signature")


def test_8_an_epoch_signed_under_the_statements_label(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    signed = Sign1.sign(machine.boot_key, bundle.epoch.epoch.encoded, AAD_STATEMENT)
    epoch = SignedEpoch(epoch=bundle.epoch.epoch, signature=signed.signature)
    refused(machine, with_(bundle, epoch=epoch), 8, "binding.epoch-signature")


def test_9_another_boot(machine: Machine) -> None:
    other = td(mr_td="ab" * 48)
    refused(other, other.fresh(NONCE), 9, "policy.boot", policy=machine.policy())


def test_9_no_reference_values_is_at_most_genuine(machine: Machine) -> None:
    policy = machine.policy(images='"any"')
    verified = judge(machine, machine.fresh(NONCE), policy)
    appraisal = appraise_bundle(verified, policy, Steps(Trace()))
    assert appraisal.verdict == "genuine"
    assert appraisal.vectors["platform"].executables == 0
