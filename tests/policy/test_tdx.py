# SPDX-License-Identifier: Apache-2.0
"""Each rule of the section [tdx] accepts and denies, and all of them are tried."""

from __future__ import annotations

from typing import Any, Final, Literal

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.evidence.tdx import TdReportBody, TdxQuote
from troth.policy import (
    JudgeOptions,
    Policy,
    TdxPolicy,
    appraise_tdx,
    judge,
    parse_policy,
    policy_template,
)
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.verify import Anchor, Anchors, AnyValue, Trace, Verified, WithoutCollateral
from troth.verify.tdx import TdxFacts, verify_tdx

TEE: Final = SoftwareTdx.create(at=AT)
ANCHORS: Final = Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))])
RULES: Final = frozenset(f"policy.{name}" for name in TdxPolicy.__struct_fields__)

Field = Any  # of a policy: each has a type of its own, and a test names some of them


def options(tee: SoftwareTdx, policy: Policy | None) -> JudgeOptions:
    return JudgeOptions(
        collateral=(parse_bundle(tee.bundle(), "own"),),
        anchors=Anchors([Anchor.of(Certificate(tee.pki.certificates["root"]))]),
        at=AT,
        report_data=AnyValue,
        policy=policy,
    )


def genuine(tee: SoftwareTdx, quote: bytes, *, with_collateral: bool = True) -> Verified[TdxFacts]:
    given = options(tee, None)
    return verify_tdx(
        quote,
        collateral=given.collateral if with_collateral else WithoutCollateral,
        anchors=given.anchors,
        at=AT,
        report_data=AnyValue,
    )


def policy_of(quote: bytes, **changes: Field) -> TdxPolicy:
    """Return the policy made from a quote, with other values for some keys."""
    policy = parse_policy(policy_template(TdxQuote.parse(quote), "q").encode(), "q").tdx
    assert policy is not None
    return replace(policy, **changes)


def denied_by(verified: Verified[TdxFacts], policy: TdxPolicy, code: str) -> list[str]:
    """Appraise, demand a denial with `code`, and return the rules that said no."""
    trace = Trace()
    with refused(code):
        appraise_tdx(verified, policy, name="p.toml", trace=trace)
    rows = list(trace)
    assert {row.rule for row in rows} == RULES, "a rule was not tried"
    assert len(rows) == len(RULES)
    return [row.rule.removeprefix("policy.") for row in rows if row.verdict == "failed"]


def body_with(**fields: bytes) -> bytes:
    """Return a quote of version 5 with these fields in its body."""

    def change(body: TdReportBody) -> TdReportBody:
        return replace(body, **fields)

    return TEE.quote(REPORT_DATA, version=5, body=change)


QUOTE: Final = TEE.quote(REPORT_DATA, version=5)
VERIFIED: Final = genuine(TEE, QUOTE)


@pytest.mark.parametrize("version", [4, 5])
def test_the_template_accepts_what_it_was_made_from(version: Literal[4, 5]) -> None:
    quote = TEE.quote(REPORT_DATA, version=version)
    trace = Trace()
    appraise_tdx(genuine(TEE, quote), policy_of(quote), name="p.toml", trace=trace)
    assert {row.rule for row in trace} == RULES
    assert {row.verdict for row in trace} == {"held"}
    assert {row.source for row in trace} == {
        f"p.toml: tdx.{rule.removeprefix('policy.')}" for rule in RULES
    }


CODES: Final = {
    "mr_td": "policy.measurement",
    "mr_seam": "policy.measurement",
    "mr_config_id": "policy.measurement",
    "mr_owner": "policy.measurement",
    "mr_owner_config": "policy.measurement",
    "rtmr0": "policy.measurement",
    "rtmr1": "policy.measurement",
    "rtmr2": "policy.measurement",
    "rtmr3": "policy.measurement",
    "xfam": "policy.attributes",
    "mr_service_td": "policy.service-td",
    "report_data": "policy.report-data",
}


@pytest.mark.parametrize(("name", "code"), CODES.items(), ids=list(CODES))
def test_a_value_is_one_of_the_accepted_or_denied(name: str, code: str) -> None:
    own = getattr(VERIFIED.value.body, name)
    other = bytes((own[0] ^ 1,)) + own[1:]
    accepted = (frozenset({own}), frozenset({own, other}), AnyValue)
    for value in accepted:
        appraise_tdx(VERIFIED, policy_of(QUOTE, **{name: value}), name="p", trace=Trace())
    for wrong in (frozenset({other}), frozenset(), frozenset({own[:-1]})):
        assert denied_by(VERIFIED, policy_of(QUOTE, **{name: wrong}), code) == [name]


@pytest.mark.parametrize("name", CODES)
def test_a_changed_body_is_denied_by_the_rule_for_it(name: str) -> None:
    own = getattr(VERIFIED.value.body, name)
    changed = genuine(TEE, body_with(**{name: own[:-1] + bytes((own[-1] ^ 0x80,))}))
    policy = policy_of(QUOTE, mr_seam=frozenset({VERIFIED.value.body.mr_seam}))
    policy = replace(policy, report_data=frozenset({REPORT_DATA}))
    assert denied_by(changed, policy, CODES[name]) == [name]


def test_an_absent_service_td_is_another_thing_than_none() -> None:
    absent = genuine(TEE, TEE.quote(REPORT_DATA, version=4))
    assert absent.value.body.mr_service_td is None
    zeros = frozenset({bytes(48)})
    gone = frozenset({b""})
    policy = policy_of(QUOTE, mr_service_td=zeros)
    assert denied_by(absent, policy, "policy.service-td") == ["mr_service_td"]
    appraise_tdx(absent, policy_of(QUOTE, mr_service_td=gone), name="p", trace=Trace())
    policy = policy_of(QUOTE, mr_service_td=gone)
    assert denied_by(VERIFIED, policy, "policy.service-td") == ["mr_service_td"]
    appraise_tdx(VERIFIED, policy_of(QUOTE, mr_service_td=gone | zeros), name="p", trace=Trace())


@pytest.mark.parametrize("bit", range(8))
def test_every_bit_of_the_debug_group_is_debug(bit: int) -> None:
    attributes = bytes((1 << bit,)) + VERIFIED.value.body.td_attributes[1:]
    verified = genuine(TEE, body_with(td_attributes=attributes))
    assert denied_by(verified, policy_of(QUOTE), "policy.debug") == ["debug"]
    appraise_tdx(verified, policy_of(QUOTE, debug="any"), name="p", trace=Trace())


def test_a_required_attribute_must_be_set() -> None:
    verified = genuine(TEE, body_with(td_attributes=bytes(8)))
    assert denied_by(verified, policy_of(QUOTE), "policy.attributes") == ["attributes_required"]
    relaxed = policy_of(QUOTE, attributes_required=frozenset())
    appraise_tdx(verified, relaxed, name="p", trace=Trace())


@pytest.mark.parametrize("bit", [8, 27, 29, 30, 31, 40, 62, 63])
def test_an_attribute_that_is_not_allowed_denies(bit: int) -> None:
    names = {29: "MIGRATABLE", 30: "PKS", 31: "KL", 63: "PERFMON"}
    attributes = (1 << 28 | 1 << bit).to_bytes(8, "little")
    verified = genuine(TEE, body_with(td_attributes=attributes))
    assert denied_by(verified, policy_of(QUOTE), "policy.attributes") == ["attributes_allowed"]
    named = frozenset({names.get(bit, "PKS"), "SEPT_VE_DISABLE"})
    if bit in names:
        appraise_tdx(verified, policy_of(QUOTE, attributes_allowed=named), name="p", trace=Trace())
    appraise_tdx(verified, policy_of(QUOTE, attributes_allowed=AnyValue), name="p", trace=Trace())


def test_what_is_required_is_allowed() -> None:
    policy = policy_of(QUOTE, attributes_allowed=frozenset())
    appraise_tdx(VERIFIED, policy, name="p", trace=Trace())


# --- the platform ---------------------------------------------------------------------------------

BEHIND: Final = SoftwareTdx.create(
    Settings().with_status(platform="SWHardeningNeeded", qe="ConfigurationNeeded"), at=AT
)
BEHIND_QUOTE: Final = BEHIND.quote(REPORT_DATA)
ADVISORIES: Final = frozenset({"EMULATED-SA-00001", "EMULATED-SA-00003"})


def behind(**changes: Field) -> TdxPolicy:
    """Return a policy that accepts the hardening status, with other values for some keys."""
    accepted = {"status": frozenset({"SWHardeningNeeded"})}
    return policy_of(BEHIND_QUOTE, **(accepted | changes))


def test_a_status_is_accepted_by_name_only() -> None:
    verified = genuine(BEHIND, BEHIND_QUOTE)
    policy = policy_of(BEHIND_QUOTE)
    assert denied_by(verified, policy, "policy.status") == ["status"]
    empty = behind(status=frozenset())
    assert denied_by(verified, empty, "policy.status") == ["status"]
    appraise_tdx(verified, behind(), name="p", trace=Trace())
    appraise_tdx(verified, behind(status=AnyValue), name="p", trace=Trace())


def test_every_advisory_must_be_allowed() -> None:
    verified = genuine(BEHIND, BEHIND_QUOTE)
    assert verified.value.tcb is not None
    assert frozenset(verified.value.tcb.advisories) == ADVISORIES
    appraise_tdx(verified, behind(advisories_allowed=ADVISORIES), name="p", trace=Trace())
    for allowed in (ADVISORIES - {"EMULATED-SA-00003"}, frozenset()):
        policy = behind(advisories_allowed=allowed)
        assert denied_by(verified, policy, "policy.advisory") == ["advisories_allowed"]


def test_one_denied_advisory_is_enough() -> None:
    verified = genuine(BEHIND, BEHIND_QUOTE)
    policy = behind(advisories_denied=frozenset({"EMULATED-SA-00003", "X"}))
    assert denied_by(verified, policy, "policy.advisory") == ["advisories_denied"]
    policy = behind(advisories_denied=frozenset({"X"}))
    appraise_tdx(verified, policy, name="p", trace=Trace())


def test_the_evaluation_number_has_a_minimum() -> None:
    for least in (0, 20, AnyValue):
        policy = policy_of(QUOTE, minimum_evaluation_number=least)
        appraise_tdx(VERIFIED, policy, name="p", trace=Trace())
    policy = policy_of(QUOTE, minimum_evaluation_number=21)
    assert denied_by(VERIFIED, policy, "policy.evaluation-number") == ["minimum_evaluation_number"]


def test_without_collateral_the_status_is_unknown_and_must_be_accepted() -> None:
    verified = genuine(TEE, QUOTE, with_collateral=False)
    assert denied_by(verified, policy_of(QUOTE), "policy.status") == ["status"]
    policy = policy_of(QUOTE, status=frozenset({"unknown"}), advisories_allowed=frozenset())
    appraise_tdx(verified, policy, name="p", trace=Trace())
    policy = replace(policy, minimum_evaluation_number=0)
    assert denied_by(verified, policy, "policy.evaluation-number") == ["minimum_evaluation_number"]


# --- all of it ------------------------------------------------------------------------------------


def test_every_refusal_is_noted_and_the_first_is_raised() -> None:
    nothing: dict[str, Field] = dict.fromkeys([*CODES, "status"], frozenset())
    policy = policy_of(QUOTE, **nothing)
    assert denied_by(VERIFIED, policy, "policy.status") == [
        "status",
        "xfam",
        "mr_td",
        "mr_seam",
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
        "rtmr0",
        "rtmr1",
        "rtmr2",
        "rtmr3",
        "mr_service_td",
        "report_data",
    ]


def test_a_refusal_names_rule_and_values() -> None:
    with refused("policy.measurement", "tdx.mr_td: expected nothing, got "):
        appraise_tdx(VERIFIED, policy_of(QUOTE, mr_td=frozenset()), name="p", trace=Trace())


def test_a_policy_without_the_section_denies() -> None:
    judged = judge(QUOTE, options(TEE, Policy(name="empty.toml", tdx=None)))
    assert (judged.verdict, judged.code) == ("denied", "policy.section")
    assert judged.trace[-1].rule == "policy.section"
    assert judged.trace[-1].source == "empty.toml"


def test_a_denial_shows_the_facts_and_an_untrusted_quote_none() -> None:
    policy = Policy(name="p", tdx=policy_of(QUOTE, mr_td=frozenset()))
    denied = judge(QUOTE, options(TEE, policy))
    assert (denied.verdict, denied.error_class, denied.appraised) == ("denied", "DeniedError", True)
    assert denied.facts is not None
    assert denied.facts["mr_td"] == VERIFIED.value.body.mr_td.hex()
    forged = judge(QUOTE, options(SoftwareTdx.create(at=AT), policy))
    assert (forged.verdict, forged.appraised, forged.facts) == ("untrusted", False, None)
    accepted = judge(QUOTE, options(TEE, Policy(name="p", tdx=policy_of(QUOTE))))
    assert (accepted.verdict, accepted.appraised) == ("accepted", True)
    assert [row.rule for row in accepted.trace].count("policy.section") == 1
