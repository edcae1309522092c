# SPDX-License-Identifier: Apache-2.0
"""Event logs of firmware, of IMA and of agents: what they replay to, and the quote they are of."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase, quote_of
from troth.evidence.eventlog import (
    MAPPINGS,
    CcelTable,
    ImaList,
    Log,
    TcgLog,
    build_ima_ascii,
    match_prefix,
    parse_log,
    replay,
)
from troth.evidence.eventlog.tcg_types import type_name
from troth.evidence.tdx import TdxQuote

__all__ = ["READERS"]

MAPPING: Final = {"eventlog-cc": "cc", "eventlog-tpm": "pcr"}
PREFIX: Final = {"cc": "rtmr", "pcr": "pcr"}
IMA: Final = "pcr10"
ALGORITHMS: Final = {4: "sha1", 11: "sha256", 12: "sha384"}  # TCG Algorithm Registry, 6.10
# By what a file begins as, its parser and what it refuses these files with.
REFUSALS: Final = {"ima": ("ima", "eventlog.ima"), "eventlog-tpm": ("tpm", "wire.truncated")}
MATCHED, NOT_COMPARED = 0, 1  # exit statuses of a replay


def _mapping(case: VectorCase) -> str:
    return MAPPING[case.file.partition("/")[0]]


def _numbered(registers: Mapping[str, bytes]) -> dict[str, str]:
    """Return registers as the MANIFESTs have them: by number, in hex."""
    return {name.lstrip("pcrtm"): value.hex() for name, value in registers.items()}


def _named(case: VectorCase, stated: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX[_mapping(case)]}{number}": value for number, value in stated.items()}


def _given(registers: Mapping[str, str]) -> list[str]:
    return [f"--register={name}={value}" for name, value in registers.items()]


# --- firmware -------------------------------------------------------------------------------------


def _firmware(case: VectorCase, vectors: Path) -> None:
    log = parse_log(stated_bytes(case, vectors))
    assert isinstance(log, TcgLog)
    assert len(log) == case.entry["events"]
    assert log.size == case.entry["bytes_used"]
    assert list(log.banks) == [ALGORITHMS[number] for number in case.entry["algorithms"]]
    replayed = {
        bank: _numbered(replay(log.extends(bank), MAPPINGS[_mapping(case)])) for bank in log.banks
    }
    assert replayed == case.expect


def _replay_firmware(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    file = vectors / case.file

    def command(bank: str) -> Command:
        registers = _named(case, case.expect[bank])

        def check(told: dict[str, Any]) -> None:
            assert {one["register"]: one["expected"] for one in told["registers"]} == registers
            assert {one["verdict"] for one in told["registers"]} == {"matched"}

        told = {"verdict": "matched", "bank": bank, "entries": case.entry["events"]}
        words = ("replay", file, *_given(registers))
        return Command(arguments=words, status=MATCHED, told=told, check=check)

    bank = next(iter(case.expect))
    number, value = next(iter(case.expect[bank].items()))
    wrong = _named(case, {number: ("0" if value[0] != "0" else "1") + value[1:]})
    told = {"verdict": "wrong", "code": "eventlog.wrong"}
    words = ("replay", file, *_given(wrong))
    return (
        *(command(bank) for bank in case.expect),
        Command(arguments=words, status=EXIT["untrusted"], told=told),
    )


def _table(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    table = CcelTable.parse(data)
    assert (table.cc_type, table.cc_subtype) == (2, 0)
    assert table.log_area_bytes % 4096 == 0
    assert CcelTable.parse(table.build()) == table


def _reading(case: VectorCase, vectors: Path) -> None:
    theirs = json.loads(stated_bytes(case, vectors))["uefi_event_logs"]
    log = parse_log((vectors / case.file.replace("_out.json", "")).read_bytes())
    assert isinstance(log, TcgLog)
    assert [_event(log, index) for index in range(len(log))] == [
        {
            "index": one["index"],
            "type_name": one["type_name"],
            "digest": one["digests"][0]["digest"],
            "event": base64.b64decode(one["event"]),
        }
        for one in theirs
    ]


def _event(log: TcgLog, index: int) -> dict[str, Any]:
    event = log.event(index)
    return {
        "index": event.register,
        "type_name": type_name(event.type),
        "digest": event.digests["sha384"].hex(),
        "event": event.data,
    }


# --- a log and its quote --------------------------------------------------------------------------


def _of_quote(case: VectorCase, vectors: Path) -> None:
    """Those RTMRs of the quote that are stated to match do, and no others of firmware's."""
    log = parse_log((vectors / case.file).read_bytes())
    replayed = replay(log.extends("sha384"), MAPPINGS["cc"])
    assert _matching(case, vectors, replayed) == set(case.expect["rtmrs_that_match"])


def _matching(case: VectorCase, vectors: Path, replayed: Mapping[str, bytes]) -> set[int]:
    named = quote_of(case.expect)
    assert named is not None
    body = TdxQuote.parse((vectors / named).read_bytes()).body
    quoted = {f"rtmr{number}": bytes(getattr(body, f"rtmr{number}")) for number in range(3)}
    return {int(name[4:]) for name, value in quoted.items() if replayed.get(name) == value}


def _replay_quote(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    named = quote_of(case.expect)
    assert named is not None
    due = set(case.expect["rtmrs_that_match"])

    def check(told: dict[str, Any]) -> None:
        verdicts = {int(one["register"][4:]): one["verdict"] for one in told["registers"]}
        assert verdicts == {n: "matched" if n in due else "wrong" for n in range(3)}

    matched = due == {0, 1, 2}
    status = MATCHED if matched else EXIT["untrusted"]
    told = {"verdict": "matched" if matched else "wrong", "bank": "sha384"}
    words = ("replay", vectors / case.file, "--quote", vectors / named)
    return (Command(arguments=words, status=status, told=told, check=check),)


# --- IMA ------------------------------------------------------------------------------------------


def _ima(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    log = parse_log(data, "ima")
    assert isinstance(log, ImaList)
    assert build_ima_ascii(log).rstrip(b"\n") == data.rstrip(b"\n")
    if log.bank == "sha384":  # the MANIFEST has no row of it, because it counts SHA-1 hashes alone
        assert (case.expect["rows"], len(log)) == (0, 1)
        assert list(replay(log.extends("sha384"), MAPPINGS["rtmr"])) == ["rtmr2"]
        assert [one.value for one in log.examine("sha384").data] == ["measured"]
        return
    assert len(log) == case.expect["rows"]
    stated = case.expect["pcr_after"]["sha1"]
    assert replay(log.extends("sha1"), MAPPINGS["pcr"])[IMA].hex() == stated


def _replay_ima(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    file = vectors / case.file
    if not case.expect["rows"]:
        told = {"verdict": "not-compared", "bank": "sha384", "entries": 1}
        words: tuple[object, ...] = ("replay", file, "--mapping", "rtmr")
        return (Command(arguments=words, status=NOT_COMPARED, told=told),)
    rows = case.expect["rows"]

    def check(told: dict[str, Any]) -> None:
        (one,) = told["registers"]
        assert (one["prefix"], one["behind"]) == (rows, 0)

    told = {"verdict": "matched", "bank": "sha1", "entries": rows}
    words = ("replay", file, *_given({IMA: case.expect["pcr_after"]["sha1"]}))
    return (Command(arguments=words, status=MATCHED, told=told, check=check),)


# --- others ---------------------------------------------------------------------------------------


def _reject(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    kind, code = REFUSALS[case.file.partition("/")[0]]
    with refused(code):
        parse_log(data, kind)


def _unusable(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    told = {"verdict": "malformed", "code": "eventlog.unknown"}
    words = ("replay", vectors / case.file)
    return (Command(arguments=words, status=EXIT["malformed"], told=told),)


def _open(case: VectorCase, vectors: Path) -> None:
    """Nothing is stated: the log is read, and its entries' data compared with their hashes."""
    if case.expect is not None:
        _without_quote(case, vectors)
        return
    log = parse_log(_decoded(case, vectors))
    status = [one.value for one in log.examine(log.banks[0]).data]
    if log.kind == "cel":
        assert (len(log), set(status)) == (18, {"measured"})
        assert list(replay(log.extends("sha384"), MAPPINGS["cc"])) == ["rtmr3"]
    else:  # the test that these lines are from changes a signature of one
        assert status.count("differs") == 1
        assert len(status) == case.entry["rows"] == 7


def _without_quote(case: VectorCase, vectors: Path) -> None:
    """The quote is not here: the registers said to match are those that the MANIFEST replays to."""
    log = parse_log(stated_bytes(case, vectors))
    said = {
        f"rtmr{number}": bytes.fromhex(case.entry["replayed"]["sha384"][str(number)])
        for number in case.expect["rtmrs_that_match"]
    }
    matches = match_prefix(log.extends("sha384"), MAPPINGS["cc"], said)
    assert [one.behind for one in matches] == [0] * len(said)


def _decoded(case: VectorCase, vectors: Path) -> bytes:
    data = stated_bytes(case, vectors)
    return base64.b64decode(data) if case.file.endswith(".b64") else data


def _replay_open(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    data = _decoded(case, vectors)
    log: Log = parse_log(data)
    told = {"verdict": "not-compared", "entries": len(log), "kind": log.kind}
    return (Command(arguments=("replay", "-"), status=NOT_COMPARED, told=told, stdin=data),)


READERS: Final = {
    "replayed": Reader(_firmware, _replay_firmware),
    "table": Reader(_table, "an ACPI table says where a log lies and is none"),
    "reading": Reader(_reading, "another project's reading of a log that is read beside it"),
    "quote": Reader(_of_quote, _replay_quote),
    "hashes": Reader(_ima, _replay_ima),
    "reject": Reader(_reject, _unusable),
    "unknown": Reader(_open, _replay_open),
}
