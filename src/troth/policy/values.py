# SPDX-License-Identifier: Apache-2.0
"""From TOML values to what a rule compares with. Every function raises ValueError for people."""

from __future__ import annotations

import re
from typing import Final

from troth.errors import MalformedError
from troth.verify import AnyValue
from troth.wire.text import parse_hex

__all__ = [
    "ABSENT",
    "ANY",
    "Allowed",
    "Numbers",
    "Words",
    "debug",
    "number",
    "numbers",
    "values",
    "word_set",
    "words",
]

Allowed = frozenset[bytes] | type[AnyValue]
Words = frozenset[str] | type[AnyValue]
Numbers = frozenset[int] | type[AnyValue]

ANY: Final = "any"
MOST: Final = 0xFFFF_FFFF  # no number or count here can be larger
_ADVISORY: Final = re.compile(r"[A-Z]+-SA-\d{5}", re.ASCII)
ABSENT: Final = b""  # a field that the report's version does not have; spelled "absent"


def word_set(value: object, known: frozenset[str] | None = None) -> frozenset[str]:
    """Return a list of strings as a set, each of them in `known` where that is given."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        message = "a list of strings is due"
        raise ValueError(message)
    unknown = sorted(set(value) - known) if known is not None else []
    if known is not None and unknown:
        message = f"{', '.join(unknown)}: not one of {', '.join(sorted(known))}"
        raise ValueError(message)
    return frozenset(value)


def words(value: object, known: frozenset[str] | None = None) -> Words:
    """Return `word_set`, or AnyValue for "any"."""
    return AnyValue if value == ANY else word_set(value, known)


def values(value: object, size: int, *, pad: bool = False, absent: bool = False) -> Allowed:
    """Return a list of hex strings as byte strings of `size`, or AnyValue for "any".

    Args:
        value: the TOML value.
        size: in bytes.
        pad: take shorter ones, and demand zeros behind them.
        absent: take the word "absent" for a field that is not there.
    """
    if value == ANY:
        return AnyValue
    return frozenset(_bytes(text, size, pad=pad, absent=absent) for text in word_set(value))


def _bytes(text: str, size: int, *, pad: bool, absent: bool) -> bytes:
    if absent and text == "absent":
        return ABSENT
    try:
        data = parse_hex(text) if pad else parse_hex(text, size)
    except MalformedError as error:
        message = f"{text!r}: {error.detail}"
        raise ValueError(message) from None
    if len(data) > size or not data:
        message = f"{text!r}: 1 to {size} bytes are due"
        raise ValueError(message)
    return data.ljust(size, b"\0")


def advisory_set(value: object) -> frozenset[str]:
    """Return a list of advisories, spelled as vendors do: a misspelt one would deny nothing."""
    found = word_set(value)
    for one in sorted(found):
        if not _ADVISORY.fullmatch(one):
            message = f"{one!r}: not an advisory, such as INTEL-SA-00837"
            raise ValueError(message)
    return found


def advisories(value: object) -> Words:
    """Return `advisory_set`, or AnyValue for "any"."""
    return AnyValue if value == ANY else advisory_set(value)


def debug(value: object) -> str:
    """Return "forbid" or "any"."""
    if value not in ("forbid", ANY):
        message = '"forbid" or "any" is due'
        raise ValueError(message)
    return str(value)


def number(value: object) -> int | type[AnyValue]:
    """Return a number that is not negative, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    if type(value) is not int or not 0 <= value <= MOST:
        message = 'a number or "any" is due'
        raise ValueError(message)
    return value


def numbers(value: object, most: int) -> Numbers:
    """Return a list of numbers from 0 to `most` as a set, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    if not isinstance(value, list) or not all(type(x) is int and 0 <= x <= most for x in value):
        message = f'a list of numbers from 0 to {most}, or "any", is due'
        raise ValueError(message)
    return frozenset(value)
