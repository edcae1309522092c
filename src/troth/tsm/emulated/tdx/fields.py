# SPDX-License-Identifier: Apache-2.0
"""Types of settings: hex of a fixed size in bytes, bounded integers, and their base."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = [
    "U8",
    "U16",
    "U32",
    "Components",
    "Frozen",
    "Hex2",
    "Hex6",
    "Hex8",
    "Hex16",
    "Hex32",
    "Hex48",
    "HexAny",
    "Registers",
]

Hex2 = Annotated[str, Meta(pattern=r"^[0-9a-f]{4}\Z")]
Hex6 = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]
Hex8 = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Hex16 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Hex48 = Annotated[str, Meta(pattern=r"^[0-9a-f]{96}\Z")]
HexAny = Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){0,65535}\Z")]
U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Components = Annotated[tuple[U8, ...], Meta(min_length=16, max_length=16)]
Registers = Annotated[tuple[Hex48, ...], Meta(min_length=4, max_length=4)]


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of settings: they are made anew rather than changed, and a misspelt one is refused."""
