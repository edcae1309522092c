# SPDX-License-Identifier: Apache-2.0
"""Bundles of every kind of TEE: what each step takes, and what it refuses with which code.

Every bundle is sound in all but one thing. What no kind changes is tried with TDX in the files
beside this one.
"""

from __future__ import annotations

import secrets
from copy import copy
from dataclasses import replace
from itertools import permutations
from typing import Any, Final, get_args

import pytest
from msgspec.structs import replace as changed

from tests.appraisals import NONCE, judge, refused
from tests.bundle_kinds import Cca, Cove, Snp, fresh_machine, machine_of, svsm
from tests.bundles import Machine, with_
from tests.snp import world
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import UntrustedError
from troth.evidence.binding import Bundle, Service
from troth.evidence.snp.layout import VMPL_HOST
from troth.tsm.emulated.cca import Settings as CcaSettings
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import Settings as CoveSettings
from troth.tsm.emulated.snp.svsm import bound_report_data
from troth.verify.bundle import BUNDLE_KINDS, BundleTee, RootWanted

KINDS: Final = get_args(BundleTee)
OTHERS: Final = ("snp", "cca", "cove")
ROOTED: Final = ("tdx", "cca", "cove")
ROOTS: Final = {"tdx": "rtmr3", "snp": "none", "cca": "rem3", "cove": "runtime3"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_bundle_is_accepted(kind: BundleTee) -> None:
    machine = machine_of(kind)
    facts = judge(machine, machine.fresh(NONCE)).value
    assert (facts.tee, facts.root, facts.image) == (kind, ROOTS[kind], "test")
    assert facts.mode == "fresh"


def test_every_kind_has_its_root() -> None:
    assert {tee: one.register for tee, one in BUNDLE_KINDS.items()} == ROOTS


@pytest.mark.parametrize("kind", OTHERS)
def test_a_delegated_bundle_binds_alike(kind: BundleTee) -> None:
    machine = machine_of(kind)
    anchor = machine.fresh(secrets.token_bytes(32))
    refused(machine, machine.delegated(anchor, NONCE), 10, "challenge.unknown")


# --- step 3 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("due", "other"), list(permutations(KINDS, 2)))
def test_3_a_report_of_another_kind(due: BundleTee, other: BundleTee) -> None:
    machine, stranger = machine_of(due), machine_of(other)
    bundle = machine.fresh(NONCE)
    report = replace(bundle.report, outblob=stranger.report(bundle.epoch.epoch).outblob)
    refused(machine, with_(bundle, report=report), 3, "binding.report-kind")


@pytest.mark.parametrize("kind", OTHERS)
def test_3_provider_chooses_nothing(kind: BundleTee) -> None:
    machine = machine_of(kind)
    bundle = machine.fresh(NONCE)
    for provider in ("tdx_guest", "sev_guest", "arm_cca_guest", ""):
        judge(machine, with_(bundle, report=replace(bundle.report, provider=provider)))


@pytest.mark.parametrize(
    ("kind", "code"),
    [("snp", "snp.size"), ("cca", "cbor.syntax"), ("cove", "cbor.syntax")],
)
def test_3_a_report_cut_short(kind: BundleTee, code: str) -> None:
    machine = machine_of(kind)
    bundle = machine.fresh(NONCE)
    report = replace(bundle.report, outblob=bundle.report.outblob[:-1])
    refused(machine, with_(bundle, report=report), 3, code)


@pytest.mark.parametrize(
    ("kind", "code"), [("snp", "snp.signature"), ("cca", "cpak.unknown"), ("cove", "cove.root")]
)
def test_3_a_report_of_somebody_else(kind: BundleTee, code: str) -> None:
    machine = machine_of(kind)
    bundle = machine.fresh(NONCE)
    data = bundle.epoch.epoch.report_data
    if kind == "snp":
        outblob = machine.tee.report(data, signed_by=world.stranger())
    else:
        outblob = fresh_machine(kind).evidence(data)
    report = replace(bundle.report, outblob=outblob)
    refused(machine, with_(bundle, report=report), 3, code)


@pytest.mark.parametrize(
    ("kind", "code"),
    [("snp", "collateral.missing"), ("cca", "cpak.unknown"), ("cove", "cove.root")],
)
def test_3_nothing_vouches_by_default(kind: BundleTee, code: str) -> None:
    machine = machine_of(kind)
    nothing = machine_of("tdx").endorsements
    refused(machine, machine.fresh(NONCE), 3, code, endorsements=nothing)


def test_3_a_cove_platform_under_debug() -> None:
    settings = CoveSettings()
    platform = changed(settings.platform, state="debug")
    machine = Cove.of(changed(settings, platform=platform))
    refused(machine, machine.fresh(NONCE), 3, "cove.state")


# --- step 4 -----------------------------------------------------------------------------------


def reports(**fields: Any) -> Snp:
    """Return a guest whose firmware reports these fields."""
    return Snp.changed(lambda report: changed(report, **fields))


def permits(bit: int) -> Snp:
    """Return a guest that was launched with a permission."""
    return Snp.changed(lambda report: changed(report, policy=report.policy | 1 << bit))


def test_4_snp_debug() -> None:
    machine = permits(19)
    refused(machine, machine.fresh(NONCE), 4, "policy.debug")
    judge(machine, machine.fresh(NONCE), machine.policy(debug='"any"'))


def test_4_snp_migration_agent() -> None:
    machine = permits(18)
    refused(machine, machine.fresh(NONCE), 4, "policy.migration-agent")
    judge(machine, machine.fresh(NONCE), machine.policy(migration_agent='"any"'))


def test_4_snp_privilege_level() -> None:
    machine = reports(vmpl=1)
    refused(machine, machine.fresh(NONCE), 4, "policy.vmpl")
    judge(machine, machine.fresh(NONCE), machine.policy(vmpl="[1]"))
    judge(machine, machine.fresh(NONCE), machine.policy(vmpl='"any"'))


@pytest.mark.parametrize("vmpl", ['"any"', '["host"]', "[0]"])
def test_4_snp_report_of_the_host(vmpl: str) -> None:
    machine = reports(vmpl=VMPL_HOST)
    refused(machine, machine.fresh(NONCE), 4, "policy.vmpl", policy=machine.policy(vmpl=vmpl))


def test_4_snp_masked_chip() -> None:
    settings = world.settings_of()
    platform = changed(settings.platform, masked=True)
    machine = Snp.of(changed(settings, platform=platform))
    error = refused(machine, machine.fresh(NONCE), 4, "policy.chip")
    assert error.detail == "expected the chip of the certificate, got masked"
    judge(machine, machine.fresh(NONCE), machine.policy(masked_chip='"any"'))


def test_4_snp_chip_without_a_name_under_a_vlek() -> None:
    machine = Snp.of(world.settings_of(signing_key="VLEK"))
    judge(machine, machine.fresh(NONCE))
    wanted = machine.policy(masked_chip='"forbid"')
    refused(machine, machine.fresh(NONCE), 4, "policy.chip", policy=wanted)


def test_4_cca_debug() -> None:
    settings = CcaSettings()
    platform = changed(settings.platform, lifecycle=0x4000)
    machine = Cca.of(changed(settings, platform=platform))
    refused(machine, machine.fresh(NONCE), 4, "policy.debug")
    judge(machine, machine.fresh(NONCE), machine.policy(debug='"any"'))


# --- step 5 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OTHERS)
def test_5_a_report_over_something_else(kind: BundleTee) -> None:
    machine = machine_of(kind)
    bundle = machine.fresh(NONCE)
    data = bytearray(bundle.epoch.epoch.report_data)
    data[-1] ^= 1
    report = replace(bundle.report, outblob=machine.evidence(bytes(data)))
    refused(machine, with_(bundle, report=report), 5, "binding.report-data")


def test_5_an_svsm_by_policy() -> None:
    machine = svsm()
    bundle = machine.fresh(NONCE)
    judge(machine, bundle, machine.policy(svsm='"required"'))
    refused(machine, bundle, 5, "binding.manifest")


def test_5_an_svsm_that_is_missing() -> None:
    machine = machine_of("snp")
    policy = machine.policy(svsm='"required"')
    refused(machine, machine.fresh(NONCE), 5, "binding.manifest", policy=policy)


def test_5_a_manifest_that_the_report_is_not_over() -> None:
    machine = svsm()
    bundle, policy = machine.fresh(NONCE), machine.policy(svsm='"required"')
    service = bundle.report.service
    assert service is not None
    manifest = service.manifest
    other = Service(provider="svsm", manifest=manifest[:-1] + bytes([manifest[-1] ^ 1]))
    forged = with_(bundle, report=replace(bundle.report, service=other))
    refused(machine, forged, 5, "binding.report-data", policy=policy)


@pytest.mark.parametrize("vmpl", ['"any"', "[0, 1]"])
def test_4_a_guest_that_plays_the_svsm(vmpl: str) -> None:
    """At level 1 a guest can have the hash of its own manifest signed."""
    machine = svsm()
    bundle = machine.fresh(NONCE)
    service = bundle.report.service
    assert service is not None
    data = bound_report_data(bundle.epoch.epoch.report_data, service.manifest)
    policy = machine.policy(svsm='"required"', vmpl=vmpl)
    for level, judged in ((0, True), (1, False)):
        report = replace(bundle.report, outblob=machine.tee.report(data, privlevel=level))
        forged = with_(bundle, report=report)
        if judged:
            judge(machine, forged, policy)
        else:
            refused(machine, forged, 4, "policy.vmpl", policy=policy)


def test_4_the_level_is_that_of_the_svsms_report() -> None:
    machine = svsm()
    policy = machine.policy(svsm='"required"', vmpl="[1]")
    refused(machine, machine.fresh(NONCE), 4, "policy.vmpl", policy=policy)


# --- step 7 -----------------------------------------------------------------------------------


def impostor(machine: Machine) -> Bundle:
    """Return the bundle of somebody with the report device, but without the boot key."""
    other = copy(machine)
    other.boot_key = PrivateKey.generate()
    other.root = other.root_statement(boot_key=CoseKey.from_p256(other.boot_key.public))
    return other.fresh(NONCE)


@pytest.mark.parametrize("kind", ROOTED)
def test_7_own_epoch_under_an_own_root(kind: BundleTee) -> None:
    machine = machine_of(kind)
    refused(machine, impostor(machine), 7, "binding.root-register")
    facts = judge(machine, impostor(machine), machine.policy(register='"none"')).value
    assert facts.root == "none"


def test_7_snp_is_unrooted_and_says_so() -> None:
    machine = machine_of("snp")
    assert judge(machine, impostor(machine)).value.root == "none"


@pytest.mark.parametrize("kind", ROOTED)
def test_7_a_register_that_somebody_spoiled(kind: BundleTee) -> None:
    machine = fresh_machine(kind)
    machine.tee.extend(3, bytes(48))
    refused(machine, machine.fresh(NONCE), 7, "binding.root-register")


@pytest.mark.parametrize("kind", ROOTED)
def test_7_somebody_came_first(kind: BundleTee) -> None:
    machine = fresh_machine(kind)
    late = copy(machine)
    late.boot_key = PrivateKey.generate()
    late.root = late.root_statement()
    late.root_step()
    refused(late, late.fresh(NONCE), 7, "binding.root-register")


@pytest.mark.parametrize("kind", ROOTED)
def test_7_another_value_before(kind: BundleTee) -> None:
    machine = machine_of(kind)
    size = len(machine.before) // 2 - 1
    policy = machine.policy(before=f'["{"01" * size}"]')
    refused(machine, machine.fresh(NONCE), 7, "binding.root-register", policy=policy)
    policy = machine.policy(before=f'["{"01" * size}", "{"00" * size}"]')
    assert judge(machine, machine.fresh(NONCE), policy).value.root == ROOTS[kind]
    refused(
        machine,
        machine.fresh(NONCE),
        7,
        "binding.root-register",
        policy=machine.policy(before="[]"),
    )


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
def test_7_the_realms_own_hash(algorithm: str) -> None:
    settings = CcaSettings()
    machine = Cca.of(changed(settings, realm=changed(settings.realm, hash_algorithm=algorithm)))
    size = int(algorithm[-3:]) // 8
    policy = machine.policy(before=f'["{"00" * size}"]')
    assert judge(machine, machine.fresh(NONCE), policy).value.root == "rem3"
    other = machine.policy(before=f'["{"00" * (32 if size == 64 else 64)}"]')
    error = refused(machine, machine.fresh(NONCE), 7, "binding.root-register", policy=other)
    assert f"expected a value before of {size} bytes" in error.detail


@pytest.mark.parametrize(("algorithm", "due"), [("sha-384", "sha3-384"), ("sha3-384", "sha-384")])
def test_7_hashes_of_one_size_are_told_apart(algorithm: str, due: str) -> None:
    settings = CoveSettings()
    machine = Cove.of(changed(settings, tvm=changed(settings.tvm, algorithm=algorithm)))
    assert judge(machine, machine.fresh(NONCE)).value.root == "runtime3"
    other = Cove.of(changed(settings, tvm=changed(settings.tvm, algorithm=due)))
    # The value that the other hash gives, in a register that starts with it.
    runtime = ("00" * 48, "00" * 48, "00" * 48, other.tee.registers()[3].hex())
    foreign = changed(settings.tvm, algorithm=algorithm, runtime=runtime)
    wrong = Unextended.of(changed(settings, tvm=foreign))
    wrong.boot_key, wrong.root = other.boot_key, other.root
    refused(wrong, wrong.fresh(NONCE), 7, "binding.root-register")


class Unextended(Cove):
    """A TVM whose root step did nothing."""

    def root_step(self) -> None:
        pass


def test_7_a_tvm_without_the_register() -> None:
    settings = CoveSettings()
    tvm = changed(settings.tvm, runtime=("00" * 48,))
    machine = Unextended.of(changed(settings, tvm=tvm))
    refused(machine, machine.fresh(NONCE), 7, "binding.root-register")
    policy = machine.policy(register='"none"')
    assert judge(machine, machine.fresh(NONCE), policy).value.root == "none"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("register", ["rtmr3", "rem3", "runtime3"])
def test_7_a_register_of_another_kind(kind: BundleTee, register: Any) -> None:
    """No policy file can say so; whoever makes a Wanted otherwise is refused as well."""
    if register == ROOTS[kind]:
        return
    machine = machine_of(kind)
    root = RootWanted(register=register, before=frozenset({bytes(48), bytes(64)}))
    wanted = changed(machine.policy().for_bundles(), root=root)
    refused(machine, machine.fresh(NONCE), 7, "binding.root-register", wanted=wanted)


# --- step 9 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("kind", ["tdx", "cca", "cove"])
def test_9_another_boot_register(kind: BundleTee, index: int) -> None:
    machine = fresh_machine(kind)
    policy = machine.policy(**{f"{one}": '"any"' for one in own_registers(kind)})
    machine.tee.extend(index, bytes([7]) * 48)
    refused(machine, machine.fresh(NONCE), 9, "policy.boot", policy=policy)


def own_registers(kind: str) -> tuple[str, ...]:
    """Return the keys of the kind's section, so that step 9 alone can refuse."""
    return {"tdx": (), "cca": ("rem0", "rem1", "rem2"), "cove": ()}[kind]


@pytest.mark.parametrize("kind", OTHERS)
def test_9_another_launch(kind: BundleTee) -> None:
    machine = machine_of(kind)
    image = machine.image().replace('"', "").strip("{}").split(" = ")
    first, rest = image[2].split(",")[0], machine.image()
    assert rest.count(first) == 1
    policy = machine.policy(images=f"[{rest.replace(first, 'ab' * (len(first) // 2))}]")
    refused(machine, machine.fresh(NONCE), 9, "policy.boot", policy=policy)


def test_9_a_cove_register_that_the_image_does_not_have() -> None:
    machine = machine_of("cove")
    for name in ("initial1", "runtime2"):
        before, _, rest = machine.image().partition(f', {name} = "')
        image = before + rest.partition('"')[2]
        policy = machine.policy(images=f"[{image}]")
        refused(machine, machine.fresh(NONCE), 9, "policy.boot", policy=policy)


# --- two machines ------------------------------------------------------------------------------


def test_a_realm_token_cannot_be_cut_from_its_platform() -> None:
    """Two machines: the challenge is right, the key is another platform's."""
    machine = machine_of("cca")
    bundle = machine.fresh(NONCE)
    other: Any = SoftwareCca.create(machine.tee.settings, at=machine.tee.at)
    token = other.token(bundle.epoch.epoch.report_data)
    with pytest.raises(UntrustedError, match=r"cca\.platform-signature"):
        judge(machine, with_(bundle, report=replace(bundle.report, outblob=token)))
