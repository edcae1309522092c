# SPDX-License-Identifier: Apache-2.0
"""Directories of ours in the temporary directory, and the removal of those whose owner was killed.

Who uses a directory holds a lock on it, which the kernel takes back when the last process that
holds it ends. So the living are never mistaken for the dead, whatever pid namespace they are in.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["Scratch"]

_PREFIX: Final = "troth-view-"


class Scratch:
    """An empty directory that is ours as long as this process or a child of it lives.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        """Remove what killed processes of this user left, and make a directory.

        Raises:
            OSError: it cannot be made.
        """
        _sweep()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            held = _held(self.path)
            if held is not None:
                self._lock = held
                return
            # Another's sweep was faster than our lock, and removes it.

    def remove(self) -> None:
        """Remove the directory, which must be empty."""
        try:
            self.path.rmdir()
        finally:
            os.close(self._lock)


def _sweep() -> None:
    """Remove the empty directories of this user that nobody holds."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # what cannot be removed is not in our way
            lock = _held(path)
            if lock is not None:
                try:
                    path.rmdir()
                finally:
                    os.close(lock)


def _held(path: Path) -> int | None:
    """Lock a directory and return the descriptor that holds it; None if it is gone or another's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(descriptor)
        if found.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
