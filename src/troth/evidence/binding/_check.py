# SPDX-License-Identifier: Apache-2.0
"""The bounds that CDDL states, as functions that return what they were given or refuse it.

A type is checked before a value, and exactly: True is not 1, though Python says so.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import IntEnum
from typing import Any, Final

from troth.crypto.cose_key import ESP256, CoseKey
from troth.errors import MalformedError

MAX_UINT: Final = (1 << 64) - 1
HASH32: Final = 32
HASH48: Final = 48
HASH64: Final = 64


def members(
    value: object, due: AbstractSet[int | str], may: AbstractSet[int | str], what: str
) -> dict[Any, Any]:
    """Return `value` if it is a map with the members that are due and no unknown ones."""
    if type(value) is not dict:
        raise MalformedError("binding.type", f"{what} is a map")
    keys = value.keys()
    if not due <= keys:
        missing = sorted(map(repr, due - keys))
        raise MalformedError("binding.members", f"{what}: {', '.join(missing)} missing")
    if len(keys) != len(due) and not keys <= due | may:
        unknown = sorted(map(repr, keys - due - may))
        raise MalformedError("binding.members", f"{what}: {', '.join(unknown)} unknown")
    return value


def items(value: object, count: int, what: str) -> list[Any]:
    """Return `value` if it is an array of `count` items."""
    if type(value) is not list:
        raise MalformedError("binding.type", f"{what} is an array")
    if len(value) != count:
        raise MalformedError("binding.members", f"{what}: {len(value)} items, {count} are due")
    return value


def some_bytes(value: object, low: int, high: int, what: str) -> bytes:
    """Return `value` if it is a byte string of `low` to `high` bytes."""
    if type(value) is not bytes:
        raise MalformedError("binding.type", f"{what} is a byte string")
    if not low <= len(value) <= high:
        raise MalformedError("binding.range", f"{what}: {len(value)} bytes")
    return value


def exact_bytes(value: object, size: int, what: str) -> bytes:
    """Return `value` if it is a byte string of `size` bytes."""
    if type(value) is not bytes:
        raise MalformedError("binding.type", f"{what} is a byte string")
    if len(value) != size:
        raise MalformedError("binding.range", f"{what}: {len(value)} bytes, {size} are due")
    return value


def text(value: object, low: int, high: int, what: str) -> str:
    """Return `value` if it is a text of `low` to `high` bytes in UTF-8."""
    if type(value) is not str:
        raise MalformedError("binding.type", f"{what} is a text")
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError:
        raise MalformedError("binding.type", f"{what} has no UTF-8 form") from None
    if not low <= size <= high:
        raise MalformedError("binding.range", f"{what}: {size} bytes")
    return value


def unsigned(value: object, low: int, high: int, what: str) -> int:
    """Return `value` as a plain integer if it is one from `low` to `high`."""
    if isinstance(value, IntEnum):  # how our own builders name such a value
        value = int(value)
    if type(value) is not int:
        raise MalformedError("binding.type", f"{what} is an integer")
    if not low <= value <= high:
        raise MalformedError("binding.range", f"{what}: {value}")
    return value


def mixed_in(value: object, what: str) -> bytes:
    """Return `value` if it is 32 bytes and not all zero: zero is said by leaving it out."""
    found = exact_bytes(value, HASH32, what)
    if not any(found):
        raise MalformedError("binding.range", f"{what} is zero, and not left out")
    return found


def version(value: object, what: str) -> int:
    """Return 1 if `value` is the version that this reader knows."""
    if unsigned(value, 0, MAX_UINT, f"{what} version") != 1:
        raise MalformedError("unsupported.version", f"{what} version {value}")
    return 1


def signing_key(value: CoseKey, what: str) -> CoseKey:
    """Return `value` if it is a key for ESP256 signatures (`sig-key`)."""
    if value.algorithm != ESP256:
        raise MalformedError("cose.key", f"{what} is not an ESP256 key")
    return value
