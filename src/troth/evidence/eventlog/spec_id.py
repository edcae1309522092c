# SPDX-License-Identifier: Apache-2.0
"""The specification id event, which begins a crypto-agile log and names its algorithms.

Source: TCG PC Client Platform Firmware Profile 1.06 §10.4.5.1, TCG_EfiSpecIDEvent.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, Self

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import ALGORITHMS
from troth.wire.reader import Reader

__all__ = ["SPEC_ID_SIGNATURE", "SpecId"]

SPEC_ID_SIGNATURE: Final = b"Spec ID Event03\0"
_MAJOR: Final = 2
_MOST_ALGORITHMS: Final = 8  # a TPM has three or four banks
_DIGEST_MAX_BYTES: Final = 64
# platform class, minor and major version, errata, size of a UINTN in words of 32 bits, algorithms
_FIXED: Final = struct.Struct("<IBBBBI")
_UINTN_SIZES: Final = (1, 2)


class SpecId(NamedTuple):
    """The header's contents.

    Attributes:
        algorithms: (TPM_ALG_ID, size of a digest in bytes), in the order of the header.
        platform_class: 0 client, 1 server.
        version: (major, minor, errata) of the profile that the firmware follows.
        uintn_words: 1 or 2.
        vendor: vendor's bytes, at most 255.
    """

    algorithms: tuple[tuple[int, int], ...]
    platform_class: int = 0
    version: tuple[int, int, int] = (_MAJOR, 0, 0)
    uintn_words: int = 2
    vendor: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data of the event; all of it must be used.

        Raises:
            MalformedError: `wire.truncated`, `eventlog.header` or `eventlog.algorithm`.
        """
        reader = Reader(data)
        if reader.take(len(SPEC_ID_SIGNATURE), "signature") != SPEC_ID_SIGNATURE:
            raise MalformedError("eventlog.header", "not a specification id event")
        fixed = _FIXED.unpack(reader.take(_FIXED.size, "specification id"))
        platform_class, minor, major, errata, uintn, count = fixed
        if major != _MAJOR or uintn not in _UINTN_SIZES:
            raise MalformedError("eventlog.header", f"version {major}, UINTN of {uintn} words")
        if not 1 <= count <= _MOST_ALGORITHMS:
            raise MalformedError("eventlog.header", f"{count} algorithms")
        pairs = [
            (reader.little(2, "algorithm"), reader.little(2, "digest size")) for _ in range(count)
        ]
        for number, size in pairs:
            _check_size(number, size)
        if len(dict(pairs)) != count:
            raise MalformedError("eventlog.algorithm", "an algorithm is named twice")
        vendor = reader.take(reader.little(1, "vendor size"), "vendor information")
        reader.finish("eventlog.header", "the specification id event")
        return cls(tuple(pairs), platform_class, (major, minor, errata), uintn, vendor)

    def build(self) -> bytes:
        """Return the data of the event."""
        major, minor, errata = self.version
        fixed = (self.platform_class, minor, major, errata, self.uintn_words, len(self.algorithms))
        pairs = b"".join(struct.pack("<HH", *pair) for pair in self.algorithms)
        vendor = bytes((len(self.vendor),)) + self.vendor
        return SPEC_ID_SIGNATURE + _FIXED.pack(*fixed) + pairs + vendor


def _check_size(number: int, size: int) -> None:
    known = ALGORITHMS.get(number)
    is_sound = size == known.size if known else 1 <= size <= _DIGEST_MAX_BYTES
    if not is_sound:
        raise MalformedError("eventlog.algorithm", f"{number:#x} with digests of {size} bytes")
