# SPDX-License-Identifier: Apache-2.0
"""The file operations of the drivers, and nothing else: one system call each, no second try.

`read` and `write` go past Python's own: `os.read` starts again for as long as a call is answered
with EINTR (PEP 475), and a provider of reports may answer so for ever. Here EINTR is an error like
any other, and `patience` counts it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from troth.errors import DriverError
from troth.tsm.refusal import told

__all__ = ["BLOB_MAX_BYTES", "Files", "SystemFiles", "blob", "number", "text"]

BLOB_MAX_BYTES: Final = 16 << 20  # the kernel's own maximum since 7.0; 32 KiB before
_TEXT_MAX_BYTES: Final = 4096  # of a text attribute: one page
_NUMBER_MAX_DIGITS: Final = 20  # of 2^64 - 1
_CHUNK_BYTES: Final = 64 * 1024
_PRIVATE: Final = 0o700

_Page: Final = ctypes.c_char * (_TEXT_MAX_BYTES + 1)
_Chunk: Final = ctypes.c_char * _CHUNK_BYTES

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.read.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
_LIBC.read.restype = ctypes.c_ssize_t
_LIBC.write.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]
_LIBC.write.restype = ctypes.c_ssize_t


class Files(Protocol):
    """What the drivers do with files. Every method raises OSError as the system does."""

    def make(self, path: Path) -> None:
        """Make a directory."""
        ...

    def restrict(self, path: Path) -> None:
        """Let only its owner into a directory."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a directory; in configfs it need not be empty."""
        ...

    def names(self, path: Path) -> frozenset[str]:
        """Return the names in a directory."""
        ...

    def read(self, path: Path, most: int) -> bytes:
        """Return a file's content, at most so many bytes of it, by one descriptor."""
        ...

    def write(self, path: Path, data: bytes) -> int:
        """Write to a file that is there, in one call at offset 0; return how much was taken."""
        ...

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        """Hold the advisory lock of a file (flock, exclusive); EAGAIN if another has it."""
        ...


class SystemFiles:
    """The machine's files."""

    def make(self, path: Path) -> None:
        """See `Files.make`. configfs makes 0755 of whatever mode is asked for."""
        path.mkdir(_PRIVATE)

    def restrict(self, path: Path) -> None:
        """See `Files.restrict`."""
        path.chmod(_PRIVATE)

    def remove(self, path: Path) -> None:
        """See `Files.remove`."""
        path.rmdir()

    def names(self, path: Path) -> frozenset[str]:
        """See `Files.names`."""
        return frozenset(one.name for one in path.iterdir())

    def read(self, path: Path, most: int) -> bytes:
        """See `Files.read`."""
        with _opened(path, os.O_RDONLY) as handle:
            found = bytearray()
            buffer = _Page() if most <= ctypes.sizeof(_Page) else _Chunk()
            while len(found) < most:
                got = _LIBC.read(handle, buffer, min(len(buffer), most - len(found)))
                if got < 0:
                    raise _last_error(path)
                if got == 0:
                    break
                found += ctypes.string_at(buffer, got)
            return bytes(found)

    def write(self, path: Path, data: bytes) -> int:
        """See `Files.write`."""
        with _opened(path, os.O_WRONLY) as handle:
            taken: int = _LIBC.write(handle, data, len(data))
            if taken < 0:
                raise _last_error(path)
            return taken

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        """See `Files.lock`."""
        with _opened(path, os.O_RDONLY) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield


def text(files: Files, path: Path) -> str:
    """Return the one line of a text attribute, without its end.

    Raises:
        DriverError: `tsm.attribute`, and as `told`.
    """
    with told(path):
        raw = files.read(path, _TEXT_MAX_BYTES + 1)
    line = raw.removesuffix(b"\n")
    if not line.isascii() or not line.decode("ascii").isprintable() or len(raw) > _TEXT_MAX_BYTES:
        raise DriverError("tsm.attribute", f"{path.name} is not one line of text")
    return line.decode("ascii")


def number(files: Files, path: Path) -> int:
    """Return the decimal number of a text attribute.

    Raises:
        DriverError: `tsm.attribute`, and as `told`.
    """
    found = text(files, path)
    if not found.isdecimal() or len(found) > _NUMBER_MAX_DIGITS:
        raise DriverError("tsm.attribute", f"{path.name}: {found!r} is not a number")
    return int(found)


def blob(files: Files, path: Path) -> bytes:
    """Return a binary attribute.

    Raises:
        DriverError: `tsm.report-size`, and as `told`.
    """
    with told(path):
        found = files.read(path, BLOB_MAX_BYTES + 1)
    if len(found) > BLOB_MAX_BYTES:
        raise DriverError("tsm.report-size", f"{path.name}: more than {BLOB_MAX_BYTES} bytes")
    return found


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def _last_error(path: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(path))
