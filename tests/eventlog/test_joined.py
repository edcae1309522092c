# SPDX-License-Identifier: Apache-2.0
"""A log that goes on in another: one register, two writers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.eventlog.logs import BOOT, IPL, cc_log, chained, ima_list
from tests.program import troth
from tests.refusals import refused
from troth.evidence.eventlog import (
    MAPPINGS,
    Data,
    ImaList,
    JoinedLog,
    TcgEvent,
    build_cc_log,
    build_ima_binary,
    join,
    match_prefix,
    parse_aael,
    parse_cc_log,
    replay,
    replay_report,
)
from troth.evidence.eventlog.columns import UNEXTENDED
from troth.evidence.eventlog.report import due_registers

CC: Final = MAPPINGS["cc"]
UEFI: Final = MAPPINGS["uefi"]
FILES: Final = ima_list(
    [
        (b"ima-ng", [b"sha256:\0" + b"\5" * 32, b"boot_aggregate\0"]),
        (b"ima-ng", [b"sha256:\0" + b"\6" * 32, b"/bin/sh\0"]),
    ]
)
DUE: Final = replay(parse_cc_log(cc_log()).extends("sha384"), CC)
TAKEN: Final = [hashlib.sha384(one).digest() for one in FILES.template_data]
BOOT_DIGESTS: Final = [one.digests["sha384"] for one in BOOT if one.register == 3]


def joined(files: ImaList = FILES) -> JoinedLog:
    return join(parse_cc_log(cc_log()), files, CC, UEFI)


def test_neither_log_leads_to_the_register_and_both_do() -> None:
    value = chained("sha384", *BOOT_DIGESTS, *TAKEN)
    both = joined()
    assert replay(both.extends("sha384"), CC) == DUE | {"rtmr2": value}
    (match,) = match_prefix(both.extends("sha384"), CC, {"rtmr2": value})
    assert (match.matched, match.prefix, match.behind) == (4, 8, 0)
    for alone, mapping in ((both.first, CC), (FILES, UEFI)):
        with refused("eventlog.wrong", "rtmr2"):
            match_prefix(alone.extends("sha384"), mapping, {"rtmr2": value})
    with refused("eventlog.wrong", "rtmr2"):  # the other way round
        turned = join(FILES, both.first, UEFI, CC).extends("sha384")
        match_prefix(turned, UEFI, {"rtmr2": value})


def test_a_prefix_of_the_second_log_is_enough() -> None:
    value = chained("sha384", *BOOT_DIGESTS, TAKEN[0])
    report = replay_report(joined(), {"rtmr2": value}, with_events=True)
    (rtmr2,) = [one for one in report.registers if one.register == "rtmr2"]
    assert (report.verdict, report.kind, report.mapping) == ("matched", "ccel+ima", "cc")
    assert (rtmr2.matched, rtmr2.prefix, rtmr2.behind) == (3, 7, 1)
    assert report.events is not None
    assert [one.proven for one in report.events] == [False] * 4 + [True] * 3 + [False]
    assert [one.register for one in report.events][5:] == ["rtmr2"] * 3
    assert [one.described["content"] for one in report.events][5:] == [
        "initrd",
        "boot_aggregate",
        "/bin/sh",
    ]


def test_the_usual_mapping_is_that_of_the_first_log() -> None:
    report = replay_report(join(FILES, parse_cc_log(cc_log()), UEFI, CC), {}, bank="sha384")
    assert (report.kind, report.mapping) == ("ima+ccel", "uefi")
    assert [one.register for one in report.registers] == ["rtmr0", "rtmr1", "rtmr2"]


def test_the_firmwares_registers_are_due_of_both() -> None:
    values = DUE | {"rtmr3": b"\1" * 48}
    assert due_registers(joined(), values, CC) == DUE


def test_findings_count_on_from_the_first_log() -> None:
    wrong = replace(FILES, hashes=[FILES.hashes[0], b"\1" * 20])
    events = [*BOOT, TcgEvent(3, 0x80000001, {"sha384": b"\2" * 48}, b"x")]
    both = join(parse_cc_log(build_cc_log(events)), wrong, CC, UEFI)
    examined = both.examine("sha384")
    assert examined.data == [Data.MEASURED] * 6 + [Data.DIFFERS, Data.MEASURED, Data.DIFFERS]
    found = [(one.index, one.name) for one in examined.findings]
    assert found == [(6, "data-differs"), (8, "data-differs")]
    assert examined.recomputed == {6: hashlib.sha384(b"x").digest()}
    headless = replace(
        FILES,
        **{
            name: getattr(FILES, name)[1:]
            for name in ("registers", "hashes", "templates", "template_data")
        },
    )
    (about_the_list,) = joined(headless).examine("sha384").findings
    assert (about_the_list.index, about_the_list.name) == (None, "no-boot-aggregate")
    same = join(wrong, wrong, MAPPINGS["pcr"], MAPPINGS["pcr"])
    assert same.examine("sha1").recomputed == {1: FILES.hashes[1], 3: FILES.hashes[1]}


def test_only_banks_of_both_are_replayed() -> None:
    assert joined().banks == ("sha384",)
    assert len(joined()) == 8
    with refused("eventlog.bank"):
        joined().extends("sha256")
    with refused("eventlog.bank"):
        joined().examine("sha256")


def test_entries_for_registers_of_no_report_are_not_replayed() -> None:
    elsewhere = replace(FILES, registers=[10, 0])
    assert list(joined(elsewhere).extends("sha384").registers) == [1, 1, 2, 2, 3, 3, 3, UNEXTENDED]
    with refused("usage.register", "no register in common"):
        join(parse_cc_log(cc_log()), FILES, CC, MAPPINGS["pcr"])


AGENT: Final = "INIT sha384/{}\ndomain operation content\n"


def test_a_second_log_begins_where_the_first_ends() -> None:
    """The agent says what it found in the register: it must be what the first log leads to."""
    first = parse_cc_log(build_cc_log([*BOOT, TcgEvent.of_data(4, IPL, b"x")]))
    ends = replay(first.extends("sha384"), CC)["rtmr3"]
    agent = parse_aael(AGENT.format(ends.hex()).encode())
    both = join(first, agent, CC, MAPPINGS["coco"])
    lines = [hashlib.sha384(one.encode()).digest() for one in agent.lines]
    measured = hashlib.sha384(b"x").digest()
    assert replay(both.extends("sha384"), CC)["rtmr3"] == chained("sha384", measured, *lines)
    with refused("eventlog.wrong", "rtmr3: the second log begins at"):
        join(parse_cc_log(cc_log()), agent, CC, MAPPINGS["coco"]).extends("sha384")
    fresh = parse_aael(AGENT.format("00" * 48).encode())
    untouched = join(parse_cc_log(cc_log()), fresh, CC, MAPPINGS["coco"])
    assert replay(untouched.extends("sha384"), CC)["rtmr3"] == chained("sha384", *lines_of(fresh))
    with refused("eventlog.wrong", "rtmr3"):
        join(first, fresh, CC, MAPPINGS["coco"]).extends("sha384")
    with refused("usage.register"):
        join(first, fresh, CC, MAPPINGS["pcr"])
    unmapped = join(first, parse_aael(AGENT.format("11" * 48).encode()), CC, UEFI)
    assert list(unmapped.extends("sha384").registers)[-2:] == [UNEXTENDED] * 2


def lines_of(log: object) -> list[bytes]:
    return [hashlib.sha384(one.encode()).digest() for one in getattr(log, "lines", ())]


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    ccel, ima = tmp_path / "CCEL", tmp_path / "ima.bin"
    ccel.write_bytes(cc_log())
    ima.write_bytes(build_ima_binary(FILES))
    return ccel, ima


def test_the_program_joins_logs(logs: tuple[Path, Path]) -> None:
    ccel, ima = logs
    value = chained("sha384", *BOOT_DIGESTS, *TAKEN).hex()
    given = [f"--register=rtmr2={value}", "--json"]
    more = ["--continued-by", ima, "--continued-mapping"]
    done = troth("replay", ccel, *more, "uefi", *given)
    assert (done.status, done.json()["kind"], done.json()["entries"]) == (0, "ccel+ima", 8)
    assert troth("replay", ccel, *given).status == 4
    for arguments, code in (
        (more[:2], "usage.register"),  # PCRs, as is usual of a list: not those of a TD
        (["--continued-mapping", "uefi"], "usage.arguments"),
        (["--continued-by", ccel.parent / "none"], "usage.file"),
    ):
        refused_so = troth("replay", ccel, *arguments, *given)
        assert (refused_so.status, refused_so.json()["code"]) == (2, code)
