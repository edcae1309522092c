# SPDX-License-Identifier: Apache-2.0
"""Policy: genuine enclaves that are not wanted, and expectations that are never a prefix."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import Accepted
from tests.refusals import refused
from tests.sgx.table import (
    POLICY,
    QUOTE,
    SOUND,
    TEE,
    Case,
    Given,
    Table,
    body,
    document,
    info,
    on,
    quoted,
    section,
    settle,
    under,
)
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.errors import UsageError
from troth.evidence.sgx import SgxQuote
from troth.policy.sgx import CONVERTERS, STATUSES, SgxPolicy, appraise_sgx
from troth.policy.sgx_template import policy_template_sgx
from troth.tsm.emulated.sgx import Enclave
from troth.verify import Anchor, Anchors, Trace, WithoutCollateral
from troth.verify.sgx import verify_sgx

ENCLAVE: Final = SOUND.enclave
# Flags of the sound enclave's ATTRIBUTES, INIT and MODE64BIT, and its XFRM behind them.
FLAGS: Final = 0b101
XFRM: Final = bytes.fromhex("e700000000000000")
# The keys that are lists of what is accepted, and the code that each ends with.
LISTS: Final = {
    "status": "policy.status",
    "xfrm": "policy.attributes",
    "misc_select": "policy.attributes",
    "mr_enclave": "policy.measurement",
    "mr_signer": "policy.measurement",
    "config_id": "policy.measurement",
    "family_id": "policy.measurement",
    "isv_ext_prod_id": "policy.measurement",
    "isv_prod_id": "policy.enclave-product",
    "report_data": "policy.report-data",
}
# Another value of each field of the report, that the sound policy does not accept.
OTHERS: Final[dict[str, tuple[bytes | int, str]]] = {
    "mr_enclave": (b"\1" * 32, "policy.measurement"),
    "mr_signer": (b"\1" * 32, "policy.measurement"),
    "config_id": (bytes(63) + b"\1", "policy.measurement"),
    "family_id": (bytes(15) + b"\1", "policy.measurement"),
    "isv_ext_prod_id": (bytes(15) + b"\1", "policy.measurement"),
    "isv_prod_id": (2, "policy.enclave-product"),
    "isv_svn": (1, "policy.enclave-svn"),
    "misc_select": (1, "policy.attributes"),
}
RULES: Final = frozenset(f"policy.{name}" for name in SgxPolicy.__struct_fields__)


def flags(bits: int, xfrm: bytes = XFRM) -> Given:
    return body(attributes=bits.to_bytes(8, "little") + xfrm)


def with_field(name: str, value: bytes | int, **keys: str) -> Given:
    """Another value in the report, under the sound policy with other values for some keys."""
    fields: dict[str, Any] = {name: value}
    return under(body(**fields), **keys)


def status(word: str, accepted: str) -> Given:
    given = info(lambda one: one["tcbLevels"][0].update(tcbStatus=word, advisoryIDs=[]))
    return under(given, status=accepted)


def advised() -> Given:
    """An advisory of the newest level, which is up to date all the same."""
    return info(lambda one: one["tcbLevels"][0].update(advisoryIDs=["INTEL-SA-00001"]))


def with_config_svn(least: str) -> Given:
    given = on(replace(SOUND, enclave=Enclave(config_svn=3)))
    return under(given, minimum_config_svn=least)


ALLOWED: Final = '["INIT", "MODE64BIT", "{}"]'.format
NAMED: Final = {4: "PROVISIONKEY", 5: "EINITTOKENKEY", 6: "CET", 7: "KSS", 10: "AEXNOTIFY"}


def attribute(bit: int) -> dict[str, Case]:
    """A flag that is in neither list denies; one with a name can be allowed by it."""
    name = NAMED.get(bit)
    cases: dict[str, Case] = {
        f"flag-{bit}": (lambda: under(flags(FLAGS | 1 << bit)), "policy.attributes"),
        f"flag-{bit}-under-any": (
            lambda: under(flags(FLAGS | 1 << bit), attributes_allowed='"any"'),
            Accepted(),
        ),
    }
    if name is not None:
        cases[f"flag-{bit}-allowed-by-name"] = (
            lambda: under(flags(FLAGS | 1 << bit), attributes_allowed=ALLOWED(name)),
            Accepted(),
        )
    return cases


CASES: Final[Table] = {
    "sound": (lambda: under(Given()), Accepted()),
    "sound-v5": (lambda: under(quoted(version=5)), Accepted()),
    # Debug and attributes.
    "debug": (lambda: under(flags(FLAGS | 2)), "policy.debug"),
    "debug-allowed-by-name": (lambda: under(flags(FLAGS | 2), debug='"any"'), Accepted()),
    "init-clear": (lambda: under(flags(0b100)), "policy.attributes"),
    "init-not-required": (lambda: under(flags(0b100), attributes_required="[]"), Accepted()),
    "64-bit-required-and-clear": (
        lambda: under(flags(0b001), attributes_required='["INIT", "MODE64BIT"]'),
        "policy.attributes",
    ),
    "required-is-allowed": (
        lambda: under(
            Given(), attributes_required='["INIT", "MODE64BIT"]', attributes_allowed="[]"
        ),
        Accepted(),
    ),
    "no-attribute-allowed": (
        lambda: under(Given(), attributes_allowed="[]"),
        "policy.attributes",
    ),
    **{name: case for bit in (3, 8, 63, *NAMED) for name, case in attribute(bit).items()},
    "xfrm-another": (
        lambda: under(flags(FLAGS, bytes.fromhex("0300000000000000"))),
        "policy.attributes",
    ),
    "xfrm-last-byte": (lambda: under(flags(FLAGS, XFRM[:7] + b"\1")), "policy.attributes"),
    # What the enclave is.
    **{
        f"{name}-another": (partial(with_field, name, value), code)
        for name, (value, code) in OTHERS.items()
    },
    **{
        f"empty-{name}": (partial(under, Given(), **{name: "[]"}), code)
        for name, code in LISTS.items()
    },
    **{
        f"any-{name}": (
            partial(with_field, name, value, **{name: '"any"'}),
            Accepted(),
        )
        for name, (value, _) in OTHERS.items()
        if name != "isv_svn"
    },
    "isv-svn-at-the-minimum": (lambda: under(Given(), minimum_isv_svn="2"), Accepted()),
    "isv-svn-above-the-minimum": (lambda: under(Given(), minimum_isv_svn="1"), Accepted()),
    "isv-svn-below-the-minimum": (
        lambda: under(Given(), minimum_isv_svn="3"),
        "policy.enclave-svn",
    ),
    "isv-svn-any": (lambda: under(body(isv_svn=0), minimum_isv_svn='"any"'), Accepted()),
    "config-svn-below-the-minimum": (lambda: with_config_svn("4"), "policy.enclave-svn"),
    "config-svn-at-the-minimum": (lambda: with_config_svn("3"), Accepted()),
    "one-signer-is-not-all-its-enclaves": (
        lambda: under(body(isv_prod_id=9), mr_enclave='"any"'),
        "policy.enclave-product",
    ),
    # Report data, by the caller and by the policy.
    "report-data-differs": (lambda: Given(report_data=bytes(64)), "sgx.report-data"),
    "report-data-of-another": (
        lambda: dataclasses.replace(Given(), quote=TEE.quote(bytes(64))),
        "sgx.report-data",
    ),
    "report-data-prefix-of-32": (lambda: Given(report_data=REPORT_DATA[:32]), "sgx.report-data"),
    "report-data-prefix-of-none": (lambda: Given(report_data=b""), "sgx.report-data"),
    "report-data-65": (lambda: Given(report_data=REPORT_DATA + b"\0"), "sgx.report-data"),
    "report-data-32-and-zeros": (
        lambda: Given(quote=TEE.quote(REPORT_DATA[:32] + bytes(32)), report_data=REPORT_DATA[:32]),
        Accepted(),
    ),
    "policy-report-data-prefix": (
        lambda: under(Given(), report_data=f'["{REPORT_DATA[:32].hex()}"]'),
        "policy.report-data",
    ),
    "policy-report-data": (
        lambda: under(Given(), report_data=f'["{REPORT_DATA.hex()}"]'),
        Accepted(),
    ),
    # The platform.
    **{
        f"status-{word.lower()}": (partial(status, word, '["UpToDate"]'), "policy.status")
        for word in sorted(STATUSES - {"UpToDate", "unknown"})
    },
    "status-accepted-by-name": (
        lambda: status("SWHardeningNeeded", '["SWHardeningNeeded"]'),
        Accepted("SWHardeningNeeded"),
    ),
    "status-is-a-set-and-no-order": (
        lambda: status("UpToDate", '["OutOfDate", "SWHardeningNeeded"]'),
        "policy.status",
    ),
    "status-revoked-under-any": (lambda: status("Revoked", '"any"'), "tcb.revoked"),
    "status-unknown-without-collateral": (
        lambda: under(Given(bundles=WithoutCollateral)),
        "policy.status",
    ),
    "number-unknown-without-collateral": (
        lambda: under(
            Given(bundles=WithoutCollateral), status='["unknown"]', minimum_evaluation_number="0"
        ),
        "policy.evaluation-number",
    ),
    "advisory-not-allowed": (
        lambda: under(advised(), advisories_allowed='["INTEL-SA-00002"]'),
        "policy.advisory",
    ),
    "advisory-allowed": (
        lambda: under(advised(), advisories_allowed='["INTEL-SA-00001"]'),
        Accepted(advisories=("INTEL-SA-00001",)),
    ),
    "advisory-denied-though-allowed": (
        lambda: under(
            advised(),
            advisories_allowed='["INTEL-SA-00001"]',
            advisories_denied='["INTEL-SA-00001"]',
        ),
        "policy.advisory",
    ),
    "evaluation-number-below-the-minimum": (
        lambda: under(Given(), minimum_evaluation_number="21"),
        "policy.evaluation-number",
    ),
    "evaluation-number-mixed-below-the-minimum": (
        lambda: under(
            document("qe_identity", tcbEvaluationDataNumber=19), minimum_evaluation_number="20"
        ),
        "policy.evaluation-number",
    ),
    "evaluation-number-at-the-minimum": (
        lambda: under(Given(), minimum_evaluation_number="20"),
        Accepted(),
    ),
    "forged-and-unwanted": (
        lambda: under(dataclasses.replace(Given(), quote=QUOTE[:-1]), mr_enclave="[]"),
        "quote.signature-length",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_enclave_policy(name: str) -> None:
    settle(CASES[name])


def appraised(policy: SgxPolicy) -> Trace:
    verified = verify_sgx(
        QUOTE,
        collateral=(parse_bundle(TEE.bundle(), "own"),),
        anchors=Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))]),
        at=AT,
        report_data=REPORT_DATA,
    )
    trace = Trace()
    try:
        appraise_sgx(verified, policy, name="p.toml", trace=trace)
    finally:
        rows = list(trace)
        assert {row.rule for row in rows} == RULES, "a rule was not tried"
        assert len(rows) == len(RULES)
    return trace


def test_the_template_accepts_what_it_was_made_from_and_every_rule_is_tried() -> None:
    rows = list(appraised(section(POLICY)))
    assert {row.verdict for row in rows} == {"held"}
    assert {row.source for row in rows} == {
        f"p.toml: sgx.{rule.removeprefix('policy.')}" for rule in RULES
    }


def test_every_refusal_is_noted_and_the_first_is_raised() -> None:
    nothing: dict[str, Any] = dict.fromkeys(LISTS, frozenset())
    with refused("policy.status", "sgx.status: expected nothing, got UpToDate"):
        appraised(replace(section(POLICY), **nothing))


def test_a_policy_has_every_key_and_no_other() -> None:
    assert CONVERTERS.keys() == set(SgxPolicy.__struct_fields__)
    for line in POLICY.splitlines():
        key = line.partition(" = ")[0]
        if key in CONVERTERS:
            with pytest.raises(UsageError, match=f"lacks {key}"):
                section(POLICY.replace(line, ""))
    with pytest.raises(UsageError, match=r"sgx\.mr_td .* is unknown"):
        section(POLICY + 'mr_td = "any"\n')


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("status", ["uptodate"]),
        ("status", ["TDRelaunchAdvised"]),
        ("status", "UpToDate"),
        ("debug", "allow"),
        ("debug", True),
        ("attributes_required", "any"),
        ("attributes_required", ["DEBUG"]),
        ("attributes_allowed", ["SEPT_VE_DISABLE"]),
        ("xfrm", ["00" * 7]),
        ("mr_enclave", ["00" * 31]),
        ("mr_enclave", "00" * 32),
        ("config_id", ["00" * 65]),
        ("isv_prod_id", 1),
        ("isv_prod_id", [65_536]),
        ("isv_prod_id", [-1]),
        ("isv_prod_id", [True]),
        ("isv_prod_id", ["1"]),
        ("misc_select", [1 << 32]),
        ("minimum_isv_svn", -1),
        ("minimum_isv_svn", True),
        ("minimum_config_svn", "1"),
        ("minimum_evaluation_number", None),
        ("report_data", ["00" * 65]),
        ("advisories_denied", ["INTEL-SA-1"]),
    ],
)
def test_a_value_of_another_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"due|not one of|not an advisory|hex|bytes"):
        CONVERTERS[key](value)


def test_numbers_from_0_to_the_most_are_taken() -> None:
    assert CONVERTERS["isv_prod_id"]([0, 65_535]) == frozenset({0, 65_535})
    assert CONVERTERS["misc_select"]([(1 << 32) - 1]) == frozenset({(1 << 32) - 1})


def test_a_source_cannot_write_into_the_template() -> None:
    text = policy_template_sgx(SgxQuote.parse(QUOTE), 'x\n[sgx]\ndebug = "any"')
    assert section(text) == section(POLICY)


def test_an_unnamed_flag_is_not_written_into_the_template() -> None:
    quote = SgxQuote.parse(flags(FLAGS | 1 << 40 | 1 << 7).quote)
    policy = section(policy_template_sgx(quote, "q"))
    assert policy.attributes_allowed == frozenset({"INIT", "MODE64BIT", "KSS"})
    assert policy.debug == "forbid"


def test_a_td_is_no_enclave() -> None:
    settle((lambda: dataclasses.replace(under(Given()), quote=tdx.QUOTE), "unsupported.tee"))
