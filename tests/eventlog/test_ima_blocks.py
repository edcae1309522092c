# SPDX-License-Identifier: Apache-2.0
"""Long IMA lists: a block of lines of one shape is read as each of its lines is by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventlog.logs import ima_list
from tests.refusals import refused
from troth.errors import MalformedError
from troth.evidence.eventlog import ImaList, build_ima_ascii, parse_ima_ascii
from troth.evidence.eventlog.ima_ascii import _SHAPES_MOST, _Reading
from troth.evidence.eventlog.ima_template import Order

BLOCK_BYTES: Final = 2048  # for lists of several blocks that are read in no time
ENTRIES: Final = 5 * BLOCK_BYTES // 100  # lines of more than 100 bytes: at least five blocks
SIGNED: Final = (b"ima-sig", b"ima-sigv2", b"ima-buf")


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    with mock.patch("troth.evidence.eventlog.ima_ascii._BLOCK_BYTES", BLOCK_BYTES):
        yield


def rows(template: bytes = b"ima-ng", count: int = ENTRIES) -> list[tuple[bytes, list[bytes]]]:
    typed = b"verity:" if template.endswith(b"v2") else b""
    tail = [b"\3\2" * 9] if template in SIGNED else []
    return [
        (
            template,
            [
                typed + b"sha256:\0" + hashlib.sha256(n.to_bytes(4, "big")).digest(),
                b"/usr/bin/program-%d\0" % n,
                *tail,
            ],
        )
        for n in range(count)
    ]


LIST: Final = build_ima_ascii(ima_list(rows()))
LINES: Final = LIST.splitlines(keepends=True)
LATE: Final = len(LIST) - BLOCK_BYTES - len(LINES[0])  # in a block that is not the first


def outcome(data: bytes, order: Order = "little") -> ImaList | str:
    try:
        return parse_ima_ascii(data, order=order)
    except MalformedError as error:
        return error.code


def line_by_line(data: bytes, order: Order = "little") -> ImaList | str:
    with mock.patch.object(_Reading, "take_block", return_value=False):
        return outcome(data, order)


def blocks_taken(data: bytes) -> list[bool]:
    """Return of each block whether it was read at once."""
    taken: list[bool] = []
    sound = _Reading.take_block

    def noted(reading: _Reading, block: bytes) -> bool:
        taken.append(sound(reading, block))
        return taken[-1]

    with mock.patch.object(_Reading, "take_block", noted):
        parse_ima_ascii(data)
    return taken


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"])
@pytest.mark.parametrize("template", [b"ima-ng", b"ima-ngv2", *SIGNED])
@pytest.mark.parametrize("order", ["little", "big"])
def test_long_lists_of_every_usual_template(template: bytes, bank: str, order: Order) -> None:
    made = ima_list(rows(template), bank=bank, order=order)
    data = build_ima_ascii(made)
    assert parse_ima_ascii(data, order=order) == line_by_line(data, order) == made
    first, *others = blocks_taken(data)
    assert (first, set(others)) == (False, {True})


@given(st.integers(LATE, len(LIST) - 1), st.sampled_from([b"", b" ", b"\n", b":", b"0", b"g"]))
def test_a_byte_that_is_changed_or_missing_is_noticed_in_a_block(at: int, new: bytes) -> None:
    for data in (LIST[:at] + new + LIST[at + 1 :], LIST[:at] + new + LIST[at:]):
        assert outcome(data) == line_by_line(data)


@given(st.data())
def test_lines_of_other_shapes_keep_their_places(data: st.DataObject) -> None:
    odd = [
        LINES[0].replace(b"10 ", b" 9 ", 1),
        LINES[0].replace(b"sha256:", b"sha512:" + b"05" * 32),
        LINES[0].replace(b"ima-ng ", b"ima-sig ").replace(b"\n", b" \n"),
        LINES[0].replace(b"ima-ng sha256:", b"ima "),
        LINES[0].replace(b"/usr", b"/a name with spaces"),
    ]
    lines = [*LINES]
    for _ in range(data.draw(st.integers(0, 4))):
        lines.insert(data.draw(st.integers(0, len(lines))), data.draw(st.sampled_from(odd)))
    whole = b"".join(lines)
    assert outcome(whole) == line_by_line(whole)


@pytest.mark.parametrize("end", [b"\n", b"\n\n", b" \n"])
def test_an_empty_line_is_none_of_a_block(end: bytes) -> None:
    for count in range(1, 4):
        data = LIST[: count * BLOCK_BYTES]
        sound = data[: data.rindex(b"\n") + 1]
        assert isinstance(outcome(sound), ImaList)
        with refused("eventlog.ima"):
            parse_ima_ascii(sound + end)


@pytest.mark.parametrize("at", [0, 1, len(LINES) // 2, len(LINES) - 1])
def test_the_line_at_fault_is_named(at: int) -> None:
    lines = [*LINES]
    lines[at] = lines[at].replace(b"10 ", b"24 ", 1)
    with refused("eventlog.register", f"line {at + 1}: b'24'"):
        parse_ima_ascii(b"".join(lines))


def test_an_empty_line_where_a_block_begins() -> None:
    first = LIST.index(b"\n", BLOCK_BYTES)
    second = LIST.index(b"\n", first + 1 + BLOCK_BYTES)
    for at in (first, second):
        with refused("eventlog.ima"):
            parse_ima_ascii(LIST[: at + 1] + b"\n")
        with refused("eventlog.ima"):
            parse_ima_ascii(LIST[: at + 1] + b"\n" + LIST[at + 1 :])


def test_a_list_of_more_shapes_than_are_kept_is_read() -> None:
    most = [LINES[0].replace(b"sha256:", b"a%d:" % n) for n in range(2 * _SHAPES_MOST)]
    lines = [one for one in most for _ in range(BLOCK_BYTES // 100)]
    assert outcome(b"".join(lines)) == line_by_line(b"".join(lines))
    log = parse_ima_ascii(b"".join(lines))
    assert [log.describe(n * (BLOCK_BYTES // 100))["digest"] for n in range(len(most))] == [
        f"a{n}:{LINES[0].split(b':')[1][:64].decode()}" for n in range(len(most))
    ]
