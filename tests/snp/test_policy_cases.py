# SPDX-License-Identifier: Apache-2.0
"""Genuine guests that a policy does not want: each rule alone, met and missed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.snp.policies import OPEN, snp_policy
from tests.snp.table import (
    Accepted,
    Given,
    Table,
    bundle,
    expected,
    on,
    outcome,
    reported,
    settle,
)
from tests.snp.test_sound import masked, with_tcbs
from tests.snp.world import AT, CHIP, REPORT_DATA, TURIN_CHIP, anchors, settings_of, snp
from troth.evidence.snp import Product, SnpReport
from troth.policy.snp import CONVERTERS, SnpPolicy, appraise_snp
from troth.policy.snp_template import policy_template_snp
from troth.tsm.emulated.snp import Settings
from troth.tsm.emulated.snp.settings import Tcb
from troth.verify import ChipId, Revocation, Trace
from troth.verify.snp import verify_snp
from troth.wire.toml import parse_toml

ONES: Final = "11" * 48
HOST: Final = 0xFFFFFFFF
BASE: Final = 0x2_01_33  # bit 17; ABI 1.51
SMT, AGENT, DEBUG, SINGLE, CXL, FUTURE = (1 << n for n in (16, 18, 19, 20, 21, 40))
MINIMUM: Final = {"bootloader": 4, "tee": 1, "snp": 24, "microcode": 219}
ABOVE: Final = {**MINIMUM, "microcode": 220}
NEWER: Final = Tcb(microcode=220)


def under(policy: dict[str, object], given: Given) -> Given:
    return Given(
        report=given.report,
        bundles=given.bundles,
        report_data=given.report_data,
        revocation=Revocation.ANY,
        chip=ChipId.MASKED,
        policy=policy,
    )


def judged_under(policy: dict[str, object], make: Callable[[], Given]) -> Given:
    return under(policy, make())


def on_platform(**fields: Any) -> Given:
    settings = settings_of()
    return on(replace(settings, platform=replace(settings.platform, **fields)))


def of(settings: Settings) -> Given:
    return on(settings)


VLEK: Final = settings_of(signing_key="VLEK")
TURIN: Final = settings_of("Turin")
# Each row: the rule, a report that it is missed by, the code; and one that it is met by.
Row = tuple[dict[str, object], Any, str, Any]
ROWS: Final[dict[str, Row]] = {
    "crl": (
        {"crl": "required"},
        lambda: Given(bundles=(bundle(crl=None),)),
        "policy.revocation",
        Given,
    ),
    "masked-chip": ({"masked_chip": "forbid"}, masked, "policy.chip", Given),
    "chip-refused": (
        {"chip_ids_refused": ["00" * 64, CHIP]},
        Given,
        "policy.chip",
        lambda: of(TURIN),
    ),
    "chip-of-turin-refused": (
        {"chip_ids_refused": [TURIN_CHIP]},
        lambda: of(TURIN),
        "policy.chip",
        Given,
    ),
    "chip-refused-though-masked": (
        {"chip_ids_refused": [CHIP]},
        masked,
        "policy.chip",
        lambda: of(TURIN),
    ),
    "chip-refused-and-none-named": (
        {"chip_ids_refused": [CHIP]},
        lambda: of(VLEK),
        "policy.chip",
        lambda: of(TURIN),
    ),
    "chip-unnamed-under-a-vlek": (
        {"masked_chip": "forbid"},
        lambda: of(VLEK),
        "policy.chip",
        Given,
    ),
    "product-refused": (
        {"products_refused": ["Milan"]},
        Given,
        "policy.product",
        lambda: of(TURIN),
    ),
    "product-of-v2-refused": (
        {"products_refused": ["Milan"]},
        lambda: of(settings_of(version=2)),
        "policy.product",
        lambda: of(settings_of("Genoa", version=2)),
    ),
    "signing-key": ({"signing_key": ["VCEK"]}, lambda: of(VLEK), "policy.signer", Given),
    "csp": (
        {"csp_id": ["another"]},
        lambda: of(VLEK),
        "policy.signer",
        lambda: of(replace(VLEK, csp_id="another")),
    ),
    "csp-absent": ({"csp_id": ["absent"]}, lambda: of(VLEK), "policy.signer", Given),
    "no-signing-key-is-wanted": ({"signing_key": []}, Given, "policy.signer", None),
    "reported-tcb": (
        {"minimum_reported_tcb": {"Milan": ABOVE}},
        Given,
        "policy.tcb",
        lambda: on(
            with_tcbs(**dict.fromkeys(("reported", "committed", "current"), Tcb(microcode=220)))
        ),
    ),
    "reported-tcb-of-another-product": (
        {"minimum_reported_tcb": {"Genoa": MINIMUM}},
        Given,
        "policy.tcb",
        lambda: of(settings_of("Genoa")),
    ),
    "launch-tcb": (
        {"minimum_launch_tcb": {"Milan": MINIMUM}},
        lambda: on(with_tcbs(launch=Tcb(microcode=218))),
        "policy.tcb",
        Given,
    ),
    "launch-tcb-of-another-product": (
        {"minimum_launch_tcb": {"Turin": {"fmc": 0, **MINIMUM}}},
        Given,
        "policy.tcb",
        lambda: of(TURIN),
    ),
    "launch-mitigations": (
        {"launch_mitigations": [0, 3]},
        lambda: on_platform(launch_mitigations=0b0001, current_mitigations=0b1001),
        "policy.mitigations",
        lambda: on_platform(launch_mitigations=0b1101),
    ),
    "current-mitigations": (
        {"current_mitigations": [63]},
        lambda: on_platform(launch_mitigations=1 << 63),
        "policy.mitigations",
        lambda: on_platform(current_mitigations=1 << 63),
    ),
    "mitigations-before-v5": (
        {"launch_mitigations": [0]},
        lambda: of(settings_of(version=4)),
        "policy.mitigations",
        None,
    ),
    "platform-required": (
        {"platform_required": ["ECC", "ALIAS_CHECK_COMPLETE"]},
        lambda: on_platform(platform_info=0x04),
        "policy.platform-info",
        Given,
    ),
    "platform-forbidden": (
        {"platform_forbidden": ["SMT"]},
        Given,
        "policy.platform-info",
        lambda: on_platform(platform_info=1 << 6 | 1 << 40),
    ),
    "vmpl-1": ({"vmpl": [0]}, lambda: reported(vmpl=1), "policy.vmpl", Given),
    "vmpl-3": ({"vmpl": [0, 1, 2]}, lambda: reported(vmpl=3), "policy.vmpl", Given),
    "vmpl-host": ({"vmpl": [0, 1, 2, 3]}, lambda: reported(vmpl=HOST), "policy.vmpl", Given),
    "vmpl-host-alone": ({"vmpl": ["host"]}, Given, "policy.vmpl", lambda: reported(vmpl=HOST)),
    "vmpl-none": ({"vmpl": []}, Given, "policy.vmpl", None),
    "debug": ({"debug": "forbid"}, lambda: reported(policy=BASE | DEBUG), "policy.debug", Given),
    "migration-agent": (
        {"migration_agent": "forbid"},
        lambda: reported(policy=BASE | AGENT),
        "policy.migration-agent",
        Given,
    ),
    "policy-required": (
        {"policy_required": ["SINGLE_SOCKET"]},
        Given,
        "policy.attributes",
        lambda: reported(policy=BASE | SINGLE),
    ),
    "smt": (
        {"policy_allowed": []},
        Given,
        "policy.attributes",
        lambda: reported(policy=BASE | DEBUG | AGENT | FUTURE),
    ),
    "cxl": (
        {"policy_allowed": ["SMT"], "policy_required": ["SINGLE_SOCKET"]},
        lambda: reported(policy=BASE | SMT | SINGLE | CXL),
        "policy.attributes",
        lambda: reported(policy=BASE | SMT | SINGLE),
    ),
    "unknown-policy-bit": (
        {"unknown_policy_bits": "forbid"},
        lambda: reported(policy=BASE | FUTURE),
        "policy.attributes",
        Given,
    ),
    "abi-minor": (
        {"minimum_abi": "1.52"},
        Given,
        "policy.abi",
        lambda: reported(policy=0x2_01_34),
    ),
    "abi-major": (
        {"minimum_abi": "2.0"},
        lambda: reported(policy=0x2_01_FF),
        "policy.abi",
        lambda: reported(policy=0x2_02_00),
    ),
    "guest-svn": (
        {"minimum_guest_svn": 4},
        Given,
        "policy.guest-svn",
        lambda: reported(guest_svn=4),
    ),
    **{
        name.replace("_", "-"): (
            {name: ["11" * size]},
            Given,
            "policy.measurement",
            partial(reported, **{name: b"\x11" * size}),
        )
        for name, size in {
            "measurement": 48,
            "family_id": 16,
            "image_id": 16,
            "host_data": 32,
        }.items()
    },
    "no-measurement-is-wanted": ({"measurement": []}, Given, "policy.measurement", None),
    "id-key": (
        {"id_key_digest": [ONES]},
        Given,
        "policy.signer",
        lambda: reported(id_key_digest=b"\x11" * 48),
    ),
    "id-key-absent": (
        {"id_key_digest": ["absent"]},
        lambda: reported(id_key_digest=b"\x11" * 48),
        "policy.signer",
        Given,
    ),
    "author-key": (
        {"author_key_digest": [ONES]},
        lambda: reported(author_key_digest=b"\x11" * 48),  # without its flag
        "policy.signer",
        lambda: reported(author_key_digest=b"\x11" * 48, flags=1),
    ),
    "author-key-absent": (
        {"author_key_digest": ["absent"]},
        lambda: reported(author_key_digest=b"\x11" * 48, flags=1),
        "policy.signer",
        Given,
    ),
    "report-data": (
        {"report_data": [REPORT_DATA.hex()[:64]]},  # a prefix: zeros are due behind it
        Given,
        "policy.report-data",
        None,
    ),
    "report-data-of-several": (
        {"report_data": ["00"]},
        Given,
        "policy.report-data",
        lambda: Given(report=snp().report(bytes(64)), report_data=bytes(64)),
    ),
}

CASES: Final[Table] = {
    name: (partial(judged_under, row[0], row[1]), row[2]) for name, row in ROWS.items()
}
MET: Final = {
    name: partial(judged_under, row[0], row[3]) for name, row in ROWS.items() if row[3] is not None
}
# Nothing is compared: the open policy takes what all the others refuse.
OPEN_TO: Final = {name: partial(judged_under, {}, row[1]) for name, row in ROWS.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_that_is_missed_has_its_code(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("name", MET)
def test_a_rule_that_is_met_denies_nothing(name: str) -> None:
    assert isinstance(outcome(MET[name]()), Accepted)


@pytest.mark.parametrize("name", OPEN_TO)
def test_any_compares_nothing(name: str) -> None:
    assert isinstance(outcome(OPEN_TO[name]()), Accepted)


def test_each_key_has_a_row() -> None:
    named = {key for row in ROWS.values() for key in row[0]}
    assert named == set(SnpPolicy.__struct_fields__) == set(CONVERTERS) == set(OPEN)


def test_all_rules_are_tried_and_the_first_that_said_no_is_raised() -> None:
    trace = Trace()
    tee = snp()
    verified = verify_snp(
        tee.report(REPORT_DATA),
        collateral=[tee.collateral()],
        anchors=anchors(tee.pki.certificates["ark"]),
        at=AT,
        report_data=REPORT_DATA,
        revocation=Revocation.REQUIRED,
        chip=ChipId.NAMED,
    )
    policy = snp_policy(products_refused=["Milan"], measurement=[], vmpl=[3])
    with refused("policy.product", "snp.products_refused"):
        appraise_snp(verified, policy, name="policy.toml", trace=trace)
    failed = {row.rule for row in trace if row.verdict == "failed"}
    assert failed == {"policy.products_refused", "policy.measurement", "policy.vmpl"}
    assert {row.rule.removeprefix("policy.") for row in trace} == set(CONVERTERS)
    assert all(row.source == f"policy.toml: snp.{row.rule[7:]}" for row in trace)


def test_a_policy_says_what_the_verifier_is_to_demand() -> None:
    lax, strict = snp_policy(), snp_policy(crl="required", masked_chip="forbid")
    assert (lax.revocation, lax.chip) == (Revocation.ANY, ChipId.MASKED)
    assert (strict.revocation, strict.chip) == (Revocation.REQUIRED, ChipId.NAMED)


BAD: Final[dict[str, tuple[object, ...]]] = {
    "crl": ("forbid", True, ["required"]),
    "masked_chip": ("required", False),
    "chip_ids_refused": ("any", ["c0"], ["xy"], ["c0" * 63], CHIP, [7]),
    "products_refused": ("any", ["milan"], ["Rome"], "Milan"),
    "signing_key": (["ARK"], "VCEK"),
    "csp_id": ("somebody", [1]),
    "minimum_reported_tcb": (
        [],
        7,
        {"Rome": MINIMUM},
        {"Milan": {"snp": 1}},
        {"Milan": {**MINIMUM, "fmc": 1}},
        {"Turin": MINIMUM},
        {"Milan": {**MINIMUM, "tee": 256}},
        {"Milan": {**MINIMUM, "tee": -1}},
        {"Milan": {**MINIMUM, "tee": True}},
        {"Milan": 5},
    ),
    "minimum_launch_tcb": ({"Milan": {**MINIMUM, "snp": "1"}},),
    "launch_mitigations": ([64], [-1], 0, ["0"], [True]),
    "current_mitigations": ("none",),
    "platform_required": (["XYZ"], "any", ["BIT_6"]),
    "platform_forbidden": (["ecc"],),
    "vmpl": ([4], [-1], 0, ["guest"], "host", ["host", 4], [False]),
    "debug": ("allow", False),
    "migration_agent": ("allow",),
    "policy_required": (["DEBUG"], ["MIGRATE_MA"], ["BIT_40"], "any"),
    "policy_allowed": (["DEBUG"], ["BIT_40"], "SMT"),
    "unknown_policy_bits": ("allow",),
    "minimum_abi": (1, "1", "1.256", "1.55.2", "v1.5", 1.55),
    "minimum_guest_svn": (-1, "3", True),
    "measurement": (["11"], "11" * 48),
    "family_id": (["11" * 15],),
    "image_id": (["11" * 17],),
    "host_data": (["absent"],),
    "id_key_digest": (["11" * 47],),
    "author_key_digest": (["none"],),
    "report_data": (["11" * 65], [""]),
}


@pytest.mark.parametrize("key", BAD)
def test_a_value_that_means_nothing_is_refused(key: str) -> None:
    for value in BAD[key]:
        with pytest.raises(ValueError, match=r"\S"):
            CONVERTERS[key](value)


def test_every_key_is_refused_something() -> None:
    assert set(BAD) == set(CONVERTERS)


@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
@pytest.mark.parametrize("key", ["VCEK", "VLEK"])
def test_a_template_accepts_the_guest_that_it_was_made_of(product: Any, key: Any) -> None:
    tee = snp(settings_of(product, key))
    report = SnpReport.parse(tee.report(REPORT_DATA))
    given = Given(report=tee.report(REPORT_DATA), bundles=(tee.bundle(),))
    keys = template_keys(policy_template_snp(report, None, "guest.report"))
    got = outcome(replace_policy(given, keys))
    assert got == Accepted(product=product, kind=key)
    debugged = reported(tee, policy=report.policy | DEBUG)
    assert outcome(replace_policy(debugged, keys)) == expected("policy.debug")


@pytest.mark.parametrize(
    ("key", "fields", "due"),
    [
        ("VLEK", {}, "any"),
        ("VLEK", {"chip_id": b"\x11" * 64}, "forbid"),
        ("VCEK", {"chip_id": bytes(64), "flags": 0b10}, "forbid"),
    ],
    ids=["unnamed-vlek", "named-vlek", "masked-vcek"],
)
def test_a_template_takes_unnamed_chips_of_a_vlek_alone(key: Any, fields: Any, due: str) -> None:
    given = reported(snp(settings_of(signing_key=key)), **fields)
    keys = template_keys(policy_template_snp(SnpReport.parse(given.report), None, "x"))
    assert keys["masked_chip"] == due


def test_a_template_of_version_2_takes_the_product_from_its_caller() -> None:
    report = SnpReport.parse(snp(settings_of(version=2)).report(REPORT_DATA))
    without = template_keys(policy_template_snp(report, None, "x"))
    assert without["minimum_reported_tcb"] == "any"
    told = template_keys(policy_template_snp(report, Product.MILAN, "x"))
    assert told["minimum_reported_tcb"] == {"Milan": MINIMUM}


def test_a_template_of_a_hosts_report_and_its_keys() -> None:
    data = reported(vmpl=HOST, flags=1, author_key_digest=b"\x11" * 48, id_key_digest=b"\x22" * 48)
    keys = template_keys(policy_template_snp(SnpReport.parse(data.report), None, "a\nb"))
    assert keys["vmpl"] == ["host"]
    assert keys["author_key_digest"] == ["11" * 48]
    assert keys["id_key_digest"] == ["22" * 48]


def template_keys(text: str) -> dict[str, Any]:
    document, _ = parse_toml(text.encode(), "x", "usage.policy", max_bytes=64 * 1024)
    assert document.pop("version") == 1
    found: dict[str, Any] = document.pop("snp")
    assert document == {}
    assert found.keys() == CONVERTERS.keys()
    return found


def replace_policy(given: Given, keys: dict[str, Any]) -> Given:
    return dataclasses.replace(given, policy=keys)
