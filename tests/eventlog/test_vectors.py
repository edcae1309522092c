# SPDX-License-Identifier: Apache-2.0
"""Every log among the vectors replays to what its MANIFEST states, by library and by program."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.program import troth
from tests.refusals import refused
from tests.vectors import VectorCase, cases, vector_params
from troth.evidence.eventlog import (
    MAPPINGS,
    CcelTable,
    ImaList,
    TcgLog,
    build_ima_ascii,
    build_ima_binary,
    match_prefix,
    parse_log,
    replay,
)
from troth.evidence.eventlog.tcg_types import type_name

MAPPING: Final = {"eventlog-cc": "cc", "eventlog-tpm": "pcr", "ima": "pcr"}
# What the MANIFESTs do not state, or rests on a quote that is not among the vectors.
UNKNOWN: Final = {
    "eventlog-tpm/cel.b64:unknown",
    "ima/test_ima_verification.lines.txt:unknown",
    "eventlog-cc/cc-api-ccel_data.bin:quote[0]",
    "eventlog-cc/tdx_ccel_live.bin:quote[0]",
    "eventlog-cc/cos-113-intel-tdx-dupe-separator.bin:quote[0]",
    "eventlog-cc/cos-113-intel-tdx.bin:quote[0]",
}
BANKS: Final = ("sha1", "sha256", "sha384")


def read(case: VectorCase, vectors: Path) -> bytes:
    data = (vectors / case.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == case.entry["sha256"]
    return base64.b64decode(data) if case.file.endswith(".b64") else data


def numbered(registers: dict[str, bytes]) -> dict[str, str]:
    """Return registers as the MANIFESTs have them: by number, in hex."""
    return {name.lstrip("pcrtm"): value.hex() for name, value in registers.items()}


@pytest.mark.parametrize(
    "case",
    vector_params("eventlog-cc", "replayed") + vector_params("eventlog-tpm", "replayed"),
)
def test_firmware_logs(case: VectorCase, vectors: Path) -> None:
    mapping = MAPPING[case.file.partition("/")[0]]
    data = read(case, vectors)
    log = parse_log(data)
    assert isinstance(log, TcgLog)
    assert len(log) == case.entry["events"]
    assert log.size == case.entry["bytes_used"]
    replayed = {bank: numbered(replay(log.extends(bank), MAPPINGS[mapping])) for bank in log.banks}
    assert replayed == case.expect
    stated = replayed[log.banks[-1]]
    compared = [f"--register={prefix(mapping)}{number}={value}" for number, value in stated.items()]
    done = troth("replay", vectors / case.file, "--json", *compared)
    told = done.json()
    assert (done.status, told["verdict"], told["bank"]) == (0, "matched", log.banks[-1])
    assert {one["verdict"] for one in told["registers"]} == {"matched"}


def prefix(mapping: str) -> str:
    return "rtmr" if mapping == "cc" else "pcr"


@pytest.mark.parametrize("case", vector_params("eventlog-cc", "table"))
def test_tables(case: VectorCase, vectors: Path) -> None:
    data = read(case, vectors)
    table = CcelTable.parse(data)
    assert (table.cc_type, table.cc_subtype) == (2, 0)
    assert table.log_area_bytes % 4096 == 0
    assert CcelTable.parse(table.build()) == table


@pytest.mark.parametrize("case", vector_params("eventlog-cc", "reading"))
def test_another_projects_reading(case: VectorCase, vectors: Path) -> None:
    theirs = json.loads(read(case, vectors))["uefi_event_logs"]
    log = parse_log((vectors / case.file.replace("_out.json", "")).read_bytes())
    assert isinstance(log, TcgLog)
    assert [reading(log, index) for index in range(len(log))] == [
        {
            "index": one["index"],
            "type_name": one["type_name"],
            "digest": one["digests"][0]["digest"],
            "event": base64.b64decode(one["event"]),
        }
        for one in theirs
    ]


def reading(log: TcgLog, index: int) -> dict[str, Any]:
    event = log.event(index)
    return {
        "index": event.register,
        "type_name": type_name(event.type),
        "digest": event.digests["sha384"].hex(),
        "event": event.data,
    }


@pytest.mark.parametrize("case", vector_params("ima", "hashes"))
def test_ima_lists(case: VectorCase, vectors: Path) -> None:
    log = parse_log(read(case, vectors), "ima")
    assert isinstance(log, ImaList)
    assert build_ima_ascii(log).rstrip(b"\n") == read(case, vectors).rstrip(b"\n")
    if log.bank == "sha384":  # the MANIFEST has no row of it, because it counts SHA-1 hashes alone
        assert (case.expect["rows"], len(log)) == (0, 1)
        assert list(replay(log.extends("sha384"), MAPPINGS["rtmr"])) == ["rtmr2"]
        assert [one.value for one in log.examine("sha384").data] == ["measured"]
        return
    assert len(log) == case.expect["rows"]
    stated = case.expect["pcr_after"]["sha1"]
    assert replay(log.extends("sha1"), MAPPINGS["pcr"])["pcr10"].hex() == stated
    assert troth("replay", vectors / case.file, f"--register=pcr10={stated}").status == 0


@pytest.mark.parametrize("case", vector_params("ima", "reject"))
def test_no_ima_list(case: VectorCase, vectors: Path) -> None:
    data = read(case, vectors)
    with refused("eventlog.ima"):
        parse_log(data, "ima")
    unusable(vectors / case.file)


@pytest.mark.parametrize("case", vector_params("eventlog-tpm", "reject"))
def test_no_firmware_log(case: VectorCase, vectors: Path) -> None:
    data = read(case, vectors)
    with refused("wire.truncated"):
        parse_log(data, "tpm")
    unusable(vectors / case.file)


def unusable(path: Path) -> None:
    done = troth("replay", path, "--json")
    assert (done.status, done.json()["code"]) == (3, "eventlog.unknown")


@pytest.mark.parametrize("case", vector_params("qemu-ima", "pcrs"))
def test_logs_of_our_guests(case: VectorCase, vectors: Path) -> None:
    """The log at the end leads to the PCRs that the kernel showed at the end, in every bank."""
    log = parse_log(read(case, vectors))
    due = pcrs((vectors / case.file).parent)
    wanted = {number for number in (range(10) if log.kind == "tpm" else (10,)) if number != 8}
    for bank in BANKS:
        values = {f"pcr{number}": due[bank, number] for number in wanted}
        matches = match_prefix(log.extends(bank), MAPPINGS["pcr"], values)
        assert [one.behind for one in matches] == [0] * len(values)
    given = [f"--register={name}={value.hex()}" for name, value in values.items()]
    assert troth("replay", vectors / case.file, *given).status == 0
    if isinstance(log, ImaList):
        build = build_ima_ascii if "ascii" in case.file else build_ima_binary
        assert build(log) == read(case, vectors)
        assert [one.name for one in log.examine("sha256").findings] == ["violation"] * 2


@pytest.mark.parametrize("case", vector_params("qemu-ima", "after-quote"))
def test_lists_read_after_a_quote(case: VectorCase, vectors: Path) -> None:
    """The quoted PCR 10 matches a proper prefix: something ran between quote and list."""
    log = parse_log(read(case, vectors))
    folder = (vectors / case.file).parent
    quoted = quoted_pcr10(folder)
    (match,) = match_prefix(log.extends("sha256"), MAPPINGS["pcr"], {"pcr10": quoted})
    assert match.matched is not None
    assert 0 < match.behind == len(log) - match.matched
    stated = f"prefix of {match.matched} of"
    assert stated in (folder / "verify.txt").read_text(encoding="utf-8")
    done = troth("replay", vectors / case.file, f"--register=pcr10={quoted.hex()}", "--json")
    assert (done.status, done.json()["registers"][0]["prefix"]) == (0, match.matched)


def pcrs(folder: Path) -> dict[tuple[str, int], bytes]:
    """Return the PCRs that a guest's kernel showed, by bank and number."""
    lines = (folder / "sysfs_pcrs.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines]
    return {
        (bank.removeprefix("pcr-"), int(number)): bytes.fromhex(value)
        for bank, number, value in rows
    }


def quoted_pcr10(folder: Path) -> bytes:
    """Return PCR 10 at the ECC quote: the value with which the quoted digest comes out."""
    digest = (folder / "quote_ecc.msg").read_bytes()[-32:]  # TPMS_QUOTE_INFO ends in pcrDigest
    due = pcrs(folder)
    log = parse_log((folder / "ima_binary.bin").read_bytes()).extends("sha256")
    value = bytes(32)
    for one in log.digests:
        value = hashlib.sha256(value + one).digest()
        selected = (value if number == 10 else due["sha256", number] for number in range(15))
        if hashlib.sha256(b"".join(selected)).digest() == digest:
            return value
    raise AssertionError(folder)


def test_what_the_manifests_leave_open(vectors: Path) -> None:
    """Cases without a stated outcome are these and no more; their count is the set's."""
    folders = ("eventlog-cc", "eventlog-tpm", "ima")
    found = [case for folder in folders for case in cases(folder)]
    assert {case.id for case in found if case.kind in {"unknown", "quote"}} == UNKNOWN
    assert len(found) > len(UNKNOWN)
    assert vectors.is_dir()


@pytest.mark.parametrize("case", vector_params("eventlog-cc", "quote"))
def test_a_log_of_a_quote_that_is_not_here(case: VectorCase, vectors: Path) -> None:
    """The registers said to match are those of the replay that the MANIFEST states."""
    log = parse_log(read(case, vectors))
    extends = log.extends("sha384")
    said = {
        f"rtmr{number}": bytes.fromhex(case.entry["replayed"]["sha384"][str(number)])
        for number in case.expect["rtmrs_that_match"]
    }
    assert [one.behind for one in match_prefix(extends, MAPPINGS["cc"], said)] == [0] * len(said)
    assert not list(vectors.glob(f"tdx-quote/*{case.expect['quote_sha256_prefix']}*"))


@pytest.mark.parametrize(
    "case", vector_params("eventlog-tpm", "unknown") + vector_params("ima", "unknown")
)
def test_logs_without_a_stated_outcome_are_read(case: VectorCase, vectors: Path) -> None:
    data = read(case, vectors)
    log = parse_log(data)
    done = troth("replay", "-", "--json", stdin=data)
    assert (done.status, done.json()["entries"]) == (1, len(log))
    status = [one.value for one in log.examine(log.banks[0]).data]
    if log.kind == "cel":
        assert (len(log), set(status)) == (18, {"measured"})
        assert list(replay(log.extends("sha384"), MAPPINGS["cc"])) == ["rtmr3"]
    else:  # the test that these lines are from changes a signature of one
        assert status.count("differs") == 1
        assert len(status) == case.entry["rows"] == 7


def test_twins_part_where_the_second_separator_is(vectors: Path) -> None:
    """The registers of one boot, the log of another: where they part, a reference tells."""
    good = vectors / "eventlog-cc/cos-113-intel-tdx.bin"
    odd = vectors / "eventlog-cc/cos-113-intel-tdx-dupe-separator.bin"
    wanted = replay(parse_log(good.read_bytes()).extends("sha384"), MAPPINGS["cc"])
    stated = [f"--register={name}={value.hex()}" for name, value in wanted.items()]
    done = troth("replay", odd, "--reference", good, "--json", *stated)
    told = {one["register"]: one for one in done.json()["registers"]}
    assert (done.status, done.json()["code"]) == (4, "eventlog.wrong")
    assert [told[f"rtmr{n}"]["verdict"] for n in range(3)] == ["wrong", "wrong", "matched"]
    assert [told[f"rtmr{n}"]["parted_at"] for n in range(2)] == [1, 16]
    assert told["rtmr1"]["parted"] == "entry 16 is not that of the reference, its entry 15"
    second, missing = done.json()["findings"]
    assert (second["index"], second["finding"]) == (15, "second-separator")
    assert missing["finding"] == "no-separator"
