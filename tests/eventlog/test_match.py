# SPDX-License-Identifier: Apache-2.0
"""The prefix rule, and what is told where no prefix matches."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventlog.logs import BOOT, IPL, chained
from tests.refusals import refused
from troth.evidence.eventlog import (
    BANKS,
    MAPPINGS,
    Extends,
    RegisterMap,
    TcgEvent,
    build_cc_log,
    compare,
    first_difference,
    match_prefix,
    parse_cc_log,
    proven,
    replay,
    replay_report,
)
from troth.evidence.eventlog.banks import bank_named, bank_of_size
from troth.evidence.eventlog.columns import UNEXTENDED
from troth.evidence.eventlog.replay import start_of

CC: Final = MAPPINGS["cc"]
PCR: Final = MAPPINGS["pcr"]
DIGESTS: Final = [bytes([n]) * 48 for n in range(1, 7)]
ONE: Final = Extends("sha384", [3] * 6, DIGESTS, {})


def value(*numbers: int) -> dict[str, bytes]:
    return {"rtmr2": chained("sha384", *(DIGESTS[n] for n in numbers))}


@given(
    st.lists(st.tuples(st.integers(-1, 23), st.binary(min_size=32, max_size=32)), max_size=20),
    st.integers(0, 20),
    st.sampled_from(sorted(MAPPINGS)),
)
def test_every_prefix_matches_and_is_found(
    rows: list[tuple[int, bytes]], end: int, name: str
) -> None:
    """A naive loop and the replay agree, and each prefix's registers match at their entries."""
    mapping = MAPPINGS[name]
    extends = Extends("sha256", [row[0] for row in rows], [row[1] for row in rows], {})
    for count in (len(rows), min(end, len(rows))):
        naive: dict[str, bytes] = {}
        for number, digest in rows[:count]:
            target = mapping.targets[number] if 0 <= number < len(mapping.targets) else ""
            if target:
                old = naive.get(target, bytes(32))
                naive[target] = BANKS["sha256"].digest(old + digest)
        part = Extends("sha256", extends.registers[:count], extends.digests[:count], {})
        assert replay(part, mapping) == naive
        if naive:
            matches = match_prefix(extends, mapping, naive)
            assert all(one.prefix is not None and one.prefix <= count for one in matches)
            known = proven(matches)
            assert known == {
                index
                for index, (number, _) in enumerate(rows[:count])
                if 0 <= number < len(mapping.targets) and mapping.targets[number]
            }


@pytest.mark.parametrize("count", range(1, 7))
def test_entries_behind_the_match_are_no_evidence(count: int) -> None:
    (match,) = match_prefix(ONE, CC, value(*range(count)))
    assert (match.matched, match.prefix, match.behind) == (count, count, 6 - count)
    assert proven((match,)) == set(range(count))


@pytest.mark.parametrize(
    ("register", "at", "said"),
    [
        (value(0, 1, 3, 4, 5), 2, "entry 2 was not extended"),
        (value(1, 2, 3, 4, 5), 0, "entry 0 was not extended"),
        (value(0, 2, 1, 3, 4, 5), 1, "entry 1 and the register's next one changed places"),
        (value(0, 1, 3), 2, "entry 2 was not extended"),  # and the log went on
        ({"rtmr2": b"\7" * 48}, None, "cannot be told"),
    ],
)
def test_where_log_and_register_part(register: dict[str, bytes], at: int | None, said: str) -> None:
    with refused("eventlog.wrong", "rtmr2"):
        match_prefix(ONE, CC, register)
    with refused("eventlog.wrong", said):
        match_prefix(ONE, CC, register)
    (match,) = compare(ONE, CC, register)
    assert (match.matched, match.prefix, match.parted_at) == (None, None, at)
    assert proven((match,)) == set()


def test_a_register_that_the_log_has_no_entry_for() -> None:
    with refused("eventlog.wrong", "rtmr3: the register was extended, and the log has no entry"):
        match_prefix(ONE, CC, value(*range(6)) | {"rtmr3": b"\1" * 48})
    _, match = match_prefix(ONE, CC, value(*range(6)) | {"rtmr3": bytes(48)})
    assert (match.matched, match.prefix, match.behind) == (0, 0, 0)


def test_a_register_that_was_never_extended_matches_the_empty_prefix() -> None:
    """The log may have been written ahead; none of its entries is evidence."""
    (match,) = compare(ONE, CC, {"rtmr2": bytes(48)})
    assert (match.matched, match.prefix, match.behind) == (0, 0, 6)
    started = ONE._replace(start={3: b"\1" * 48})
    with refused("eventlog.wrong", "entry 0: the register was never extended"):
        match_prefix(started, CC, {"rtmr2": bytes(48)})


@pytest.mark.parametrize("names", [("rtmr2",), ("rtmr3",), ("rtmr0", "rtmr1", "rtmr2", "rtmr3")])
def test_registers_that_prove_not_one_entry_are_no_match(names: tuple[str, ...]) -> None:
    """Zeros match the empty prefix of every log there is, this one and its forgery."""
    zeros = dict.fromkeys(names, bytes(48))
    with refused("eventlog.unproven", " ".join(names)):
        match_prefix(ONE, CC, zeros)
    with refused("eventlog.unproven"):
        match_prefix(Extends("sha384", [], [], {}), CC, zeros)
    one_is_enough = zeros | value(0)
    assert proven(match_prefix(ONE, CC, one_is_enough)) == {0}


def test_data_that_is_right_where_the_digest_is_not() -> None:
    """A digest changed in the log is found when the data has the one that was extended."""
    events = [*BOOT[:4], TcgEvent.of_data(3, 0x80000001, b"good"), TcgEvent.of_data(3, IPL, b"x")]
    due = replay(parse_cc_log(build_cc_log(events)).extends("sha384"), CC)
    wrong = [*events[:4], events[4]._replace(digests={"sha384": b"\1" * 48}), events[5]]
    report = replay_report(parse_cc_log(build_cc_log(wrong)), due)
    told = {one.register: one for one in report.registers}
    assert (report.verdict, told["rtmr2"].parted_at) == ("wrong", 4)
    assert told["rtmr2"].parted == "entry 4: its data is what was measured, its digest is not"


def test_data_that_explains_nothing_is_not_named() -> None:
    """An entry's data differs, and yet the register holds something else altogether."""
    log = parse_cc_log(build_cc_log([BOOT[0]._replace(digests={"sha384": b"\1" * 48})]))
    report = replay_report(log, {"rtmr0": b"\7" * 48})
    assert report.findings[0].finding == "data-differs"
    assert (report.registers[0].parted_at, report.registers[0].parted) == (None, None)


@pytest.mark.parametrize(("count", "told"), [(128, 5), (129, None)])
def test_up_to_how_many_entries_the_odd_one_is_looked_for(count: int, told: int | None) -> None:
    digests = [n.to_bytes(48, "big") for n in range(count)]
    due = chained("sha384", *digests[:5], *digests[6:])
    (match,) = compare(Extends("sha384", [3] * count, digests, {}), CC, {"rtmr2": due})
    assert match.parted_at == told


def test_a_long_log_is_not_searched_for_ever() -> None:
    digests = [n.to_bytes(48, "big") for n in range(5000)]
    long = Extends("sha384", [3] * 5000, digests, {})
    (match,) = compare(long, CC, {"rtmr2": b"\7" * 48})
    assert (match.matched, match.parted_at, match.parted) == (None, None, "")


def test_logs_part_at_their_first_difference() -> None:
    other = ONE._replace(digests=[*DIGESTS[:3], b"\7" * 48, *DIGESTS[4:]])
    shorter = Extends("sha384", [3] * 4, DIGESTS[:4], {})
    assert first_difference(ONE, ONE, CC) == {}
    assert first_difference(ONE, other, CC) == {"rtmr2": (3, 3)}
    assert first_difference(ONE, shorter, CC) == {"rtmr2": (4, None)}
    assert first_difference(shorter, ONE, CC) == {"rtmr2": (None, 4)}


@pytest.mark.parametrize(
    ("registers", "said"),
    [
        ({}, "no register"),
        ({"rtmr4": bytes(48)}, "rtmr4"),
        ({"pcr0": bytes(48)}, "the mapping cc has rtmr0"),
        ({"rtmr0": bytes(32)}, "32 bytes, sha384 has 48"),
    ],
)
def test_what_cannot_be_compared(registers: dict[str, bytes], said: str) -> None:
    with refused("usage.register", said):
        compare(ONE, CC, registers)


def test_values_of_no_bank_or_of_two() -> None:
    log = parse_cc_log(build_cc_log(BOOT))
    with refused("usage.register", "no bank has values of 21 bytes"):
        replay_report(log, {"rtmr0": bytes(21)})
    with refused("usage.register", "different sizes"):
        replay_report(log, {"rtmr0": bytes(48), "rtmr1": bytes(32)})
    with refused("usage.register", "no sha256: the log has sha384"):
        replay_report(log, {"rtmr0": bytes(32)})


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("uefi", {0: "", 1: "rtmr0", 7: "rtmr0", 2: "rtmr1", 6: "rtmr1", 8: "rtmr2", 15: "rtmr2"}),
        ("td-shim", {0: "", 1: "rtmr0", 2: "", 3: "", 4: "rtmr1", 5: "rtmr1", 6: "", 16: ""}),
        ("coco", {0: "rtmr3", 7: "rtmr0", 3: "rtmr1", 15: "rtmr2", 17: "rtmr3"}),
        ("cc", {0: "", 1: "rtmr0", 4: "rtmr3"}),
        ("rtmr", {0: "rtmr0", 3: "rtmr3"}),
        ("pcr", {0: "pcr0", 23: "pcr23"}),
    ],
)
def test_mappings(name: str, due: dict[int, str]) -> None:
    mapping = MAPPINGS[name]
    assert {number: mapping.targets[number] for number in due} == due


def test_several_numbers_in_one_register_keep_their_order() -> None:
    extends = Extends("sha256", [1, 2, 7, 1, UNEXTENDED], [bytes([n]) * 32 for n in range(5)], {})
    assert replay(extends, MAPPINGS["uefi"]) == {
        "rtmr0": chained("sha256", bytes(32), b"\2" * 32, b"\3" * 32),
        "rtmr1": chained("sha256", b"\1" * 32),
    }


def test_start_values_belong_to_their_register() -> None:
    extends = Extends("sha1", [0], [bytes(20)], {0: b"\3" * 20})
    assert start_of(extends, PCR, "pcr0") == b"\3" * 20
    assert start_of(extends, PCR, "pcr1") == bytes(20)
    assert start_of(extends, RegisterMap("none", ()), "pcr0") == bytes(20)


def test_banks() -> None:
    assert [bank_of_size(size) for size in (20, 21)] == [BANKS["sha1"], None]
    with refused("eventlog.bank", "sm3_256"):
        bank_named("sm3_256")
