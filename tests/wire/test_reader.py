# SPDX-License-Identifier: Apache-2.0
"""The reader never runs past the end, and the end is checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.wire.reader import Reader


def test_fields_are_taken_in_order() -> None:
    reader = Reader(b"abcdefgh", start=1, end=7)
    assert (reader.at, reader.left) == (1, 6)
    assert reader.take(2, "x") == b"bc"
    assert reader.little(2, "y") == 0x6564
    assert (reader.at, reader.left) == (5, 2)
    assert reader.take(0, "z") == b""
    assert reader.take(2, "z") == b"fg"
    reader.finish("wire.truncated", "it")


@pytest.mark.parametrize("size", [3, 4, 2**32, 2**64, -1])
def test_more_than_is_left_or_less_than_nothing(size: int) -> None:
    reader = Reader(b"abcd", end=3)
    assert reader.take(1, "x") == b"a"
    with refused("wire.truncated", f"field: {size} bytes wanted, 2 left"):
        reader.take(size, "field")
    assert reader.take(2, "what was there is still there") == b"bc"


def test_an_integer_that_is_cut_off() -> None:
    with refused("wire.truncated", "length: 4 bytes wanted, 3 left"):
        Reader(b"\1\2\3").little(4, "length")
    with refused("wire.truncated", "length: 4 bytes wanted, 3 left"):
        Reader(b"\1\2\3").big(4, "length")


def test_an_integer_has_the_order_that_is_asked_for() -> None:
    assert Reader(b"\1\2").big(2, "x") == 0x0102
    assert Reader(b"\1\2").little(2, "x") == 0x0201


def test_what_is_left_over() -> None:
    reader = Reader(b"abc")
    reader.take(1, "x")
    with refused("quote.signature-length", "2 bytes left over in the section"):
        reader.finish("quote.signature-length", "the section")


@given(st.binary(max_size=64), st.lists(st.integers(0, 16), max_size=16))
def test_the_pieces_are_the_whole(data: bytes, sizes: list[int]) -> None:
    reader = Reader(data)
    taken = [reader.take(min(size, reader.left), "x") for size in sizes]
    assert b"".join(taken) + reader.take(reader.left, "rest") == data
