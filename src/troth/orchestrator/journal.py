# SPDX-License-Identifier: Apache-2.0
"""A namespace's journal: what was acknowledged is in it, in the memory file system.

    journal = slot ‖ slot ‖ record*
    slot    = gaps[8] ‖ alarms[8] ‖ first 8 bytes of SHA-256(gaps ‖ alarms)
    record  = length[4] ‖ kind[1] ‖ payload ‖ first 8 bytes of SHA-256(kind ‖ payload)

Each record is one write, before its event is acknowledged; the kernel keeps what was written when
the process is killed. A write that fails is cut off again. So a short tail is of an event that was
never acknowledged and is dropped; anything else that does not add up makes the journal unusable.

What is only counted has a place of its own, made with the file: however often an event is refused,
the journal does not grow, and a full file system takes the count. The slots are written in turn.
If we are killed while we write one, the other holds what was counted before; one is added then.
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

__all__ = ["RECORD_MAX_BYTES", "RECORD_OVERHEAD_BYTES", "Counts", "Journal", "Kind", "Record"]

_SLOT: Final = struct.Struct(">QQ8s")
_SLOTS: Final = 2
_HEADER_BYTES: Final = _SLOTS * _SLOT.size
_LENGTH: Final = struct.Struct(">I")
_CHECK_BYTES: Final = 8
RECORD_OVERHEAD_BYTES: Final = _LENGTH.size + 1 + _CHECK_BYTES
RECORD_MAX_BYTES: Final = 128 * 1024
_FILE_MAX_BYTES: Final = 2 << 30
_MODE: Final = 0o600


class Kind(IntEnum):
    """What a record says."""

    CREATED = 0  # a CBOR map; always first
    ENTRY = 1  # a log entry
    SEALED = 3
    CLOSED = 4  # always last


class Record(NamedTuple):
    """One record."""

    kind: Kind
    payload: bytes


class Counts(NamedTuple):
    """What is counted and leaves no record; neither ever falls."""

    gaps: int = 0
    alarms: int = 0  # in the root namespace's journal only


class Journal:
    """One file; records are written at its end."""

    def __init__(self, path: Path, handle: int, size: int, counts: Counts, turn: int) -> None:
        """Take an open file, how much of it holds, the counts, and whose turn a slot is."""
        self.path = path
        self.counts = counts
        self._handle = handle
        self._size = size
        self._turn = turn

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
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            handle = os.open(path, flags, _MODE)
        except OSError as error:
            raise DriverError("state.write", f"{path}: {error.strerror}") from None
        journal = cls(path, handle, 0, Counts(), 0)
        try:
            journal._write(_slot(Counts()) * _SLOTS)
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
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                data = _read_all(handle)
                counts, turn = _counts(data, path)
                records, size = _records(data, path)
                if size != len(data):
                    os.ftruncate(handle, size)
            except BaseException:  # whatever it is goes on up; only the descriptor is ours
                os.close(handle)
                raise
        except OSError as error:
            raise DriverError("state.read", f"{path}: {error.strerror}") from None
        return cls(path, handle, size, counts, turn), records

    def append(self, kind: Kind, payload: bytes = b"") -> None:
        """Write one record; when this returns, a killed process has not lost it.

        Raises:
            DriverError: `state.write`; the journal is as it was.
        """
        content = bytes((kind,)) + payload
        self._write(_LENGTH.pack(len(payload)) + content + sha256(content)[:_CHECK_BYTES])

    def count(self, *, gaps: int = 0, alarms: int = 0) -> None:
        """Count; when this returns, a killed process has not lost it.

        Raises:
            DriverError: `state.write`; a restart finds what was counted before, or more.
        """
        # It counts even where the write fails: the next one that does not takes it along.
        self.counts = Counts(self.counts.gaps + gaps, self.counts.alarms + alarms)
        slot = _slot(self.counts)
        try:
            written = os.pwrite(self._handle, slot, self._turn * _SLOT.size)
        except OSError as error:
            raise DriverError("state.write", f"{self.path.name}: {error.strerror}") from None
        if written != len(slot):
            raise DriverError("state.write", f"{self.path.name}: no space left")
        # From here on the slot just written counts, and the other may be overwritten.
        self._turn = (self._turn + 1) % _SLOTS

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Close the file and delete it.

        Raises:
            DriverError: `state.write`, it is still there.
        """
        self.close()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise DriverError("state.write", f"{self.path.name}: {error.strerror}") from None

    def _write(self, data: bytes) -> None:
        try:
            written = os.pwrite(self._handle, data, self._size)
        except OSError as error:
            raise DriverError("state.write", f"{self.path.name}: {error.strerror}") from None
        if written != len(data):
            self._cut_off()
            raise DriverError("state.write", f"{self.path.name}: no space left")
        self._size += written

    def _cut_off(self) -> None:
        """Take back a write that was cut short, or be of no use from here on."""
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            self.close()  # each further write fails: an event refused is better than one torn


def _slot(counts: Counts) -> bytes:
    return _SLOT.pack(*counts, _slot_check(counts))


def _slot_check(counts: Counts) -> bytes:
    return sha256(struct.pack(">QQ", *counts))[:_CHECK_BYTES]


def _counts(data: bytes, path: Path) -> tuple[Counts, int]:
    """Return what was counted, and the slot to write next."""
    if len(data) < _HEADER_BYTES:
        raise DriverError("state.read", f"{path.name}: it has no counts")
    whole: dict[int, Counts] = {}
    for number in range(_SLOTS):
        gaps, alarms, check = _SLOT.unpack_from(data, number * _SLOT.size)
        if check == _slot_check(Counts(gaps, alarms)):
            whole[number] = Counts(gaps, alarms)
    if not whole:
        raise DriverError("state.read", f"{path.name}: its counts do not add up")
    newest = max(whole, key=lambda number: sum(whole[number]))
    found, turn = whole[newest], (newest + 1) % _SLOTS
    if len(whole) < _SLOTS:  # the other was being written, for one more of either
        found = Counts(found.gaps + 1, found.alarms + 1)
    return found, turn


def _records(data: bytes, path: Path) -> tuple[list[Record], int]:
    records: list[Record] = []
    at = _HEADER_BYTES
    for record, end in _scan(data, path):
        if (record.kind is Kind.CREATED) != (at == _HEADER_BYTES):
            raise DriverError("state.read", f"{path.name}: record {len(records)} out of place")
        records.append(record)
        at = end
    if not records:
        raise DriverError("state.read", f"{path.name}: nothing in it")
    return records, at


def _scan(data: bytes, path: Path) -> Iterator[tuple[Record, int]]:
    at = _HEADER_BYTES
    while len(data) - at >= RECORD_OVERHEAD_BYTES:
        (length,) = _LENGTH.unpack_from(data, at)
        end = at + RECORD_OVERHEAD_BYTES + length
        if length > RECORD_MAX_BYTES:
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
