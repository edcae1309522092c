# SPDX-License-Identifier: Apache-2.0
"""The one door for JSON lets nothing in that readers disagree about or that costs too much."""

from __future__ import annotations

import json as stdlib_json
from typing import Annotated, Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.wire import json

MIB: Final = 1024 * 1024


def read(data: bytes, kind: Any = Any, **limits: int) -> Any:
    return json.decode(data, kind, **({"max_bytes": 8 * MIB} | limits))


def nested(depth: int, pattern: str) -> bytes:
    """Return `depth` arrays (a) and objects (o) in the order of `pattern`, over and over."""
    kinds = [pattern[level % len(pattern)] for level in range(depth)]
    opening = "".join("[" if kind == "a" else '{"x":' for kind in kinds)
    closing = "".join("]" if kind == "a" else "}" for kind in reversed(kinds))
    return (opening + "1" + closing).encode()


def test_what_is_sound_is_read() -> None:
    text = b' {"a": [1, -2, true, false, null, "\\u00e9\\\\\\"{["], "b": {"a": 0}} \n'
    assert read(text) == {"a": [1, -2, True, False, None, 'é\\"{['], "b": {"a": 0}}


@pytest.mark.parametrize("data", [b"1", b'""', b"null", b"[]", b"{}", b"18446744073709551615"])
def test_any_value_may_stand_alone(data: bytes) -> None:
    assert read(data) == stdlib_json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"x": {"a": 1, "a": 1}}',
        b'[1, [{"a": 1, "a": 1}]]',
        b'{"a": 1, "\\u0061": 2}',
        b'{"": 1, "": 2}',
        b'{"a": {"a": 1, "a": 1}, "b": 2}',
    ],
    ids=["two", "apart", "nested", "in-arrays", "escaped", "empty", "first-level-sound"],
)
def test_a_name_twice_in_one_object(data: bytes) -> None:
    with refused("json.duplicate"):
        read(data)


def test_a_name_in_two_objects_is_none_twice() -> None:
    assert read(b'[{"a": 1}, {"a": {"a": 2}}, {"b": 1, "B": 2}]')


@pytest.mark.parametrize(
    "data",
    [
        b"1.0",
        b"1e3",
        b"1E-3",
        b"-0.5",
        b'{"a": [1.5]}',
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a": NaN}',
        b"1" * 5000,
        b"-" + b"1" * 5000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda data: data[:12].decode(),
)
def test_no_number_but_integers_in_proportion(data: bytes) -> None:
    with refused("json.number"):
        read(data)


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -(2**63)])
def test_integers_of_64_bits_are_exact(number: int) -> None:
    assert read(str(number).encode()) == number


def test_an_integer_that_the_type_does_not_hold() -> None:
    byte = Annotated[int, msgspec.Meta(ge=0, le=255)]
    assert read(b"255", byte) == 255
    for data in (b"256", b"-1", b"99999999999999999999", b"9" * 4000):
        with refused("json.type"):
            read(data, byte)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"a"}',
        b"{'a': 1}",
        b"[1,]",
        b'{"a": 1,}',
        b"[1] [2]",
        b"[1]x",
        b"[1]\0",
        b"01",
        b"+1",
        b"0x1",
        b"tru",
        b'"a\nb"',
        b'"\\x41"',
        b'"\\u12"',
        b'"open',
        b"/* a */ 1",
        b"]",
        b"[}",
        b"[[[1]",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
    ],
    ids=repr,
)
def test_what_is_no_json_in_utf_8(data: bytes) -> None:
    with refused("json.syntax"):
        read(data)


@pytest.mark.parametrize("data", [b'"\\ud800"', b'{"a": "\\udfff"}', b'"\\ud800\\u0041"'], ids=repr)
def test_a_lone_surrogate_is_no_text(data: bytes) -> None:
    with refused("json.syntax"):
        read(data, dict[str, str] if data[0:1] == b"{" else str)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("pattern", ["a", "o", "ao", "aao", "oa"])
@pytest.mark.parametrize("limit", [1, 3, 16])
def test_depth_is_counted_exactly(pattern: str, limit: int) -> None:
    assert read(nested(limit, pattern), max_depth=limit) is not None
    for deeper in (limit + 1, limit + 2, 2 * limit, 2 * limit + 1):
        if deeper > limit:
            with refused("json.depth"):
                read(nested(deeper, pattern), max_depth=limit)


def test_depth_beside_wide_levels_is_found() -> None:
    wide = b"[" + b"[], {}, " * 1000 + nested(16, "a") + b"]"
    with refused("json.depth"):
        read(wide, max_depth=16)
    assert read(wide, max_depth=17)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50,
        "]" * 50,
        "{[" * 50,
        '"[' * 20,
        "\\" * 21 + "[" * 20,
        '\\"' * 9 + "{" * 20,
        "[]" * 9,
    ],
)
def test_brackets_in_strings_do_not_count(text: str) -> None:
    value = {"a": text, text: ["b", text]}
    assert read(stdlib_json.dumps(value).encode(), max_depth=2) == value


@pytest.mark.parametrize("text", ["\\", '"', '\\"', '\\\\"', '"\\'], ids=repr)
def test_quotes_and_escapes_hide_no_depth(text: str) -> None:
    within = stdlib_json.dumps([text, stdlib_json.loads(nested(20, "a")), text]).encode()
    with refused("json.depth"):
        read(within, max_depth=16)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'], ids=repr)
def test_brackets_that_never_close(opening: bytes) -> None:
    with refused("json.depth"):
        read(opening * 500_000)


# Each of these is a second or less in one pass, and days where the time is quadratic.
@pytest.mark.parametrize(
    "data",
    [
        b'"' + b"a" * (6 * MIB),
        b'"' + b"\\" * (6 * MIB),
        b'"' + b'\\"' * (3 * MIB),
        b'["' + b'","' * (2 * MIB),
        b"[" + b"[]," * (2 * MIB),
        b"{" * 4 + b'"' * (2 * MIB),
        b"[" + b" " * (6 * MIB),
        b"-" * (6 * MIB),
        b"]" * (6 * MIB),
    ],
    ids=["letters", "backslashes", "escapes", "strings", "arrays", "quotes", "spaces", "-", "]"],
)
def test_hostile_text_takes_one_pass(data: bytes) -> None:
    with refused("json.syntax"):
        read(data)


def test_size_comes_first() -> None:
    with refused("json.too-large", "9 bytes, 8 allowed"):
        read(b"{{{{{{{{{", max_bytes=8)
    assert read(b'"123456"', max_bytes=8) == "123456"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"1", str),
        (b'"1"', int),
        (b"true", int),
        (b"1", bool),
        (b"null", int),
        (b"[1]", list[str]),
        (b'{"a": 1}', dict[str, str]),
        (b"[]", dict[str, int]),
    ],
)
def test_a_value_of_another_type(data: bytes, kind: Any) -> None:
    with refused("json.type"):
        read(data, kind)


def test_what_is_written_is_compact_and_in_order() -> None:
    assert json.encode({"b": [1, None], "a": "é"}) == '{"b":[1,null],"a":"é"}'.encode()


VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    assert read(json.encode(value), max_depth=64) == value
