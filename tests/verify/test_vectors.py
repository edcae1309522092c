# SPDX-License-Identifier: Apache-2.0
"""Every real quote, with every bundle and instant of the MANIFEST, comes out as stated there."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.program import troth
from tests.refusals import refused
from tests.vectors import VectorCase, vector_params, vectors_root
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import CODES
from troth.evidence.tdx import TdxQuote, describe_quote
from troth.policy import JudgeOptions, judge
from troth.verify import INTEL_SGX_ROOT, Anchors, AnyValue, Tail, WithoutCollateral
from troth.verify.tdx import verify_tdx
from troth.wire import json as wire_json

FOLDER: Final = "tdx-quote"
# What the MANIFEST says in words, by the code that says it here.
REASONS: Final = {
    "PCK certificate not yet valid at this time": "chain.not-yet-valid",
    "no TCB level matches": "tcb.no-level",
    "reject: root key is not a trusted Intel root": "chain.root",
    "reject: PCK chain has 0 certificates": "wire.pem",  # they are in DER
}
EXIT: Final = {"genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5}
INSTANTS: Final = {"pck_not_before", "pck_not_after"}


def at_of(case: VectorCase) -> datetime:
    """Return the instant of a case; without collateral any within the PCK certificate's will do."""
    if case.kind == "with_collateral":
        return datetime.fromtimestamp(case.expect["at"], UTC)
    start = case.entry["fields"].get("pck_not_before", "2026-01-01 00:00:00+00:00")
    return datetime.fromisoformat(start) + timedelta(days=1)


def code_of(case: VectorCase) -> str | None:
    """Return the code that a case ends with, None for a genuine one."""
    if case.kind == "strict":
        return "tdx.trailing"
    if case.kind == "without_collateral":
        return None if case.expect == "genuine" else REASONS[case.expect]
    return REASONS[case.expect["reject"]] if "reject" in case.expect else None


def tail_of(case: VectorCase) -> Tail:
    """Return what is allowed behind the quote: anything where the strict case is another one."""
    lenient = "strict" in case.entry["expect"] and case.kind != "strict"
    return Tail.ANYTHING if lenient else Tail.ZEROS


def collateral_of(case: VectorCase, vectors: Path) -> tuple[CollateralSet, ...]:
    path = vectors / case.expect["bundle"]
    return (parse_bundle(path.read_bytes(), str(path)),)


def options_of(case: VectorCase, vectors: Path) -> JudgeOptions:
    with_collateral = case.kind == "with_collateral"
    return JudgeOptions(
        collateral=collateral_of(case, vectors) if with_collateral else WithoutCollateral,
        anchors=Anchors([INTEL_SGX_ROOT]),
        at=at_of(case),
        report_data=AnyValue,
        policy=None,
        tail=tail_of(case),
    )


def arguments_of(case: VectorCase, vectors: Path) -> list[str]:
    arguments = ["verify", str(vectors / case.file), "--json"]
    arguments += ["--at", str(int(at_of(case).timestamp()))]
    if case.kind == "with_collateral":
        arguments += ["--collateral", str(vectors / case.expect["bundle"])]
    else:
        arguments += ["--without-collateral"]
    if tail_of(case) is Tail.ANYTHING:
        arguments += ["--allow-trailing"]
    return arguments


def check_judgement(judged: dict[str, Any], case: VectorCase) -> None:
    """Hold a judgement, as JSON has it, to the MANIFEST."""
    code = code_of(case)
    assert judged["code"] == code
    assert judged["tee"] == "tdx"
    assert judged["appraised"] is False
    assert datetime.fromisoformat(judged["judged_at"]) == at_of(case)
    if code is not None:
        stated = case.expect.get("class") if case.kind == "with_collateral" else None
        if case.kind == "without_collateral":
            stated = case.entry["expect"]["class"]
        elif case.kind == "strict":
            stated = case.expect
        assert judged["verdict"] == stated
        assert judged["class"] == CODES[code][0]
        assert judged["trace"][-1]["verdict"] == "failed"
        # Nobody reads fields of evidence that is not genuine.
        assert [judged[key] for key in ("anchor", "facts", "tcb", "collateral")] == [None] * 4
        return
    assert (judged["verdict"], judged["class"]) == ("genuine", None)
    assert judged["anchor"] == "intel-sgx-root"
    assert judged["trailing_bytes"] == case.entry["trailing_bytes"]
    check_facts(judged["facts"], case.entry["fields"])
    check_tcb(judged, case)


def check_facts(facts: dict[str, Any], fields: dict[str, Any]) -> None:
    """Every field of the MANIFEST has the value stated, instants compared as such."""
    assert {key: facts[key] for key in fields if key not in INSTANTS} == {
        key: value for key, value in fields.items() if key not in INSTANTS
    }
    for key in INSTANTS:
        assert facts[key].endswith("Z")
        assert datetime.fromisoformat(facts[key]) == datetime.fromisoformat(fields[key])


def check_tcb(judged: dict[str, Any], case: VectorCase) -> None:
    """Status, advisories and parts are those stated, and nothing besides."""
    tcb = judged["tcb"]
    if case.kind == "without_collateral":
        assert tcb == {
            "status": "unknown",
            "date": None,
            "advisories": [],
            "parts": None,
            "evaluation_number": None,
        }
        assert judged["collateral"] is None
        assert {row["rule"] for row in judged["trace"] if row["verdict"] == "skipped"} == {
            "2.revocation",
            "3.collateral",
            "4.platform",
            "5.module",
            "8.qe-identity",
            "10.tcb",
            "11.report-data",
        }
        return
    assert tcb["status"] == case.expect["status"]
    assert sorted(tcb["advisories"]) == sorted(case.expect["advisories"])
    assert tcb["parts"] == case.expect["parts"]
    bundle = json.loads((vectors_root() / case.expect["bundle"]).read_text(encoding="utf-8"))
    documents = (json.loads(bundle["tcb_info"]), json.loads(bundle["qe_identity"]))
    number = min(one["tcbEvaluationDataNumber"] for one in documents)
    assert tcb["evaluation_number"] == judged["collateral"]["evaluation_number"] == number
    start, end = (datetime.fromisoformat(one) for one in case.expect["window"])
    assert datetime.fromisoformat(judged["collateral"]["valid_from"]) == start
    assert datetime.fromisoformat(judged["collateral"]["valid_until"]) == end


@pytest.mark.parametrize("case", vector_params(FOLDER))
def test_library_judges_as_stated(case: VectorCase, vectors: Path) -> None:
    evidence = (vectors / case.file).read_bytes()
    judgement = judge(evidence, options_of(case, vectors))
    check_judgement(json.loads(wire_json.encode(judgement)), case)


@pytest.mark.parametrize("case", vector_params(FOLDER))
def test_verifier_raises_or_returns_as_stated(case: VectorCase, vectors: Path) -> None:
    options = options_of(case, vectors)

    def verify() -> str:
        verified = verify_tdx(
            (vectors / case.file).read_bytes(),
            collateral=options.collateral,
            anchors=options.anchors,
            at=options.at,
            report_data=AnyValue,
            tail=options.tail,
        )
        assert verified.value.trailing_bytes == case.entry["trailing_bytes"]
        return verified.value.status

    code = code_of(case)
    if code is None:
        assert verify() == (case.expect["status"] if case.kind == "with_collateral" else "unknown")
    else:
        with refused(code):
            verify()


@pytest.mark.parametrize("case", vector_params(FOLDER))
def test_program_judges_as_stated(case: VectorCase, vectors: Path) -> None:
    done = troth(*arguments_of(case, vectors))
    judged = done.json()
    check_judgement(judged, case)
    assert done.status == EXIT[judged["verdict"]]
    evidence = (vectors / case.file).read_bytes()
    library = judge(evidence, options_of(case, vectors))
    assert done.out == wire_json.encode(library) + b"\n"


@pytest.mark.parametrize("case", vector_params(FOLDER, "without_collateral"))
def test_the_file_is_the_one_described_and_parses_as_stated(
    case: VectorCase, vectors: Path
) -> None:
    data = (vectors / case.file).read_bytes()
    assert len(data) == case.entry["bytes"]
    assert hashlib.sha256(data).hexdigest() == case.entry["sha256"]
    quote = TdxQuote.parse(data)
    facts = describe_quote(quote)
    stated = case.entry["fields"]
    assert {key: facts[key] for key in stated if key in facts} == {
        key: value for key, value in stated.items() if key in facts
    }
    assert len(quote.tail) == case.entry["trailing_bytes"]
    assert quote.build() + quote.tail == data
    assert quote.body.build() == quote.signed[-len(quote.body.build()) :]
    assert quote.header.build() == quote.signed[:48]
    assert quote.qe_report.build() == quote.section.qe_report


@pytest.mark.parametrize("case", vector_params(FOLDER, "with_collateral"))
def test_missing_collateral_is_named(case: VectorCase, vectors: Path) -> None:
    evidence = (vectors / case.file).read_bytes()
    # A chain that is not valid yet is refused before collateral is looked for.
    early = code_of(case) == "chain.not-yet-valid"
    code = "chain.not-yet-valid" if early else "collateral.missing"
    with refused(code, "" if early else f"FMSPC {case.entry['fields']['fmspc']} and"):
        verify_tdx(
            evidence,
            collateral=(),
            anchors=Anchors([INTEL_SGX_ROOT]),
            at=at_of(case),
            report_data=AnyValue,
            tail=tail_of(case),
        )
