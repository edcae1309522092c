# SPDX-License-Identifier: Apache-2.0
"""The only door through which JSON comes in.

msgspec is fast and typed, and keeps the last of duplicate names without a word; the standard
library takes NaN and any depth. So the text is screened first: size, UTF-8, depth, duplicate
names, floats, huge integers. Only then does msgspec give it a type.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn, TypeVar

import msgspec

from troth.errors import MalformedError

__all__ = ["decode", "encode"]

T = TypeVar("T")

# The closing quote is optional: an unterminated string is consumed in one pass, so that hostile
# text costs linear time.
_STRING: Final = re.compile(rb'"[^"]*+"?')
_BRACKETS_ALIKE: Final = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_STRUCTURE: Final = bytes(one for one in range(256) if one not in b'"[]{}')


def decode(data: bytes, kind: type[T], *, max_bytes: int, max_depth: int = 16) -> T:
    """Return the value of a JSON text as `kind`, a msgspec type.

    Args:
        data: UTF-8 without a byte order mark.
        kind: what is due; msgspec checks types and constraints. Unknown members are an error
            only where `kind` says so.
        max_bytes: limit on `data`.
        max_depth: limit on nested arrays and objects.

    Raises:
        MalformedError: `json.too-large`, `json.syntax`, `json.depth`, `json.duplicate`,
            `json.number` or `json.type`.
    """
    screen(data, max_bytes=max_bytes, max_depth=max_depth)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise MalformedError("json.type", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError("json.syntax", str(error)) from None


def encode(value: object) -> bytes:
    """Return `value` as compact JSON, members in their own order."""
    return msgspec.json.encode(value)


def screen(data: bytes, *, max_bytes: int, max_depth: int) -> None:
    """Refuse a text that readers of JSON disagree about or that costs too much to read."""
    if len(data) > max_bytes:
        raise MalformedError("json.too-large", f"{len(data)} bytes, {max_bytes} allowed")
    _check_depth(data, max_depth)
    try:
        json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MalformedError("json.syntax", str(error)) from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise MalformedError("json.number", str(error)) from None
    except RecursionError:
        raise MalformedError("json.depth", "nested without end") from None


def _check_depth(data: bytes, max_depth: int) -> None:
    """Refuse balanced brackets deeper than `max_depth`; unbalanced ones are for the parser."""
    # Escapes first, then all but quotes and brackets: what is left is short. Strings without
    # brackets go by a plain replacement, so that the expression sees only the few others.
    left = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = _STRING.sub(b"", left.translate(_BRACKETS_ALIKE, _ALL_BUT_STRUCTURE).replace(b'""', b""))
    for _ in range(max_depth):
        if b"[]" not in left:
            return
        left = left.replace(b"[]", b"")  # the innermost level
    if b"[]" in left:
        raise MalformedError("json.depth", f"nested deeper than {max_depth}")


def _distinct(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1 and len({name for name, _ in pairs}) != len(pairs):
        raise MalformedError("json.duplicate", "a name occurs twice in one object")


def _no_float(text: str) -> NoReturn:
    raise MalformedError("json.number", f"{text} is not an integer")
