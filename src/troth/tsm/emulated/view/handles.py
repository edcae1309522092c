# SPDX-License-Identifier: Apache-2.0
"""Open files: what one descriptor has gathered or seen, whatever becomes of its path.

Source: `fs/configfs/file.c` and `fs/sysfs/file.c`.
"""

from __future__ import annotations

import errno
import threading
from typing import Final, Protocol

from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.attributes import Attribute, Kind
from troth.tsm.emulated.view.entry import Entry
from troth.tsm.emulated.view.registers import Register, Registers
from troth.tsm.emulated.view.tsm import INBLOB_MAX_BYTES, Tsm

__all__ = ["BlobReader", "FixedReader", "Handle", "InblobWriter", "RegisterFile", "opened"]

_TEXT_MAX_BYTES: Final = 4095


class Handle(Protocol):
    """An open file description."""

    def read(self, size: int, offset: int) -> bytes:
        """Read; see pread(2)."""
        ...

    def write(self, data: bytes, offset: int) -> int:
        """Write; see pwrite(2)."""
        ...

    def close(self) -> None:
        """One descriptor of it was closed; it may have others."""
        ...


def opened(tsm: Tsm, entry: Entry, attribute: Attribute) -> Handle:
    """Open an attribute of an entry in the one direction that it has."""
    match attribute.kind:
        case Kind.INBLOB:
            return InblobWriter(tsm, entry)
        case Kind.BLOB:
            return BlobReader(tsm, entry, attribute.name)
        case Kind.SHOW:
            return _TextReader(tsm, entry, attribute.name)
        case Kind.STORE:
            return _TextWriter(tsm, entry, attribute.name)


class _Closed:
    """A file that does neither; below it each does one thing."""

    def read(self, size: int, offset: int) -> bytes:
        """Refuse."""
        del size, offset
        raise refusal(errno.EBADF)

    def write(self, data: bytes, offset: int) -> int:
        """Refuse."""
        del data, offset
        raise refusal(errno.EBADF)

    def close(self) -> None:
        """Nothing is held."""


class InblobWriter(_Closed):
    """inblob: writes gather in a buffer, and closing commits it.

    A write that is too large takes nothing, and yet makes the file one that was written: if
    nothing was gathered before, closing it wipes the inblob.
    """

    def __init__(self, tsm: Tsm, entry: Entry) -> None:
        """Open it with an empty buffer."""
        self._tsm = tsm
        self._entry = entry
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._is_due = False

    def write(self, data: bytes, offset: int) -> int:
        """Gather bytes; a gap is filled with zeros.

        Raises:
            OSError: EFBIG, they would end beyond 64.
        """
        with self._lock:
            self._is_due = True
            end = offset + len(data)
            if end > INBLOB_MAX_BYTES:
                raise refusal(errno.EFBIG)
            self._buffer.extend(bytes(max(0, end - len(self._buffer))))
            self._buffer[offset:end] = data
            return len(data)

    def close(self) -> None:
        """Commit what was gathered, if anything was written since; what comes of it is not said."""
        with self._lock:
            if not self._is_due:
                return
            self._is_due = False
            try:
                self._tsm.commit(self._entry, bytes(self._buffer))
            except OSError:
                return  # as in the kernel, which throws away the result of a commit at close


class BlobReader(_Closed):
    """outblob, auxblob or manifestblob: the first read makes a snapshot, later ones see it.

    Length and content are asked for apart. Who commits in between is why a snapshot may have the
    old report's length and the new one's bytes.
    """

    def __init__(self, tsm: Tsm, entry: Entry, name: str) -> None:
        """Open it without looking at it."""
        self._tsm = tsm
        self._entry = entry
        self._name = name
        self._lock = threading.Lock()
        self._snapshot: bytes | None = None

    def read(self, size: int, offset: int) -> bytes:
        """Read of the snapshot; nothing is kept of a read that failed or found nothing.

        Raises:
            OSError: as `Tsm.blob`; EFBIG, it is larger than the kernel allows.
        """
        with self._lock:
            if self._snapshot is None:
                length = self.length()
                if length == 0:
                    return b""
                self._snapshot = self.content(length)
            return self._snapshot[offset : offset + size]

    def length(self) -> int:
        """Ask for the length: the first of the two questions.

        Raises:
            OSError: as `read`.
        """
        length = len(self._tsm.blob(self._entry, self._name))
        if length > self._tsm.kernel.blob_max_bytes:
            raise refusal(errno.EFBIG)
        return length

    def content(self, length: int) -> bytes:
        """Ask for the content: the second. It is cut to `length`, or filled up with zeros.

        Raises:
            OSError: as `Tsm.blob`.
        """
        return self._tsm.blob(self._entry, self._name)[:length].ljust(length, b"\0")


class _TextReader(_Closed):
    """A text attribute: rendered at the first read, and the same ever after."""

    def __init__(self, tsm: Tsm, entry: Entry, name: str) -> None:
        self._tsm = tsm
        self._entry = entry
        self._name = name
        self._lock = threading.Lock()
        self._text: bytes | None = None

    def read(self, size: int, offset: int) -> bytes:
        """Read of the text."""
        with self._lock:
            if self._text is None:
                self._text = self._tsm.show(self._entry, self._name)
            return self._text[offset : offset + size]


class _TextWriter(_Closed):
    """An option: each write is one setting, wherever it is written."""

    def __init__(self, tsm: Tsm, entry: Entry, name: str) -> None:
        self._tsm = tsm
        self._entry = entry
        self._name = name

    def write(self, data: bytes, offset: int) -> int:
        """Set it to the first 4095 bytes, and say how many those were."""
        del offset
        taken = data[:_TEXT_MAX_BYTES]
        self._tsm.store(self._entry, self._name, taken)
        return len(taken)


class RegisterFile(_Closed):
    """A measurement register: never a snapshot, extended by one write at its start."""

    def __init__(self, registers: Registers, register: Register) -> None:
        """Open it."""
        self._registers = registers
        self._register = register

    def read(self, size: int, offset: int) -> bytes:
        """Read its present value."""
        return self._registers.value(self._register)[offset : offset + size]

    def write(self, data: bytes, offset: int) -> int:
        """Extend it; see `Registers.write`."""
        return self._registers.write(self._register, data, offset)


class FixedReader(_Closed):
    """A file whose bytes never change."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes."""
        self._data = data

    def read(self, size: int, offset: int) -> bytes:
        """Read."""
        return self._data[offset : offset + size]
