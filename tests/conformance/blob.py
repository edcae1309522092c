# SPDX-License-Identifier: Apache-2.0
"""The test provider's blob, taken apart.

Little endian: the magic, u32 call number, u32 privlevel, u32 length of the inblob, u32 wanted size
of the outblob, inblob padded to 64 bytes, 16 bytes guid, service provider padded to 64 bytes, u32
manifest version, then filler bytes equal to the call number's lowest byte.
"""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

__all__ = ["HEAD_BYTES", "describe", "inblob_of"]

_HEAD: Final = struct.Struct("<8sIIII64s16s64sI")
HEAD_BYTES: Final = _HEAD.size
_MAGIC: Final = b"TROTHTSM"
_CALL_END: Final = 12


def describe(data: bytes, *, calls_before: int) -> dict[str, object] | None:
    """Say what a blob holds, its call counted from `calls_before`; None for another thing.

    What a blob too short for it does not hold counts as zero.

    A companion blob, which is filler alone, is told by its length and its first byte.
    """
    if len(data) >= _CALL_END and data.startswith(_MAGIC):
        return _outblob(data, calls_before)
    if len(data) > 64 and len(set(data)) == 1:
        return {"length": len(data), "filler of call": (data[0] - calls_before) & 0xFF}
    return None


def inblob_of(data: bytes) -> bytes:
    """Return the inblob that a blob was made over."""
    return bytes(_HEAD.unpack_from(data)[5])


def _outblob(data: bytes, calls_before: int) -> dict[str, object]:
    _, call, privlevel, length, size, inblob, guid, service, manifest = _HEAD.unpack_from(
        data.ljust(HEAD_BYTES, b"\0")
    )
    filler = data[HEAD_BYTES:]
    return {
        "length": len(data),
        "wanted": size,
        "call": call - calls_before,
        "privlevel": privlevel,
        "inblob length": length,
        "inblob": inblob.rstrip(b"\0").hex(),
        "padding": "zero" if not any(inblob[length:]) else "not zero",
        "guid": str(UUID(bytes_le=guid)),
        "service": service.rstrip(b"\0").decode("latin-1"),
        "manifest": manifest,
        "filler": "right" if filler == bytes([call & 0xFF]) * len(filler) else "wrong",
    }
