# SPDX-License-Identifier: Apache-2.0
"""Roots of trust of CoVE platforms: a key, its manufacturer, and a name for both.

The draft says that an endorser vouches for the root of trust, and leaves the form of it open. A
token brings no certificates, so the public keys come from whoever makes or runs the platforms, as a
JSON array (docs/adr/0023):

    [{"name": text, "manufacturer_id": 128 hex digits, "public_key": PEM}, …]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec

from troth.crypto.verifying_key import VerifyingKey
from troth.errors import MalformedError, UntrustedError
from troth.evidence.cove.labels import MANUFACTURER_ID_BYTES
from troth.wire import json
from troth.wire.text import parse_hex

__all__ = ["ROOTS_MAX_BYTES", "CoveRoot", "CoveRoots", "build_roots", "parse_roots"]

ROOTS_MAX_BYTES: Final = 4 * 1024 * 1024
_MOST: Final = 4096
_NAME_MAX: Final = 64


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    manufacturer_id: str
    public_key: str


_Entries = Annotated[tuple[_Entry, ...], msgspec.Meta(max_length=_MOST)]


class CoveRoot(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one root of trust, and whose platforms it may speak for (64 bytes)."""

    name: str
    manufacturer_id: bytes
    key: VerifyingKey


class CoveRoots:
    """The roots of trust that are known. An empty list trusts no platform."""

    __slots__ = ("_by_id",)

    def __init__(self, roots: Iterable[CoveRoot]) -> None:
        """Take the roots.

        Raises:
            MalformedError: `cove.roots`, two of them have one key.
        """
        by_id: dict[bytes, CoveRoot] = {}
        for one in roots:
            if one.key.spki_sha256 in by_id:
                raise MalformedError("cove.roots", f"twice: the key of {one.name}")
            by_id[one.key.spki_sha256] = one
        self._by_id: Final = by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[CoveRoot]:
        return iter(self._by_id.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What the roots are called."""
        return tuple(one.name for one in self._by_id.values())

    def match(self, root_id: bytes) -> CoveRoot:
        """Return the root whose key has that identifier.

        Args:
            root_id: SHA-256 of its SubjectPublicKeyInfo, 32 bytes.

        Raises:
            UntrustedError: `cove.root`, none is known.
        """
        root = self._by_id.get(root_id)
        if root is None:
            raise UntrustedError("cove.root", f"sha256:{root_id.hex()} is not known")
        return root


def parse_roots(data: bytes) -> CoveRoots:
    """Return the roots of a JSON text of at most 4 MiB and 4,096 roots.

    Raises:
        MalformedError: `json.*`, `wire.hex`, `cose.key`, `cose.point` or `cove.roots`.
    """
    entries = json.decode(data, _Entries, max_bytes=ROOTS_MAX_BYTES)
    return CoveRoots(_root(one) for one in entries)


def build_roots(roots: Iterable[CoveRoot]) -> bytes:
    """Return the JSON text that `parse_roots` reads as these roots."""
    return json.encode(
        [
            _Entry(one.name, one.manufacturer_id.hex(), one.key.pem().decode("ascii"))
            for one in roots
        ]
    )


def _root(entry: _Entry) -> CoveRoot:
    if not 0 < len(entry.name) <= _NAME_MAX or not entry.name.isprintable():
        raise MalformedError("cove.roots", f"a name is 1 to {_NAME_MAX} printable characters")
    return CoveRoot(
        name=entry.name,
        manufacturer_id=parse_hex(entry.manufacturer_id, MANUFACTURER_ID_BYTES),
        key=VerifyingKey.from_pem(entry.public_key.encode()),
    )
