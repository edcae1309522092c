# SPDX-License-Identifier: Apache-2.0
"""Quotes of TDX and SGX: each with every bundle and instant of its MANIFEST, and without any."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.vectors import VectorCase, vectors_root
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import CODES
from troth.policy import JudgeOptions, judge
from troth.verify import INTEL_SGX_ROOT, Anchors, AnyValue, Tail, WithoutCollateral
from troth.wire import json as wire_json

__all__ = ["READERS", "at_of", "code_of", "collateral_of", "options_of", "tail_of"]

# What the MANIFESTs say in words, by the code that says it here.
REASONS: Final = {
    "PCK certificate not yet valid at this time": "chain.not-yet-valid",
    "no TCB level matches": "tcb.no-level",
    "reject: root key is not a trusted Intel root": "chain.root",
    "reject: PCK chain has 0 certificates": "wire.pem",  # they are in DER
    "reject: certification data type 1 carries no PCK chain": "unsupported.certification-data",
}
# What another verifier said of the same inputs, by our code; and what it refuses by a policy of its
# own, by the field that makes it do so and the value that does not.
PEER: Final = "Verification failed: "
PEER_REASONS: Final = {
    "Failed to verify certificate chain": "chain.not-yet-valid",
    "No matching TCB level found": "tcb.no-level",
}
PEER_POLICY: Final = {
    "Debug mode is enabled": ("debug", False),
    "Invalid MR service TD": ("mr_service_td", "00" * 48),
}
INSTANTS: Final = {"pck_not_before", "pck_not_after"}
# What is not looked at without collateral, and without expected report data.
SKIPPED: Final = {
    "2.revocation",
    "3.collateral",
    "4.platform",
    "8.qe-identity",
    "10.tcb",
    "11.report-data",
}
UNAPPRAISED: Final[dict[str, Any]] = {
    "status": "unknown",
    "date": None,
    "advisories": [],
    "parts": None,
    "evaluation_number": None,
}


def tee_of(case: VectorCase) -> str:
    """Return the TEE that made a quote."""
    return case.file.partition("-")[0]


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


def collateral_of(
    case: VectorCase, vectors: Path
) -> tuple[CollateralSet, ...] | type[WithoutCollateral]:
    """Return the bundle that a case names."""
    if case.kind != "with_collateral":
        return WithoutCollateral
    path = vectors / case.expect["bundle"]
    return (parse_bundle(path.read_bytes(), str(path)),)


def options_of(case: VectorCase, vectors: Path) -> JudgeOptions:
    """Return what a case is judged by."""
    return JudgeOptions(
        collateral=collateral_of(case, vectors),
        anchors=Anchors([INTEL_SGX_ROOT]),
        at=at_of(case),
        report_data=AnyValue,
        policy=None,
        tail=tail_of(case),
    )


def judged_as_stated(case: VectorCase, vectors: Path) -> None:
    """Judge a quote."""
    judgement = judge(stated_bytes(case, vectors), options_of(case, vectors))
    _check_judgement(json.loads(wire_json.encode(judgement)), case)
    if case.kind == "with_collateral":
        _check_peer(case)


def _check_peer(case: VectorCase) -> None:
    """Another verifier came to the same, its own policy apart."""
    said = case.expect["dcap_qvl_0_7_0"]
    reason = said.removeprefix(PEER)
    if reason in PEER_POLICY:
        field, harmless = PEER_POLICY[reason]
        assert case.entry["fields"][field] != harmless
    elif reason != said:
        assert code_of(case) == PEER_REASONS[reason]
    else:
        assert said == case.expect["status"]


def commands(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    """The same judgement, and what the quote claims with nothing verified."""
    given: tuple[object, ...] = ("--without-collateral",)
    if case.kind == "with_collateral":
        given = ("--collateral", vectors / case.expect["bundle"])
    if tail_of(case) is Tail.ANYTHING:
        given += ("--allow-trailing",)
    file = vectors / case.file
    at = int(at_of(case).timestamp())
    verdict = _verdict_of(case)
    library = judge(file.read_bytes(), options_of(case, vectors))

    def check(told: dict[str, Any]) -> None:
        _check_judgement(told, case)
        assert told == json.loads(wire_json.encode(library))

    verify = ("verify", file, *given, "--at", at)
    judged = Command(arguments=verify, status=EXIT[verdict], told={"verdict": verdict}, check=check)
    return (judged,) if case.kind != "without_collateral" else (judged, _shown(case, file))


def _shown(case: VectorCase, file: Path) -> Command:
    """Nothing is verified, so that every field can be read unless the format is not understood."""
    if code_of(case) == "unsupported.certification-data":
        told: dict[str, Any] = {"verdict": "malformed", "code": code_of(case)}
        return Command(arguments=("inspect", file), status=EXIT["malformed"], told=told)

    def check(told: dict[str, Any]) -> None:
        stated = case.entry["fields"]
        if told["pck_chain_error"]:  # of certificates that are not in PEM
            assert code_of(case) == "wire.pem"
        _check_facts(told["facts"], {key: stated[key] for key in stated if key in told["facts"]})
        read = set(stated) - set(told["facts"])
        assert read == set() or told["pck_chain_error"]

    told = {"verified": False, "tee": tee_of(case), "trailing_bytes": case.entry["trailing_bytes"]}
    return Command(arguments=("inspect", file), status=0, told=told, check=check)


def _verdict_of(case: VectorCase) -> str:
    if code_of(case) is None:
        return "genuine"
    if case.kind == "strict":
        return str(case.expect)
    stated = case.expect if case.kind == "with_collateral" else case.entry["expect"]
    return str(stated["class"])


def _check_judgement(judged: dict[str, Any], case: VectorCase) -> None:
    """Hold a judgement, as JSON has it, to the MANIFEST."""
    code = code_of(case)
    assert (judged["code"], judged["verdict"]) == (code, _verdict_of(case))
    assert (judged["tee"], judged["appraised"]) == (tee_of(case), False)
    assert datetime.fromisoformat(judged["judged_at"]) == at_of(case)
    if code is not None:
        assert judged["class"] == CODES[code][0]
        assert judged["trace"][-1]["verdict"] == "failed"
        # Nobody reads fields of evidence that is not genuine.
        assert [judged[key] for key in ("anchor", "facts", "tcb", "collateral")] == [None] * 4
        return
    assert judged["class"] is None
    assert judged["anchor"] == "intel-sgx-root"
    assert judged["trailing_bytes"] == case.entry["trailing_bytes"]
    stated = case.entry["fields"]
    _check_facts(judged["facts"], stated)
    if case.kind == "without_collateral":
        _check_unappraised(judged)
    else:
        _check_tcb(judged, case)


def _check_facts(facts: dict[str, Any], stated: dict[str, Any]) -> None:
    """Every field of the MANIFEST has the value stated, instants compared as such."""
    plain = {key: value for key, value in stated.items() if key not in INSTANTS}
    assert {key: facts[key] for key in plain} == plain
    for key in INSTANTS & set(stated):
        assert facts[key].endswith("Z")
        assert datetime.fromisoformat(facts[key]) == datetime.fromisoformat(stated[key])


def _check_unappraised(judged: dict[str, Any]) -> None:
    assert judged["tcb"] == UNAPPRAISED
    assert judged["collateral"] is None
    due = SKIPPED | ({"5.module"} if judged["tee"] == "tdx" else set())
    assert {row["rule"] for row in judged["trace"] if row["verdict"] == "skipped"} == due


def _check_tcb(judged: dict[str, Any], case: VectorCase) -> None:
    """Status, advisories and parts are those stated, and nothing besides."""
    tcb = judged["tcb"]
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


_QUOTE: Final = Reader(judged_as_stated, commands)
READERS: Final = dict.fromkeys(("without_collateral", "with_collateral", "strict"), _QUOTE)
