# SPDX-License-Identifier: Apache-2.0
"""A namespace's journal: what was acknowledged is in it, in the memory file system.

    record = length[4] ‖ kind[1] ‖ payload ‖ first 8 bytes of SHA-256(kind ‖ payload)

Each record is one write, before its event is acknowledged; the kernel keeps what was written when
the process is killed. A write that fails is cut off again. So a short tail is of an event that was
never acknowledged and is dropped; anything else that does not add up makes the journal unusable.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from troth.crypto.digest import sha256
from troth.errors import DriverError

__all__ = ["Journal", "Kind", "Record"]

_LENGTH: Final = struct.Struct(">I")
_CHECK_BYTES: Final = 8
_OVERHEAD_BYTES: Final = _LENGTH.size + 1 + _CHECK_BYTES
_RECORD_MAX_BYTES: Final = 128 * 1024
_FILE_MAX_BYTES: Final = 2 << 30
_MODE: Final = 0o600


class Kind(IntEnum):
    """What a record says."""

    CREATED = 0  # a CBOR map; always first
    ENTRY = 1  # a log entry
    GAP = 2
    SEALED = 3
    CLOSED = 4  # always last
    ALARM = 5  # in the root namespace's journal only


class Record(NamedTuple):
    """One record."""

    kind: Kind
    payload: bytes


class Journal:
    """One file, open for appending."""

    def __init__(self, path: Path, handle: int, size: int) -> None:
        """Take an open file and how much of it holds."""
        self.path = path
        self._handle = handle
        self._size = size

    @classmethod
    def create(cls, path: Path, created: bytes) -> Journal:
        """Start a journal.

        Args:
            path: of a file that does not exist.
            created: the payload of its first record.

        Raises:
            DriverError: `state.write`.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            journal = cls(path, os.open(path, flags, _MODE), 0)
        except OSError as error:
            raise DriverError("state.write", f"{path}: {error.strerror}") from None
        try:
            journal.append(Kind.CREATED, created)
        except DriverError:
            journal.remove()
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path) -> tuple[Journal, list[Record]]:
        """Return a journal that an earlier process left, and its records; a short tail is cut.

        Raises:
            DriverError: `state.read`, the file cannot be read or does not add up.
        """
        try:
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            try:
                data = _read_all(handle)
                records, size = _records(data, path)
                if size != len(data):
                    os.ftruncate(handle, size)
            except BaseException:  # whatever it is goes on up; only the descriptor is ours
                os.close(handle)
                raise
        except OSError as error:
            raise DriverError("state.read", f"{path}: {error.strerror}") from None
        return cls(path, handle, size), records

    def append(self, kind: Kind, payload: bytes = b"") -> None:
        """Write one record; when this returns, a killed process has not lost it.

        Raises:
            DriverError: `state.write`; the journal is as it was.
        """
        content = bytes((kind,)) + payload
        record = _LENGTH.pack(len(payload)) + content + sha256(content)[:_CHECK_BYTES]
        try:
            written = os.write(self._handle, record)
        except OSError as error:
            raise DriverError("state.write", f"{self.path.name}: {error.strerror}") from None
        if written != len(record):
            self._cut_off()
            raise DriverError("state.write", f"{self.path.name}: no space left")
        self._size += written

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Close the file and delete it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _cut_off(self) -> None:
        """Take back a write that was cut short, or be of no use from here on."""
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            self.close()  # each further write fails: an event refused is better than one torn


def _records(data: bytes, path: Path) -> tuple[list[Record], int]:
    records: list[Record] = []
    at = 0
    for record, end in _scan(data, path):
        if (record.kind is Kind.CREATED) != (at == 0):
            raise DriverError("state.read", f"{path.name}: record {len(records)} out of place")
        records.append(record)
        at = end
    if not records:
        raise DriverError("state.read", f"{path.name}: nothing in it")
    return records, at


def _scan(data: bytes, path: Path) -> Iterator[tuple[Record, int]]:
    at = 0
    while len(data) - at >= _OVERHEAD_BYTES:
        (length,) = _LENGTH.unpack_from(data, at)
        end = at + _OVERHEAD_BYTES + length
        if length > _RECORD_MAX_BYTES:
            raise DriverError("state.read", f"{path.name}: a record of {length} bytes at {at}")
        if end > len(data):
            return
        content = data[at + _LENGTH.size : end - _CHECK_BYTES]
        if sha256(content)[:_CHECK_BYTES] != data[end - _CHECK_BYTES : end]:
            raise DriverError("state.read", f"{path.name}: the record at {at} does not add up")
        try:
            kind = Kind(content[0])
        except ValueError:
            raise DriverError("state.read", f"{path.name}: kind {content[0]} at {at}") from None
        yield Record(kind, content[1:]), end
        at = end


def _read_all(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    if size > _FILE_MAX_BYTES:
        raise DriverError("state.read", f"{size} bytes")
    with os.fdopen(os.dup(handle), "rb") as file:
        return file.read()
