# SPDX-License-Identifier: Apache-2.0
"""The certificate table that a host hands to its guests: a convenience, never an anchor.

    offset 0   entries of 24 bytes: GUID 16, offset 4, length 4; the last one is zero
    …          the certificates, wherever the entries say; pages are filled up with zeros

Source: AMD 56421, GHCB, SNP extended guest request; Linux, sev-guest documentation.
"""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

import msgspec

from troth.errors import MalformedError
from troth.wire.reader import Reader

__all__ = ["TABLE_MAX_BYTES", "CertificateTable"]

TABLE_MAX_BYTES: Final = 1024 * 1024  # ours; the kernel's own buffer has 16 KiB

_ENTRY: Final = struct.Struct("<16sII")
_GUID_BYTES: Final = 16
_GUIDS: Final = {  # in the order in which they are written; bytes in the order of the text
    "vcek": UUID("63da758d-e664-4564-adc5-f4b93be8accd"),
    "vlek": UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"),
    "ask": UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"),
    "ark": UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"),
}
_NAMES: Final = {guid.bytes: name for name, guid in _GUIDS.items()}


class CertificateTable(msgspec.Struct, frozen=True, kw_only=True):
    """The certificates of a table, DER, none of them verified; None where it has no such.

    Where the leaf is a VLEK, `ask` holds the ASVK. Entries with another GUID are left out.
    """

    vcek: bytes | None = None
    vlek: bytes | None = None
    ask: bytes | None = None
    ark: bytes | None = None

    @classmethod
    def parse(cls, data: bytes) -> CertificateTable:
        """Read a table; no byte at all is a host that has none.

        Args:
            data: at most 1 MiB.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`; `snp.certificate-table`, an entry
                leads into the entries or out of the table, or a certificate is there twice.
        """
        if len(data) > TABLE_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {TABLE_MAX_BYTES} bytes")
        if not data:
            return cls()
        entries, header = _entries(data)
        found: dict[str, bytes] = {}
        seen: set[bytes] = set()
        for guid, start, length in entries:
            if guid in seen:
                raise MalformedError("snp.certificate-table", f"{UUID(bytes=guid)} twice")
            seen.add(guid)
            if start < header or start + length > len(data):
                raise MalformedError(
                    "snp.certificate-table", f"{length} bytes at {start} of {len(data)}"
                )
            if guid in _NAMES:
                found[_NAMES[guid]] = data[start : start + length]
        return cls(**found)

    @staticmethod
    def begins(data: bytes) -> bool:
        """Say whether the first entry is for one of these certificates, whatever follows."""
        return data[:_GUID_BYTES] in _NAMES

    @staticmethod
    def extent(data: bytes) -> int:
        """Return how many bytes of `data` a table uses: 0 where it has no certificate.

        Raises:
            MalformedError: as `parse`.
        """
        CertificateTable.parse(data)
        entries, _ = _entries(data) if data else ([], 0)
        return max((start + length for _, start, length in entries), default=0)

    def build(self) -> bytes:
        """Return a table of these certificates, without zeros behind."""
        named = [(guid, getattr(self, name)) for name, guid in _GUIDS.items()]
        held = [(guid, value) for guid, value in named if value is not None]
        at = _ENTRY.size * (len(held) + 1)
        entries = b""
        for guid, value in held:
            entries += _ENTRY.pack(guid.bytes, at, len(value))
            at += len(value)
        return entries + bytes(_ENTRY.size) + b"".join(value for _, value in held)


def _entries(data: bytes) -> tuple[list[tuple[bytes, int, int]], int]:
    """Return the entries before the zero one, and where what they point to may begin."""
    reader = Reader(data)
    entries = []
    while any(raw := reader.take(_ENTRY.size, "certificate table entry")):
        entries.append(_ENTRY.unpack(raw))
    return entries, reader.at
