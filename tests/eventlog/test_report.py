# SPDX-License-Identifier: Apache-2.0
"""The answer about one log: verdict, registers, entries, and which registers it must lead to."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

import pytest

from tests.eventlog.logs import BOOT, IPL, NO_ACTION, cc_log, chained, ima_list, tlv
from tests.refusals import refused
from troth.evidence.eventlog import (
    MAPPINGS,
    Log,
    TcgEvent,
    build_cc_log,
    build_tpm_log,
    parse_cc_log,
    parse_cel_tlv,
    parse_tpm_log,
    replay,
    replay_report,
)
from troth.evidence.eventlog.report import due_registers, usual_mapping

CC: Final = MAPPINGS["cc"]
LOG: Final = parse_cc_log(cc_log())
VALUES: Final = replay(LOG.extends("sha384"), CC)
QUIET: Final = TcgEvent(1, NO_ACTION, {"sha384": bytes(48)}, b"quiet")
FILES: Final = ima_list([(b"ima-ng", [b"sha1:\0" + bytes(20), b"boot_aggregate\0"])])


def test_every_register_that_was_given_matches() -> None:
    report = replay_report(LOG, VALUES)
    assert (report.verdict, report.code, report.events) == ("matched", None, None)
    assert (report.kind, report.bank, report.mapping, report.entries) == ("ccel", "sha384", "cc", 6)
    assert [
        (one.register, one.verdict, one.entries, one.matched, one.prefix, one.behind)
        for one in report.registers
    ] == [
        ("rtmr0", "matched", 2, 2, 2, 0),
        ("rtmr1", "matched", 2, 2, 4, 0),
        ("rtmr2", "matched", 2, 2, 6, 0),
    ]
    assert all(one.expected == one.replayed for one in report.registers)


def test_registers_that_were_not_given_are_replayed_and_not_compared() -> None:
    report = replay_report(LOG, {"rtmr1": VALUES["rtmr1"]})
    told = {one.register: one for one in report.registers}
    assert (report.verdict, len(report.registers)) == ("matched", 3)
    assert [told[f"rtmr{n}"].verdict for n in range(3)] == [
        "not-compared",
        "matched",
        "not-compared",
    ]
    assert (told["rtmr0"].replayed, told["rtmr0"].entries) == (VALUES["rtmr0"].hex(), 2)
    assert (told["rtmr0"].expected, told["rtmr0"].matched, told["rtmr0"].behind) == (None,) * 3
    nothing = replay_report(LOG, {})
    assert (nothing.verdict, nothing.code) == ("not-compared", None)


def test_one_register_without_a_match_makes_the_log_wrong() -> None:
    report = replay_report(LOG, VALUES | {"rtmr2": b"\7" * 48})
    wrong = report.registers[2]
    assert (report.verdict, report.code) == ("wrong", "eventlog.wrong")
    assert (wrong.verdict, wrong.expected, wrong.matched, wrong.behind) == (
        "wrong",
        "07" * 48,
        None,
        None,
    )


@pytest.mark.parametrize(
    "log", [LOG, parse_cc_log(build_cc_log([])), parse_cc_log(build_cc_log([QUIET]))]
)
def test_a_log_of_which_nothing_is_proven_is_not_matched(log: Log) -> None:
    zeros = {f"rtmr{n}": bytes(48) for n in range(3)}
    report = replay_report(log, zeros, with_events=True)
    assert (report.verdict, report.code) == ("unproven", "eventlog.unproven")
    assert [(one.verdict, one.matched) for one in report.registers] == [("matched", 0)] * 3
    assert not any(one.proven for one in report.events or ())
    assert replay_report(log, zeros | {"rtmr2": b"\7" * 48}).code == "eventlog.wrong"


def test_a_register_without_entries_is_a_match_beside_one_that_proves_some() -> None:
    report = replay_report(LOG, VALUES | {"rtmr3": bytes(48)})
    assert (report.verdict, report.registers[3].verdict) == ("matched", "matched")


def test_a_bank_that_the_log_or_the_reference_has_not() -> None:
    with refused("usage.register", "no sha1: the log has sha384"):
        replay_report(LOG, {}, bank="sha1")
    event = TcgEvent.of_data(4, IPL, b"x", ("sha1", "sha256"))
    log = parse_tpm_log(build_tpm_log([event], banks=("sha1", "sha256")))
    with refused("usage.register", "no sha1: the reference has sha384"):
        replay_report(log, {"pcr4": bytes(20)}, reference=LOG)
    with refused("usage.register", "no sha384: the log has sha1, sha256"):
        due_registers(log, VALUES, CC)


def test_entries_are_listed_where_they_are_asked_for() -> None:
    log = parse_cc_log(build_cc_log([QUIET, *BOOT]))
    given = {"rtmr2": chained("sha384", BOOT[4].digests["sha384"])}
    events = replay_report(log, given, with_events=True).events
    assert events is not None
    assert [one.index for one in events] == [*range(7)]
    registers = [None, "rtmr0", "rtmr0", "rtmr1", "rtmr1", "rtmr2", "rtmr2"]
    assert [one.register for one in events] == registers
    assert [one.proven for one in events] == [False] * 5 + [True, False]
    assert [one.data for one in events] == ["unextended"] + ["measured"] * 6
    assert events[1].described == {"type": "EV_EFI_VARIABLE_DRIVER_CONFIG", "content": "SecureBoot"}
    assert events[1].digest == BOOT[0].digests["sha384"].hex()


@pytest.mark.parametrize(("number", "register"), [(3, "rtmr3"), (4, None), (10, None)])
def test_a_number_without_a_register_is_of_none(number: int, register: str | None) -> None:
    log = replace(FILES, registers=[number])
    report = replay_report(log, {}, mapping=MAPPINGS["rtmr"], with_events=True)
    assert report.events is not None
    assert [one.register for one in report.events] == [register]
    assert [one.register for one in report.registers] == ([register] if register else [])


def test_the_bank_is_that_of_the_values_and_else_the_logs_first() -> None:
    event = TcgEvent.of_data(4, IPL, b"x", ("sha1", "sha256"))
    log = parse_tpm_log(build_tpm_log([event], banks=("sha1", "sha256")))
    assert replay_report(log, {}).bank == "sha1"
    assert replay_report(log, {}, bank="sha256").bank == "sha256"
    value = replay(log.extends("sha256"), MAPPINGS["pcr"])
    report = replay_report(log, value)
    assert (report.bank, report.verdict, report.mapping) == ("sha256", "matched", "pcr")


def test_a_log_of_banks_that_nobody_computes() -> None:
    record = tlv(0, b"\0") + tlv(1, b"\4") + tlv(3, tlv(0x12, bytes(32))) + tlv(9, b"unit")
    with refused("eventlog.bank"):
        replay_report(parse_cel_tlv(record), {})


def test_a_reference_names_where_a_log_parts_from_it() -> None:
    odd = [*BOOT[:4], TcgEvent.of_data(3, IPL, b"other"), BOOT[5]]
    log = parse_cc_log(build_cc_log(odd))
    report = replay_report(log, VALUES, reference=LOG)
    said = "entry 4 is not that of the reference, its entry 4"
    assert [(one.parted_at, one.parted) for one in report.registers] == [
        (None, None),
        (None, None),
        (4, said),
    ]
    for mine, other, at, ends in (
        (BOOT[:5], BOOT, None, "the log's end is not that of the reference, its entry 5"),
        (BOOT, BOOT[:5], 5, "entry 5 is not that of the reference, its end"),
    ):
        report = replay_report(
            parse_cc_log(build_cc_log(mine)),
            {"rtmr2": b"\7" * 48},
            reference=parse_cc_log(build_cc_log(other)),
        )
        assert (report.registers[0].parted_at, report.registers[0].parted) == (at, ends)
    same = replay_report(LOG, {"rtmr0": b"\7" * 48, "rtmr1": VALUES["rtmr1"]}, reference=LOG)
    assert [one.parted for one in same.registers[:2]] == [None, None]
    matched = replay_report(log, replay(log.extends("sha384"), CC), reference=LOG)
    assert [one.parted for one in matched.registers] == [None] * 3


def test_which_registers_a_log_must_lead_to() -> None:
    values = {f"rtmr{n}": bytes([n]) * 48 for n in range(4)}
    assert [*due_registers(LOG, values, CC)] == ["rtmr0", "rtmr1", "rtmr2"]
    late = parse_cc_log(build_cc_log([TcgEvent.of_data(4, IPL, b"x")]))
    assert [*due_registers(late, values, CC)] == [*values]
    assert due_registers(FILES, values, MAPPINGS["uefi"]) == {"rtmr2": values["rtmr2"]}
    with refused("usage.register", "under the mapping pcr the log extends no RTMR"):
        due_registers(FILES, values, MAPPINGS["pcr"])


def test_the_mapping_that_a_kind_usually_has() -> None:
    fields = tlv(3, tlv(0x0C, bytes(48))) + tlv(9, b"unit")
    td = parse_cel_tlv(tlv(0, b"\0") + tlv(108, struct.pack(">I", 4)) + fields)
    machine = parse_cel_tlv(tlv(0, b"\0") + tlv(1, struct.pack(">I", 4)) + fields)
    assert [usual_mapping(one).name for one in (LOG, td, machine, FILES)] == [
        "cc",
        "cc",
        "pcr",
        "pcr",
    ]
