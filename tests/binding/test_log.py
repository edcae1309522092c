# SPDX-License-Identifier: Apache-2.0
"""The log's chain and the part of it that is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.binding.test_vector import holds
from tests.refusals import refused
from troth.evidence.binding import LogHead, LogPart
from troth.evidence.binding.log import LOG_PART_MAX_ENTRIES
from troth.wire import cbor

ENTRIES = st.lists(st.binary(min_size=1, max_size=30), max_size=8).map(tuple)
ID = bytes(16)


@given(ENTRIES, st.integers(0, 8))
def test_a_part_leads_from_head_to_head(entries: tuple[bytes, ...], cut: int) -> None:
    empty = LogHead.empty(ID)
    before, after = empty.append(*entries[:cut]), empty.append(*entries)
    part = LogPart(start=before.count, entries=entries[cut:])
    part.check(before, after)
    assert LogPart.parse(part.encoded) == part
    holds("log-part", part.encoded)


@given(ENTRIES)
def test_one_by_one_is_the_same_as_at_once(entries: tuple[bytes, ...]) -> None:
    head = LogHead.empty(ID)
    for entry in entries:
        head = head.append(entry)
    assert head == LogHead.empty(ID).append(*entries)


@given(ENTRIES, ENTRIES)
def test_other_entries_lead_elsewhere(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
    empty = LogHead.empty(ID)
    assert (empty.append(*one) == empty.append(*other)) == (one == other)


def test_each_namespace_begins_elsewhere() -> None:
    assert LogHead.empty(ID) != LogHead.empty(b"\1" + ID[1:])


@pytest.mark.parametrize("entry", [b"", bytes(65_537)])
def test_an_entry_is_neither_empty_nor_too_long(entry: bytes) -> None:
    with refused("binding.range"):
        LogHead.empty(ID).append(entry)
    with refused("binding.range"):
        LogPart(start=0, entries=(entry,))
    with refused("binding.range"):
        LogPart.parse(cbor.encode([0, [entry]]))


def test_the_longest_entry() -> None:
    assert LogPart.parse(cbor.encode([0, [bytes(65_536)]])).entries == (bytes(65_536),)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([0], "binding.members"),
        ([0, [], 0], "binding.members"),
        ({0: 0}, "cbor.syntax"),
        ([-1, []], "binding.range"),
        ([True, []], "binding.type"),
        ([0, {}], "binding.type"),
        ([0, ["text"]], "binding.type"),
        ([0, b"entry"], "binding.type"),
    ],
)
def test_refused(value: object, code: str) -> None:
    with refused(code):
        LogPart.parse(cbor.encode(value))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([0], "binding.members"),
        ([0, bytes(31)], "binding.range"),
        ([False, bytes(32)], "binding.type"),
    ],
)
def test_head_refused(value: object, code: str) -> None:
    with refused(code):
        LogHead.of(value)


def test_a_part_of_too_many_entries() -> None:
    most = LOG_PART_MAX_ENTRIES
    assert len(LogPart.parse(cbor.encode([0, [b"x"] * most])).entries) == most
    with refused("cbor.too-large"):
        LogPart.parse(cbor.encode([0, [b"x"] * (most + 1)]))
