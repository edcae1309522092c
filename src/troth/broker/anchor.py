# SPDX-License-Identifier: Apache-2.0
"""A small file that remembers how far the store had come, so that an older copy is noticed.

    {"generation", "size", "root", "mac"}

It is written behind each change by an administrator and at start and end of the server; a crash in
between leaves it behind the database, never before it. Put it on another disk than the database:
who can put both back to the same earlier instant is not noticed by the broker itself, only by
those who kept a head of its log.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from troth.crypto.digest import same
from troth.crypto.storage import StorageKey
from troth.errors import DriverError, MalformedError
from troth.wire import json

__all__ = ["Anchor", "AnchorFile"]

_MAX_BYTES: Final = 1024
_LABEL: Final = b"troth/broker/anchor/v1\x00"


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the store has come: changes by administrators, entries of the log, root over them."""

    generation: int
    size: int
    root: str


class _Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    anchor: Anchor
    mac: str


class AnchorFile:
    """The file, under the storage key."""

    def __init__(self, path: str, key: StorageKey) -> None:
        """Take where it is."""
        self._path = Path(path)
        self._key = key

    def read(self) -> Anchor:
        """Return what was remembered.

        Raises:
            DriverError: `broker.rollback`, the file is missing, unreadable or not ours.
        """
        try:
            data = self._path.read_bytes()
            signed = json.decode(data, _Signed, max_bytes=_MAX_BYTES, max_depth=2)
        except OSError as error:
            raise DriverError("broker.rollback", f"{self._path}: {error.strerror}") from None
        except MalformedError as error:
            raise DriverError("broker.rollback", f"{self._path}: {error}") from None
        if not same(signed.mac.encode(), self._mac(signed.anchor).encode()):
            raise DriverError("broker.rollback", f"{self._path}: not written under this key")
        return signed.anchor

    def write(self, anchor: Anchor) -> None:
        """Replace what is remembered: the new file is on the disk before the old one goes.

        Raises:
            DriverError: `broker.storage`.
        """
        new = self._path.with_name(f"{self._path.name}.new")
        data = json.encode(_Signed(anchor=anchor, mac=self._mac(anchor)))
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise DriverError("broker.storage", f"{self._path}: {error.strerror}") from None

    def _mac(self, anchor: Anchor) -> str:
        return self._key.mac(_LABEL + json.encode(anchor)).hex()
