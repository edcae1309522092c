# SPDX-License-Identifier: Apache-2.0
"""From TOML values of the section `[snp]` to what a rule compares with; ValueError for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from troth.errors import MalformedError
from troth.evidence.snp import PlatformInfo, Product, Tcb
from troth.evidence.snp.layout import TURIN_CHIP_ID_BYTES
from troth.policy.values import ANY, word_set
from troth.verify import AnyValue
from troth.wire.text import parse_hex

__all__ = [
    "BitNumbers",
    "Minima",
    "Versions",
    "bit_numbers",
    "minima",
    "one_of",
    "platform_words",
    "privilege_levels",
    "refused_chips",
    "version",
]

Minima = Mapping[Product, Tcb] | type[AnyValue]
BitNumbers = frozenset[int] | type[AnyValue]
Versions = tuple[int, int] | type[AnyValue]

_PARTS: Final = ("bootloader", "tee", "snp", "microcode")
_SVN_HIGHEST: Final = 0xFF
_CHIP_ID_BYTES: Final = 64
_BITS: Final = 64
_VMPL_HIGHEST: Final = 3
_HOST: Final = "host"
_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)


def one_of(value: object, words: Collection[str]) -> str:
    """Return one of the words."""
    if not isinstance(value, str) or value not in words:
        message = f"{' or '.join(repr(one) for one in words)} is due"
        raise ValueError(message)
    return value


def refused_chips(value: object) -> frozenset[bytes]:
    """Return chip ids as reports have them: 64 bytes, of which Turin's are 8 and zeros."""
    found = []
    for text in word_set(value):
        sizes = (_CHIP_ID_BYTES, TURIN_CHIP_ID_BYTES)
        try:
            found.append(parse_hex(text))
        except MalformedError as error:
            message = f"{text!r}: {error.detail}"
            raise ValueError(message) from None
        if len(found[-1]) not in sizes:
            message = f"{text!r}: a chip id has 64 bytes, or 8 on Turin"
            raise ValueError(message)
    return frozenset(one.ljust(_CHIP_ID_BYTES, b"\0") for one in found)


def minima(value: object) -> Minima:
    """Return a TCB for each product that is named, or AnyValue; no other product reaches any."""
    if value == ANY:
        return AnyValue
    known = {one.value for one in Product}
    if not isinstance(value, dict) or not value.keys() <= known:
        message = f'a table of {", ".join(sorted(known))} or "any" is due'
        raise ValueError(message)
    return {Product(name): _tcb(Product(name), parts) for name, parts in value.items()}


def bit_numbers(value: object) -> BitNumbers:
    """Return numbers of bits, 0 to 63, or AnyValue."""
    if value == ANY:
        return AnyValue
    return _numbers(value, _BITS - 1)


def platform_words(value: object) -> frozenset[str]:
    """Return names of platform bits."""
    return word_set(value, PlatformInfo.NAMES)


def privilege_levels(value: object, host: int) -> BitNumbers:
    """Return levels 0 to 3, `host` for the word "host", or AnyValue."""
    if value == ANY:
        return AnyValue
    if isinstance(value, list) and _HOST in value:
        return _numbers([one for one in value if one != _HOST], _VMPL_HIGHEST) | {host}
    return _numbers(value, _VMPL_HIGHEST)


def version(value: object) -> Versions:
    """Return major and minor of a text such as "1.55", or AnyValue."""
    if value == ANY:
        return AnyValue
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None or max(int(match[1]), int(match[2])) > _SVN_HIGHEST:
        message = 'a version such as "1.55" or "any" is due'
        raise ValueError(message)
    return int(match[1]), int(match[2])


def _tcb(product: Product, parts: object) -> Tcb:
    due = ("fmc", *_PARTS) if product is Product.TURIN else _PARTS
    if not isinstance(parts, dict) or parts.keys() != set(due):
        message = f"{product.value}: {', '.join(due)} are due"
        raise ValueError(message)
    svns = {name: one for name, one in parts.items() if _is_number(one, _SVN_HIGHEST)}
    if svns.keys() != parts.keys():
        message = f"{product.value}: numbers of 0 to {_SVN_HIGHEST} are due"
        raise ValueError(message)
    return Tcb(fmc=svns.pop("fmc", None), **svns)


def _numbers(value: object, most: int) -> frozenset[int]:
    if not isinstance(value, list) or not all(_is_number(one, most) for one in value):
        message = f"a list of numbers of 0 to {most} is due"
        raise ValueError(message)
    return frozenset(value)


def _is_number(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most
