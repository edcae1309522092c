# SPDX-License-Identifier: Apache-2.0
"""Reading files that somebody named: bounded, and with errors that say what to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from troth.errors import UsageError

__all__ = ["files_in", "read_bounded", "write_new"]


def read_bounded(path: str, most: int) -> bytes:
    """Return the contents of a file, or of standard input for `-`.

    Args:
        path: as given by the user.
        most: how many bytes a caller takes; one more is read, so that it can tell.

    Raises:
        UsageError: `usage.file`.
    """
    try:
        if path == "-":
            return _standard_input(most + 1)
        with Path(path).open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None


def files_in(directory: str, endings: tuple[str, ...]) -> list[str]:
    """Return the regular files of a directory with such names; a pipe would make us wait.

    Raises:
        UsageError: `usage.file`.
    """
    try:
        with os.scandir(directory) as entries:
            return sorted(
                one.path for one in entries if one.name.endswith(endings) and one.is_file()
            )
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None


def write_new(path: str, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file that must not exist yet.

    Args:
        path: as given by the user.
        data: all of it.
        mode: permissions, less what the umask takes away.

    Raises:
        UsageError: `usage.file`.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None


def _standard_input(most: int) -> bytes:
    if sys.stdin is None:
        raise UsageError("usage.file", "-: standard input is closed")
    return sys.stdin.buffer.read(most)
