# SPDX-License-Identifier: Apache-2.0
"""CBOR that others wrote: any encoding, and the same bounds and refusals as for our own."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.errors import MalformedError
from troth.wire import cbor

VALUES: Final = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=9) | st.booleans(),
    lambda one: (
        st.lists(one, max_size=4)
        | st.dictionaries(st.integers(-99_999, 99_999) | st.text(max_size=4), one, max_size=4)
    ),
    max_leaves=12,
)


def decode(data: bytes, *tags: int) -> object:
    return cbor.decode_foreign(data, max_bytes=1 << 16, tags=tags)


@given(VALUES)
def test_what_the_library_writes_is_read(value: object) -> None:
    assert decode(cbor2.dumps(value)) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("1801", 1),  # an integer longer than it need be
        ("9f0102ff", [1, 2]),  # an array without its length
        ("bf0102ff", {1: 2}),  # a map without its length
        ("5f41614162ff", b"ab"),  # bytes in pieces
        ("7f61616162ff", "ab"),
        ("a202010101", {2: 1, 1: 1}),  # keys that do not ascend
        ("a10a40", {10: b""}),
        ("a13a000f423f01", {-1_000_000: 1}),  # a key that our own structures do not have
    ],
)
def test_other_encodings_of_a_value_are_taken(data: str, value: object) -> None:
    assert decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "cbor.syntax"),
        ("a1", "cbor.syntax"),
        ("a1ff", "cbor.syntax"),
        ("ff", "cbor.syntax"),
        ("1c", "cbor.syntax"),
        ("62c328", "cbor.syntax"),  # no UTF-8
        ("5bffffffffffffffff", "cbor.syntax"),  # lengths that nobody can hold
        ("7bffffffffffffffff", "cbor.syntax"),
        ("9bffffffffffffffff", "cbor.syntax"),
        ("bbffffffffffffffff", "cbor.syntax"),
        ("9b00000000ffffffff00", "cbor.syntax"),
        ("5f6161ff", "cbor.syntax"),  # text in pieces of bytes
        ("0000", "cbor.trailing"),
        ("a0ff", "cbor.trailing"),
        ("a201010102", "cbor.duplicate-key"),
        ("a20101180102", "cbor.duplicate-key"),  # one key in two encodings
        ("a2616101616102", "cbor.duplicate-key"),
        ("a26161017f6161ff02", "cbor.duplicate-key"),
        ("81a201010102", "cbor.duplicate-key"),
        ("f6", "cbor.type"),
        ("f7", "cbor.type"),
        ("e0", "cbor.type"),
        ("f93c00", "cbor.type"),
        ("fb3ff0000000000000", "cbor.type"),
        ("81f6", "cbor.type"),
        ("a101f6", "cbor.type"),
        ("a1f601", "cbor.type"),
        ("a1f501", "cbor.type"),  # true as a key
        ("a1410101", "cbor.type"),  # bytes as a key
        ("a1800100", "cbor.trailing"),
        ("a18001", "cbor.type"),
        ("d81201", "cbor.type"),
        ("c249010000000000000000", "cbor.type"),
        ("c074323031332d30332d32315432303a30343a30305a", "cbor.type"),
        ("a1d2010101", "cbor.type"),
    ],
)
def test_what_has_no_place_is_refused(data: str, code: str) -> None:
    with refused(code):
        decode(bytes.fromhex(data))


def test_an_allowed_tag_stays_a_tag_at_every_depth() -> None:
    assert decode(bytes.fromhex("d201"), 18) == cbor.Tag(18, 1)
    assert decode(bytes.fromhex("81d281d83d01"), 18, 61) == [cbor.Tag(18, [cbor.Tag(61, 1)])]
    with refused("cbor.type", "tag 61"):
        decode(bytes.fromhex("81d281d83d01"), 18)
    with refused("cbor.type", "NoneType"):
        decode(bytes.fromhex("d2f6"), 18)


def test_bounds() -> None:
    with refused("cbor.too-large"):
        cbor.decode_foreign(bytes(3), max_bytes=2)
    with refused("cbor.too-large"):
        cbor.decode_foreign(b"\x85" + bytes(5), max_bytes=9, max_items=5)
    assert cbor.decode_foreign(b"\x84" + bytes(4), max_bytes=9, max_items=5) == [0] * 4
    assert cbor.decode_foreign(b"\x81" * 15 + b"\0", max_bytes=99, max_depth=15)
    with refused("cbor.syntax"):
        cbor.decode_foreign(b"\x81" * 16 + b"\0", max_bytes=99, max_depth=15)


@given(st.binary(max_size=60))
def test_nothing_but_our_error_escapes(data: bytes) -> None:
    with suppress(MalformedError):
        decode(data, 18)
