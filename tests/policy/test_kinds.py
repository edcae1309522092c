# SPDX-License-Identifier: Apache-2.0
"""Every kind through one door: judged, shown, inspected and given a policy by its own rules."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.kinds import CHALLENGE, example
from tests.tdx import AT
from troth.evidence.detect import TEES, Tee
from troth.policy import Endorsements, Judgement, JudgeOptions, Policy, judge, parse_policy
from troth.policy.bundle_judgement import is_bundle_evidence
from troth.policy.kinds import KINDS
from troth.verify import Anchors, AnyValue, ChipId, Revocation, WithoutCollateral
from troth.wire import json as wire_json

# What is said where nothing at all is trusted, and where the evidence is for something else.
UNTRUSTED: Final[dict[Tee, str]] = {
    "tdx": "chain.root",
    "sgx": "chain.root",
    "snp": "collateral.missing",
    "cca": "cpak.unknown",
    "cove": "cove.root",
    "tpm": "chain.root",
    "azure": "collateral.missing",
}
FOR_OTHERS: Final[dict[Tee, str]] = {
    "tdx": "tdx.report-data",
    "sgx": "sgx.report-data",
    "snp": "snp.report-data",
    "cca": "cca.challenge",
    "cove": "cove.challenge",
    "tpm": "tpm.challenge",
    "azure": "tpm.challenge",
}
# A fact of each that is the evidence's own.
TOLD: Final[dict[Tee, tuple[str, object]]] = {
    "tdx": ("report_data", CHALLENGE.hex()),
    "sgx": ("report_data", CHALLENGE.hex()),
    "snp": ("report_data", CHALLENGE.hex()),
    "cca": ("challenge", CHALLENGE.hex()),
    "cove": ("challenge", CHALLENGE.hex()),
    "tpm": ("extra_data", CHALLENGE.hex()),
    "azure": ("extra_data", CHALLENGE.hex()),
}
NOTHING: Final = JudgeOptions(
    collateral=(), anchors=Anchors(()), at=AT, report_data=AnyValue, policy=None
)


def policy_of(tee: Tee, **keys: str) -> Policy:
    """Return the policy that evidence of a kind asks for, with other values for some keys."""
    text = KINDS[tee].template(example(tee).evidence, "evidence")
    for key, value in keys.items():
        old = text.splitlines()
        lines = [f"{key} = {value}" if one.startswith(f"{key} = ") else one for one in old]
        assert lines != old, key
        text = "\n".join(lines)
    return parse_policy(text.encode(), "p.toml")


def judged(of: Tee, /, **changes: Any) -> Judgement:
    sound = example(of)
    return judge(sound.evidence, replace(sound.options, **changes))


def test_the_table_lists_every_kind() -> None:
    assert tuple(KINDS) == TEES
    assert set(UNTRUSTED) == set(FOR_OTHERS) == set(TOLD) == set(TEES)


@pytest.mark.parametrize("tee", TEES)
def test_sound_evidence_is_genuine(tee: Tee) -> None:
    judgement = judged(tee)
    assert (judgement.verdict, judgement.code, judgement.tee) == ("genuine", None, tee)
    assert judgement.anchor is not None
    assert judgement.facts is not None
    name, value = TOLD[tee]
    assert judgement.facts[name] == value
    assert not judgement.appraised
    # All of it is JSON, and the kinds that have no collateral of ours say null.
    spelt = json.loads(wire_json.encode(judgement))
    assert spelt["facts"][name] == value
    assert (spelt["collateral"] is None) == (tee in ("cca", "cove", "tpm"))
    assert (spelt["tcb"] is None) == (tee not in ("tdx", "sgx"))
    assert (spelt["trailing_bytes"] is None) == (tee not in ("tdx", "sgx"))


@pytest.mark.parametrize("tee", TEES)
def test_the_kind_may_be_named(tee: Tee) -> None:
    assert judged(tee, tee=tee).verdict == "genuine"
    other: Tee = "cca" if tee != "cca" else "cove"
    judgement = judged(tee, tee=other)
    assert (judgement.verdict, judgement.tee, judgement.facts) == ("malformed", other, None)


@pytest.mark.parametrize("tee", TEES)
def test_what_nothing_vouches_for_is_not_genuine(tee: Tee) -> None:
    judgement = judge(example(tee).evidence, NOTHING)
    assert (judgement.code, judgement.tee) == (UNTRUSTED[tee], tee)
    assert judgement.facts is None
    assert judgement.anchor is None


@pytest.mark.parametrize("tee", TEES)
def test_evidence_for_something_else_is_untrusted(tee: Tee) -> None:
    judgement = judged(tee, report_data=bytes(64))
    assert (judgement.verdict, judgement.code) == ("untrusted", FOR_OTHERS[tee])
    assert judgement.facts is None


@pytest.mark.parametrize("tee", TEES)
def test_its_own_policy_accepts_it(tee: Tee) -> None:
    judgement = judged(tee, policy=policy_of(tee))
    assert (judgement.verdict, judgement.code, judgement.appraised) == ("accepted", None, True)
    assert all(one.verdict != "failed" for one in judgement.trace)


@pytest.mark.parametrize(
    ("tee", "key", "value", "code"),
    [
        ("sgx", "mr_enclave", f'["{"00" * 32}"]', "policy.measurement"),
        ("snp", "measurement", f'["{"00" * 48}"]', "policy.measurement"),
        ("cca", "rim", f'["{"00" * 64}"]', "policy.measurement"),
        ("cove", "state", '["debug"]', "policy.state"),
        ("tpm", "firmware_version", '["0000000000000000"]', "policy.firmware"),
        ("azure", "user_data", '["01"]', "policy.report-data"),
    ],
)
def test_a_rule_of_its_section_denies(tee: Tee, key: str, value: str, code: str) -> None:
    judgement = judged(tee, policy=policy_of(tee, **{key: value}))
    assert (judgement.verdict, judgement.code) == ("denied", code)
    assert judgement.facts is not None  # of genuine evidence, they are shown
    assert judgement.appraised


@pytest.mark.parametrize("tee", TEES)
def test_a_policy_for_other_kinds_denies(tee: Tee) -> None:
    judgement = judged(tee, policy=Policy("p.toml", None))
    # An SNP report is judged by the caller's demands then, which the example meets.
    assert (judgement.verdict, judgement.code) == ("denied", "policy.section")
    assert judgement.detail == f"p.toml has no section [{tee}]"


def test_azure_needs_the_sections_of_all_its_parts() -> None:
    whole = policy_of("azure")
    for name in ("tpm", "snp"):
        part = replace(whole, **{name: None})
        judgement = judged("azure", policy=part)
        assert (judgement.code, judgement.detail) == (
            "policy.section",
            f"p.toml: no section [{name}]",
        )


@pytest.mark.parametrize("tee", TEES)
def test_sections_have_the_names_of_the_kinds(tee: Tee) -> None:
    have = policy_of(tee).sections
    assert set(have) == ({"azure", "tpm", "snp"} if tee == "azure" else {tee})


@pytest.mark.parametrize("tee", TEES)
def test_claims_are_those_of_the_facts(tee: Tee) -> None:
    claims = KINDS[tee].claims(example(tee).evidence)
    name, value = TOLD[tee]
    assert claims.facts[name] == value
    assert claims.chain_error is None
    shown = judged(tee).facts
    assert shown is not None
    assert {key: shown[key] for key in claims.facts if key in shown} == {
        key: value for key, value in claims.facts.items() if key in shown
    }


@pytest.mark.parametrize("tee", TEES)
def test_no_kind_begins_as_a_bundle(tee: Tee) -> None:
    assert not is_bundle_evidence(example(tee).evidence)


def test_without_a_policy_snp_demands_a_list_unless_the_caller_does_not() -> None:
    tee = example("snp")
    (own,) = tee.options.endorsements.snp
    bare = (replace(own, crl=None),)
    assert judged("snp", endorsements=Endorsements(snp=bare)).code == "crl.missing"
    lenient = Endorsements(snp=bare, revocation=Revocation.ANY, chip=ChipId.MASKED)
    assert judged("snp", endorsements=lenient).verdict == "genuine"
    # A policy that demands one is not softened by the caller.
    judgement = judged("snp", endorsements=lenient, policy=policy_of("snp"))
    assert judgement.code == "crl.missing"
    judgement = judged(
        "snp", endorsements=Endorsements(snp=bare), policy=policy_of("snp", crl='"any"')
    )
    assert judgement.verdict == "accepted"


@pytest.mark.parametrize("tee", ["tdx", "sgx"])
def test_intel_without_collateral_is_unknown(tee: Tee) -> None:
    judgement = judged(tee, collateral=WithoutCollateral)
    assert judgement.tcb is not None
    assert judgement.tcb.status == "unknown"
    assert judgement.collateral is None
