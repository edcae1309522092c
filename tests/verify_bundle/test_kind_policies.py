# SPDX-License-Identifier: Apache-2.0
"""Policies for bundles of every kind: what is refused on reading, and what the result says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, get_args

import pytest
from msgspec.structs import replace as changed

from tests.appraisals import NONCE, authentic_by, refused
from tests.bundle_kinds import Cca, Snp, machine_of, svsm
from tests.bundles import AT, with_
from tests.kinds import example
from tests.snp import world
from troth.errors import DeniedError, MalformedError, UsageError
from troth.policy import Judgement, parse_policy
from troth.policy.bundle import appraise_bundle
from troth.policy.bundle_judgement import BundleOptions, judge_bundle
from troth.policy.bundle_template import bundle_policy_template, is_unrooted
from troth.policy.judgement import BundleView
from troth.policy.vector import TrustVector
from troth.tsm.emulated.cca import Settings as CcaSettings
from troth.verify import AnyValue, Trace
from troth.verify.bundle import BundleTee, Steps

KINDS: Final = get_args(BundleTee)
OTHERS: Final = ("snp", "cca", "cove")
ROOTS: Final = {"tdx": "rtmr3", "snp": "none", "cca": "rem3", "cove": "runtime3"}


def wrong(text: str, *said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_policy(text.encode(), "p.toml")
    assert caught.value.code == "usage.policy"
    for one in said:
        assert one in caught.value.detail, caught.value


# --- reading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_its_bundles(kind: BundleTee) -> None:
    policy = machine_of(kind).policy()
    assert policy.bundle_tee == kind
    assert policy.for_bundles().report.tee == kind


@pytest.mark.parametrize("other", OTHERS)
def test_two_kinds_of_bundles(other: BundleTee) -> None:
    section = machine_of(other).section().replace("version = 1\n", "")
    text = machine_of("tdx").policy_text() + section
    wrong(text, "[boot] (line ", f"[tdx], [{other}]", "a file for each")
    both = text.partition("[boot]")[0] + section
    assert parse_policy(both.encode(), "p.toml").sections == ("tdx", other)


def test_no_kind_of_bundles() -> None:
    text = "version = 1\n[boot]" + machine_of("tdx").policy_text().partition("[boot]")[2]
    policy = parse_policy(text.encode(), "p.toml")
    with pytest.raises(DeniedError, match=r"\[tdx\], \[snp\], \[cca\], \[cove\]") as caught:
        policy.for_bundles()
    assert caught.value.code == "policy.section"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("register", ["rtmr3", "rem3", "runtime3"])
def test_a_register_of_another_kind(kind: BundleTee, register: str) -> None:
    if register == ROOTS[kind]:
        return
    text = machine_of(kind).policy_text(register=f'"{register}"')
    wrong(text, "root.register (line ", f"no register of [{kind}]")


@pytest.mark.parametrize(("kind", "size"), [("tdx", 32), ("tdx", 64), ("cove", 32)])
def test_a_value_before_of_another_size(kind: BundleTee, size: int) -> None:
    text = machine_of(kind).policy_text(before=f'["{"00" * size}"]')
    wrong(text, "root.register (line ", f"before: 48{' or 64' if kind == 'cove' else ''} bytes")


@pytest.mark.parametrize(("kind", "other"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_an_image_of_another_kind(kind: BundleTee, other: BundleTee) -> None:
    text = machine_of(kind).policy_text(images=f"[{machine_of(other).image()}]")
    wrong(text, "boot.images (line ", f"image 'test': of [{kind}] it has ")


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_without_values_or_with_more(kind: BundleTee) -> None:
    machine = machine_of(kind)
    wrong(machine.policy_text(images='[{name = "a"}]'), f"of [{kind}] it has")
    more = machine.image().replace("}", f', rtmr9 = "{"00" * 48}"}}')
    wrong(machine.policy_text(images=f"[{more}]"), "and nothing else besides its name")
    listed = machine.image().replace("}", f', events = {{rtmr0 = ["{"00" * 48}"]}}}}')
    wrong(
        machine.policy_text(images=f"[{listed}]"), 'that is "log" is due: for none, not for rtmr0'
    )


def test_an_image_of_a_tvm_names_what_was_built() -> None:
    machine, zeros = machine_of("cove"), "00" * 48
    wrong(machine.policy_text(images=f'[{{name = "a", runtime0 = "{zeros}"}}]'), "it has initial0")
    text = machine.policy_text(images=f'[{{name = "a", initial0 = "{zeros}", mr_td = "{zeros}"}}]')
    wrong(text, "it has initial0")


@pytest.mark.parametrize(("kind", "size"), [("tdx", 32), ("snp", 64), ("cove", 32)])
def test_a_measurement_of_another_size(kind: BundleTee, size: int) -> None:
    first = machine_of(kind).image().split('"')[3]
    image = machine_of(kind).image().replace(first, "ab" * size)
    wrong(machine_of(kind).policy_text(images=f"[{image}]"), "bytes are due, not ")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("tdx", "mr_td"), ("snp", "measurement"), ("cca", "rem0"), ("cove", "runtime0")],
)
def test_registers_that_no_log_leads_to(kind: BundleTee, name: str) -> None:
    machine = machine_of(kind)
    before, _, rest = machine.image().partition(f'{name} = "')
    image = f'{before}{name} = "log"{rest.partition(chr(34))[2]}'
    image = image.replace("}", f', events = {{{name} = ["{"00" * 48}"]}}}}')
    wrong(machine.policy_text(images=f"[{image}]"), 'that can be "log": ')


def logged(events: str) -> str:
    """Return a policy with an image that leaves RTMR0 to the log, and these events."""
    machine = machine_of("tdx")
    before, _, rest = machine.image().partition('rtmr0 = "')
    image = f'{before}rtmr0 = "log"{rest.partition(chr(34))[2]}'.replace("}", f"{events}}}")
    text: str = machine.policy_text(images=f"[{image}]")
    return text


DIGEST: Final = f'"{"00" * 48}"'


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("", "is due: for rtmr0, not for none"),
        (", events = {}", "is due: for rtmr0, not for none"),
        (f", events = {{rtmr1 = [{DIGEST}]}}", "is due: for rtmr0, not for rtmr1"),
        (f", events = {{rtmr0 = [{DIGEST}], rtmr1 = [{DIGEST}]}}", "not for rtmr0, rtmr1"),
        (f", events = [{DIGEST}]", "by register: events = {rtmr0 = ["),
        (", events = 7", "by register: events = {rtmr0 = ["),
        (', events = "any"', "by register: events = {rtmr0 = ["),
        (', events = {rtmr0 = "any"}', "events.rtmr0: "),
        (", events = {rtmr0 = []}", "events.rtmr0: "),
        (", events = {rtmr0 = {}}", "events.rtmr0: "),
        (", events = {rtmr0 = [7]}", "events.rtmr0, position 1: 7: 48 bytes"),
        (', events = {rtmr0 = ["any"]}', "events.rtmr0, position 1: 'any': 48 bytes"),
        (f", events = {{rtmr0 = [{DIGEST}, []]}}", "events.rtmr0, position 2: no digest"),
        (f', events = {{rtmr0 = [[{DIGEST}, "00"]]}}', "events.rtmr0, position 1: '00': 48"),
        (f", events = {{rtmr0 = [[[{DIGEST}]]]}}", "events.rtmr0, position 1: ['000"),
        (f", events = {{rtmr0 = [{DIGEST.replace('0', 'z')}]}}", "events.rtmr0, position 1: 'zz"),
    ],
)
def test_events_of_an_image(events: str, said: str) -> None:
    wrong(logged(events), "boot.images (line ", said)


@pytest.mark.parametrize("events", [f"[{DIGEST}]", f"[{DIGEST}, {DIGEST}]", f"[[{DIGEST}]]"])
def test_events_that_an_image_can_have(events: str) -> None:
    assert parse_policy(logged(f", events = {{rtmr0 = {events}}}").encode(), "p").boot is not None


def test_how_much_a_boot_can_name() -> None:
    tdx, cove, zeros = machine_of("tdx"), machine_of("cove"), "00" * 48
    images = [tdx.image().replace('"test"', f'"{at}"') for at in range(65)]
    wrong(tdx.policy_text(images=f"[{', '.join(images)}]"), "1 to 64 tables")
    held = parse_policy(tdx.policy_text(images=f"[{', '.join(images[:64])}]").encode(), "p")
    assert held.boot is not None
    assert len(held.boot.images) == 64  # type: ignore[arg-type]  # no AnyValue

    values = [f', initial{at} = "{zeros}"' for at in range(33)]
    text = cove.policy_text(images=f'[{{name = "a"{"".join(values)}}}]')
    wrong(text, "more than 32 values")
    text = cove.policy_text(images=f'[{{name = "a"{"".join(values[:32])}}}]')
    assert parse_policy(text.encode(), "p").bundle_tee == "cove"

    for events in (
        f"{{rtmr0 = [{DIGEST}, [{_digests(1023)}]]}}",
        f"{{rtmr0 = [{_digests(1024)}]}}",
    ):
        text = logged(f", events = {events}")
        assert parse_policy(text.encode(), "p").bundle_tee == "tdx"
    for events in (
        f"{{rtmr0 = [{DIGEST}, [{_digests(1024)}]]}}",
        f"{{rtmr0 = [{_digests(1025)}]}}",
    ):
        wrong(logged(f", events = {events}"), "more than 1024 digests")
    two = logged("").replace(f'rtmr1 = "{tdx.tee_body().rtmr1.hex()}"', 'rtmr1 = "log"')
    listed = f", events = {{rtmr0 = [{_digests(512)}], rtmr1 = [{_digests(513)}]}}}}]"
    wrong(two.replace("}]", listed, 1), "more than 1024 digests")


def _digests(count: int) -> str:
    return ", ".join(f'"{at:096x}"' for at in range(count))


def test_what_a_refusal_names() -> None:
    snp, cca = machine_of("snp"), machine_of("cca")
    wrong(snp.policy_text(register='"rtmr3"'), 'which has no root register; or "none"')
    wrong(cca.policy_text(register='"rtmr3"'), 'which has "rem3"; or "none"')
    wrong(snp.policy_text(images="[{name = 7}]"), "its name is a text")
    wrong(
        snp.policy_text(
            images=f'[{{name = "a", measurement = "log", events = {{measurement = [{DIGEST}]}}}}]'
        ),
        'can be "log": none',
    )


# --- step 13 ----------------------------------------------------------------------------------


def platform(machine: Any, **replaced: str) -> TrustVector:
    policy = machine.policy(**replaced)
    verified = authentic_by(machine, machine.fresh(NONCE), policy)
    return appraise_bundle(verified, policy, Steps(Trace())).vectors["platform"]


@pytest.mark.parametrize("kind", OTHERS)
def test_a_root_that_is_no_vendors(kind: BundleTee) -> None:
    """No key of a CCA platform and no root of CoVE is a vendor's that troth knows."""
    machine = machine_of(kind)
    policy = machine.policy(emulated='"deny"')
    refused(machine, machine.fresh(NONCE), 13, "policy.emulated", policy=policy)
    assert platform(machine, emulated='"contraindicate"').hardware == 97
    vector = platform(machine)
    assert (vector.hardware, vector.configuration, vector.executables) == (2, 2, 3)
    assert vector.status == "affirming"


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("snp", ("minimum_reported_tcb",)),
        ("cca", ("components",)),
        ("cove", ("platform_components",)),
        ("cove", ("tsm_components",)),
    ],
)
def test_without_a_floor_nothing_is_said_of_the_tcb(kind: BundleTee, keys: tuple[str, ...]) -> None:
    machine = machine_of(kind)
    policy = machine.policy()
    section = changed(getattr(policy, kind), **dict.fromkeys(keys, AnyValue))
    policy = changed(policy, **{kind: section})
    verified = authentic_by(machine, machine.fresh(NONCE), policy)
    vector = appraise_bundle(verified, policy, Steps(Trace())).vectors["platform"]
    assert vector.hardware == 0


@pytest.mark.parametrize(
    ("kind", "key"), [("snp", "policy_allowed"), ("cca", "rim"), ("cove", "initial")]
)
def test_a_configuration_that_is_not_pinned(kind: BundleTee, key: str) -> None:
    assert platform(machine_of(kind), **{key: '"any"'}).configuration == 3


def test_debug_that_is_tolerated_is_said() -> None:
    snp = Snp.changed(lambda report: changed(report, policy=report.policy | 1 << 19))
    settings = CcaSettings()
    own = changed(settings.platform, lifecycle=0x4000)
    for machine in (snp, Cca.of(changed(settings, platform=own))):
        vector = platform(machine, debug='"any"')
        assert (vector.configuration, vector.status) == (96, "contraindicated")


@pytest.mark.parametrize(
    ("kind", "key", "value", "code"),
    [
        ("snp", "measurement", f'["{"00" * 48}"]', "policy.measurement"),
        ("snp", "minimum_guest_svn", "200", "policy.guest-svn"),
        ("cca", "personalization_value", f'["{"11" * 64}"]', "policy.measurement"),
        ("cove", "manufacturer_id", f'["{"11" * 64}"]', "policy.platform"),
    ],
)
def test_the_section_of_the_kind_is_held(kind: BundleTee, key: str, value: str, code: str) -> None:
    machine = machine_of(kind)
    images = '"any"'
    policy = machine.policy(**{key: value, "images": images})
    refused(machine, machine.fresh(NONCE), 13, code, policy=policy)


def test_unrooted_is_said_of_the_orchestrator() -> None:
    machine = machine_of("snp")
    policy = machine.policy()
    verified = authentic_by(machine, machine.fresh(NONCE), policy)
    vectors = appraise_bundle(verified, policy, Steps(Trace())).vectors
    assert vectors["orchestrator"].configuration == 32
    assert vectors["platform"].status == "affirming"


# --- judgement and template -------------------------------------------------------------------


def judged(machine: Any, bundle: Any, text: str) -> Judgement:
    return judge_bundle(
        bundle.encoded,
        BundleOptions(
            collateral=machine.collateral,
            anchors=machine.anchors,
            at=AT,
            nonce=NONCE,
            channel=AnyValue,
            policy=parse_policy(text.encode(), "t.toml"),
            endorsements=machine.endorsements,
        ),
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_the_template_accepts_its_own_bundle(kind: BundleTee) -> None:
    machine = machine_of(kind)
    bundle = machine.fresh(NONCE)
    text = bundle_policy_template(bundle, "x")
    if kind == "snp":  # a root of ours in place of AMD's; those of the others are nobody's
        denied = judged(machine, bundle, text)
        assert (denied.verdict, denied.code, denied.tee) == ("denied", "policy.emulated", kind)
        assert denied.detail is not None
        for said in ("boot.emulated = 'deny'", "'contraindicate'", "'accept'"):
            assert said in denied.detail
        text = text.replace('emulated = "deny"', 'emulated = "accept"')
    accepted = judged(machine, bundle, text)
    assert (accepted.verdict, accepted.tee) == ("accepted", kind)
    assert isinstance(accepted.bundle, BundleView)
    assert accepted.bundle.root == ROOTS[kind]
    assert accepted.facts is not None


@pytest.mark.parametrize("kind", ["tdx", *OTHERS])
def test_the_template_says_what_is_left_open(kind: BundleTee) -> None:
    machine = machine_of(kind)
    named = machine.fresh(NONCE)
    unnamed = machine.fresh(NONCE, cnf=None)
    text = bundle_policy_template(named, "x")
    wanted = parse_policy(text.encode(), "t").for_bundles()
    own = kind in ("cca", "cove")
    assert wanted.boot.emulated == ("accept" if own else "deny")
    assert ("\n# Roots of this kind are no vendor's, always: " in text) == own
    unrooted = "\n# This bundle is unrooted, and this file takes such: "
    assert (unrooted in text) == (kind == "snp") == is_unrooted(named)
    assert wanted.claims.cnf == "required"
    asked = "\n# This statement names no key of the caller."
    assert asked not in text
    text = bundle_policy_template(unnamed, "x")
    assert asked in text
    assert parse_policy(text.encode(), "t").for_bundles().claims.cnf == "any"


@pytest.mark.parametrize("kind", ["cca", "cove"])
def test_the_template_accepts_the_next_boot(kind: BundleTee) -> None:
    """The value of the root register is another one then, and it is no measurement of the image."""
    machine = machine_of(kind)
    text = bundle_policy_template(machine.fresh(NONCE), "x").replace('"deny"', '"accept"')
    after = type(machine)(type(machine.tee)(machine.tee.settings, machine.tee.at, machine.tee.keys))
    assert judged(after, after.fresh(NONCE), text).verdict == "accepted"


def test_the_template_of_an_svsm() -> None:
    machine = svsm()
    text = bundle_policy_template(machine.fresh(NONCE), "x").replace('"deny"', '"accept"')
    assert parse_policy(text.encode(), "t").for_bundles().boot.svsm == "required"
    assert judged(machine, machine.fresh(NONCE), text).verdict == "accepted"


def test_the_template_of_a_report_that_no_bundle_holds() -> None:
    bundle = machine_of("tdx").fresh(NONCE)
    report = with_(bundle, report=replace(bundle.report, outblob=example("tpm").evidence))
    with pytest.raises(MalformedError, match=r"unsupported\.tee"):
        bundle_policy_template(report, "x")


def test_a_masked_chip_under_a_policy_that_does_not_ask() -> None:
    settings = world.settings_of()
    own = changed(settings.platform, masked=True)
    machine = Snp.of(changed(settings, platform=own))
    assert platform(machine, masked_chip='"any"').hardware == 2
