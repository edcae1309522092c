# SPDX-License-Identifier: Apache-2.0
"""The door for CBOR: one encoding, few types, and nothing that the library would act on."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.errors import TrothError
from troth.wire import cbor

SMALL = st.one_of(
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.binary(max_size=40),
    st.text(max_size=20),
    st.booleans(),
)
KEYS = st.one_of(
    st.integers(0, 65_535),
    st.integers(-(1 << 64), -65_537),
    st.integers(-3, -1),
    st.text(max_size=5).filter(lambda text: len(text.encode()) < 24),
)
VALUES = st.recursive(
    SMALL,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=5),
    max_leaves=12,
)


def decode(data: bytes) -> object:
    return cbor.decode(data, max_bytes=1 << 16, max_depth=32)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    data = cbor.encode(value)
    assert decode(data) == value
    assert cbor.encode(decode(data)) == data


@given(st.dictionaries(KEYS, SMALL, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(
    value: dict[object, object], chance: random.Random
) -> None:
    members = list(value.items())
    chance.shuffle(members)
    assert cbor.encode([dict(members)]) == cbor.encode([value])


@given(st.dictionaries(KEYS, SMALL, min_size=2, max_size=12))
def test_keys_ascend_by_their_bytes(value: dict[object, object]) -> None:
    encoded = cbor.encode(value)
    read = decode(encoded)
    assert isinstance(read, dict)
    keys = [cbor.encode(key) for key in read]
    assert keys == sorted(keys)


@given(st.binary(max_size=60))
def test_nothing_but_our_own_error_escapes(data: bytes) -> None:
    try:
        value = cbor.decode(data, max_bytes=50)
    except TrothError:
        return
    assert cbor.encode(value) == data


@given(VALUES, st.data())
def test_a_changed_byte_is_refused_or_is_another_value(value: object, data: st.DataObject) -> None:
    good = cbor.encode(value)
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = decode(bytes(bad))
    except TrothError:
        return
    assert cbor.encode(read) == bytes(bad)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "cbor.syntax"),
        ("18", "cbor.syntax"),
        ("1c", "cbor.syntax"),
        ("5820aa", "cbor.syntax"),
        ("9a7fffffff00", "cbor.syntax"),
        ("ba7fffffff00", "cbor.syntax"),
        ("5b7fffffffffffffff00", "cbor.syntax"),
        ("9bffffffffffffffff", "cbor.syntax"),
        ("61ff", "cbor.syntax"),
        ("63eda080", "cbor.syntax"),  # half of a surrogate pair
        ("ff", "cbor.syntax"),
        ("0000", "cbor.trailing"),
        ("a000", "cbor.trailing"),
        ("1800", "cbor.not-canonical"),
        ("1817", "cbor.not-canonical"),
        ("190018", "cbor.not-canonical"),
        ("1a0000ffff", "cbor.not-canonical"),
        ("1b00000000ffffffff", "cbor.not-canonical"),
        ("3800", "cbor.not-canonical"),
        ("580161", "cbor.not-canonical"),
        ("780161", "cbor.not-canonical"),
        ("980100", "cbor.not-canonical"),
        ("b8010000", "cbor.not-canonical"),
        ("9f00ff", "cbor.not-canonical"),
        ("bf0000ff", "cbor.not-canonical"),
        ("5f4161ff", "cbor.not-canonical"),
        ("7f6161ff", "cbor.not-canonical"),
        ("a201000000", "cbor.not-canonical"),  # 1 before 0
        ("a220000000", "cbor.not-canonical"),  # -1 before 0
        ("a2616100623030", "cbor.syntax"),
        ("a26262620061 6100".replace(" ", ""), "cbor.not-canonical"),  # "bb" before "a"
        ("a2616100 0000".replace(" ", ""), "cbor.not-canonical"),  # "a" before 0
        ("a26162006161 00".replace(" ", ""), "cbor.not-canonical"),  # "b" before "a"
        ("a200000000", "cbor.not-canonical"),  # 0 twice
        ("a2616100616100", "cbor.not-canonical"),
        ("f6", "cbor.type"),
        ("f7", "cbor.type"),
        ("f0", "cbor.type"),
        ("f8ff", "cbor.type"),
        ("f90000", "cbor.type"),
        ("fa00000000", "cbor.type"),
        ("fb0000000000000000", "cbor.type"),
        ("a100f6", "cbor.type"),
        ("81f6", "cbor.type"),
        ("a1f400", "cbor.type"),  # false as a key
        ("a1410000", "cbor.type"),  # bytes as a key
        ("a1800000", "cbor.type"),
        ("a1a00000", "cbor.type"),
        ("a11a0001000000", "cbor.type"),  # 65,536 as a key
        ("a12300", "cbor.type"),  # -4 as a key
        ("a139ffff00", "cbor.type"),  # -65,536 as a key
        ("a17818" + "61" * 24 + "00", "cbor.type"),  # a text of 24 bytes as a key
        ("a1fb000000000000000000", "cbor.type"),
        ("d28443a10128a0f6f6", "cbor.type"),  # tag 18, where nobody allowed it
    ],
)
def test_refused(text: str, code: str) -> None:
    with refused(code):
        cbor.decode(bytes.fromhex(text), max_bytes=100)


TAGS = [
    *range(70),
    100,
    256,
    257,
    258,
    260,
    261,
    1004,
    43_000,
    55_799,
    65_535,
    1 << 32,
    (1 << 64) - 1,
]
CONTENTS = ["00", "40", "60", "80", "820000", "6161", "c249010000000000000000", "a0", "f6"]


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_is_refused_before_the_library_acts_on_it(tag: int) -> None:
    head = cbor.encode(cbor.Tag(tag, 0))[:-1]
    for content in CONTENTS:
        for around in (b"", b"\x81", b"\xa1\x00"):
            with refused("cbor.type", "tag"):
                cbor.decode(around + head + bytes.fromhex(content), max_bytes=100)
            if tag != 18:
                with refused("cbor.type", "tag"):
                    cbor.decode(around + head + bytes.fromhex(content), max_bytes=100, tags={18})


def test_an_allowed_tag_holds_plain_values() -> None:
    data = bytes.fromhex("d2820180")
    value = cbor.decode(data, max_bytes=100, tags={18})
    assert isinstance(value, cbor.Tag)
    assert (value.tag, value.value) == (18, [1, []])
    assert cbor.encode(value) == data
    assert cbor.encode(cbor.Tag(18, {1: 0, 0: 0})) == bytes.fromhex("d2a200000100")
    with refused("cbor.type"):
        cbor.decode(bytes.fromhex("d282f680"), max_bytes=100, tags={18})


def test_limits() -> None:
    assert decode(b"\x81" * 32 + b"\x00") != []
    for depth, most in ((9, 8), (8, 7), (1000, 8), (60_000, 8)):
        with refused("cbor.syntax"):
            cbor.decode(
                b"\x81" * depth + b"\x00", max_bytes=1 << 16, max_depth=most, max_items=1 << 16
            )
    assert cbor.decode(b"\x81" * 8 + b"\x00", max_bytes=9) is not None
    with refused("cbor.too-large"):
        cbor.decode(b"\x81" * 8 + b"\x00", max_bytes=8)


@given(VALUES)
def test_items_of_all_depths_are_counted(value: object) -> None:
    def count(one: object) -> int:
        if isinstance(one, dict):
            return 1 + len(one) + sum(map(count, one.values()))
        return 1 + sum(map(count, one)) if isinstance(one, list) else 1

    data, items = cbor.encode(value), count(value)
    assert cbor.decode(data, max_bytes=1 << 16, max_depth=32, max_items=items) == value
    if len(data) >= items > 0:
        with refused("cbor.too-large"):
            cbor.decode(data, max_bytes=1 << 16, max_depth=32, max_items=items - 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [("9fffff", "cbor.too-large"), ("5f40ff", "cbor.too-large"), ("1c0000", "cbor.syntax")],
)
def test_counting_and_the_library_agree_on_strange_heads(text: str, code: str) -> None:
    with refused(code):
        cbor.decode(bytes.fromhex(text), max_bytes=100, max_items=2)


def test_a_flood_of_items_is_refused_before_it_is_read() -> None:
    flood = b"\x9a" + (1 << 24).to_bytes(4, "big") + b"\x80" * ((1 << 24) - 5)
    with refused("cbor.too-large", "items"):
        cbor.decode(flood, max_bytes=1 << 24)


def test_keys_that_must_be_text() -> None:
    assert cbor.decode(b"\xa1\x61\x61\x00", max_bytes=9, text_keys=True) == {"a": 0}
    for key in ("00", "20", "80", "f4", "a0"):
        with refused("cbor.syntax"):
            cbor.decode(bytes.fromhex(f"a1{key}00"), max_bytes=9, text_keys=True)


@pytest.mark.parametrize(
    "value",
    [None, 1.5, 1 << 64, -(1 << 64) - 1, {None: 0}, {True: 0}, {65_536: 0}, {-4: 0}, {"x" * 24: 0}],
)
def test_what_has_no_encoding_is_our_own_fault(value: object) -> None:
    for one in (value, [value], {0: value}, cbor.Tag(18, value)):
        with pytest.raises(ValueError, match=r"."):
            cbor.encode(one)


def test_a_tuple_is_written_as_an_array() -> None:
    assert cbor.encode((1, (2,))) == cbor.encode([1, [2]]) == bytes.fromhex("82018102")


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": 0}])
def test_a_text_without_utf8_form_is_our_own_fault(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        cbor.encode(value)
