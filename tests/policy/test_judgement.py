# SPDX-License-Identifier: Apache-2.0
"""An error becomes a verdict in one place, and facts are shown of genuine evidence alone."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import pytest
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.errors import (
    CODES,
    DeniedError,
    DriverError,
    MalformedError,
    StaleError,
    TrothError,
    UntrustedError,
    UsageError,
)
from troth.policy import Judgement, JudgeOptions, judge
from troth.policy.judgement import bug, refusal
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.verify import Anchor, Anchors, AnyValue, WithoutCollateral
from troth.wire import json as wire_json

TEE: Final = SoftwareTdx.create(Settings().with_status(platform="SWHardeningNeeded"), at=AT)
OPTIONS: Final = JudgeOptions(
    collateral=(parse_bundle(TEE.bundle(), "own"),),
    anchors=Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))]),
    at=AT,
    report_data=AnyValue,
    policy=None,
)
WITHOUT_FACTS: Final[dict[str, object]] = {
    "appraised": False,
    "tee": None,
    "anchor": None,
    "facts": None,
    "tcb": None,
    "trailing_bytes": None,
    "trace": [],
    "collateral": None,
}


def spelt(judgement: Judgement) -> dict[str, Any]:
    value = json.loads(wire_json.encode(judgement))
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (UsageError("usage.file", "x"), "error"),
        (MalformedError("json.syntax", "x"), "malformed"),
        (UntrustedError("tcb.status-word", "x"), "untrusted"),
        (StaleError("collateral.missing", "x"), "stale"),
        (DeniedError("policy.section", "x"), "denied"),
        (DriverError("tsm.state", "x"), "error"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else one,
)
def test_a_refusal_is_the_error_without_facts(error: TrothError | UsageError, verdict: str) -> None:
    assert spelt(refusal(error, AT)) == WITHOUT_FACTS | {
        "verdict": verdict,
        "class": type(error).__name__,
        "code": error.code,
        "detail": "x",
        "judged_at": "2026-11-01T12:00:00Z",
    }
    assert refusal(type(error)(error.code), None).judged_at is None
    assert refusal(type(error)(error.code), None).detail is None


def test_a_bug_is_of_no_class() -> None:
    assert spelt(bug(KeyError("a\nb"))) == WITHOUT_FACTS | {
        "verdict": "error",
        "class": None,
        "code": "bug",
        "detail": "KeyError: 'a\\nb'",
        "judged_at": None,
    }
    assert "bug" not in CODES


@pytest.mark.parametrize("version", [4, 5])
def test_a_genuine_judgement_says_everything(version: Literal[4, 5]) -> None:
    judged = spelt(judge(TEE.quote(REPORT_DATA, version=version) + bytes(3), OPTIONS))
    assert judged["verdict"] == "genuine"
    assert judged["trailing_bytes"] == 3
    assert judged["tcb"]["status"] == "SWHardeningNeeded"
    assert judged["tcb"]["advisories"] == ["EMULATED-SA-00001"]
    parts = {"platform", "platform_tcb_date", "qe", "module"}
    assert set(judged["tcb"]["parts"]) == parts | ({"current"} if version == 5 else set())
    assert judged["collateral"]["source"] == "own"
    assert judged["facts"]["report_data"] == REPORT_DATA.hex()


def test_a_part_that_is_not_there_is_absent() -> None:
    old = replace(Settings().module, tee_tcb_svn="05000400" + "00" * 12)
    tee = SoftwareTdx.create(replace(Settings(), module=old), at=AT)
    options = replace(
        OPTIONS,
        collateral=(parse_bundle(tee.bundle(), "own"),),
        anchors=Anchors([Anchor.of(Certificate(tee.pki.certificates["root"]))]),
    )
    parts = spelt(judge(tee.quote(REPORT_DATA), options))["tcb"]["parts"]
    assert set(parts) == {"platform", "platform_tcb_date", "qe"}


def test_without_collateral_there_is_none() -> None:
    judged = spelt(judge(TEE.quote(REPORT_DATA), replace(OPTIONS, collateral=WithoutCollateral)))
    assert judged["collateral"] is None
    assert judged["tcb"] == {
        "status": "unknown",
        "date": None,
        "advisories": [],
        "parts": None,
        "evaluation_number": None,
    }


def test_the_tee_is_found_or_named() -> None:
    assert judge(b"", OPTIONS).tee is None
    assert judge(b"", OPTIONS).code == "evidence.unknown"
    assert judge(b"", replace(OPTIONS, tee="tdx")).tee == "tdx"
    assert judge(b"", replace(OPTIONS, tee="tdx")).code == "wire.truncated"
    assert judge(TEE.quote(REPORT_DATA), OPTIONS).tee == "tdx"


def test_the_same_arguments_give_the_same_bytes() -> None:
    quote = TEE.quote(REPORT_DATA)
    assert wire_json.encode(judge(quote, OPTIONS)) == wire_json.encode(judge(quote, OPTIONS))
