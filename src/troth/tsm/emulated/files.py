# SPDX-License-Identifier: Apache-2.0
"""The files of a software TEE: whole or as they were, private where they are keys, held by one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from troth.errors import DriverError
from troth.wire import json

__all__ = [
    "FILE_MAX_BYTES",
    "PRIVATE",
    "PRIVATE_DIRECTORY",
    "PUBLIC",
    "held",
    "kind_in",
    "new_directory",
    "read_whole",
    "write_whole",
]

_STATE: Final = "tee.json"
FILE_MAX_BYTES: Final = 1024 * 1024
PUBLIC: Final = 0o644
PRIVATE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700


def new_directory(directory: Path) -> None:
    """Make a directory, or take one that is empty.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be made.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty")


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold a directory, alone; whoever else wants it waits.

    Raises:
        DriverError: `tsm.state`, there is none.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DriverError("tsm.state", str(error)) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class _Kind(msgspec.Struct, frozen=True):
    """What is read of `tee.json` to know who reads the rest."""

    kind: str


def kind_in(directory: Path) -> str:
    """Return which kind of software TEE a directory holds, by the word in its `tee.json`.

    Raises:
        OSError: it cannot be read, or there is none.
        ValueError: it is too large.
        MalformedError: `json.*`.
    """
    state = read_whole(directory / _STATE)
    return json.decode(state, _Kind, max_bytes=FILE_MAX_BYTES).kind


def read_whole(path: Path) -> bytes:
    """Return the content of a file of at most 1 MiB.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger.
    """
    with path.open("rb") as file:
        data = file.read(FILE_MAX_BYTES + 1)
    if len(data) > FILE_MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {FILE_MAX_BYTES} bytes")
    return data


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file in place, or leave what was there.

    The file gets its mode before its content; it is on the disk before it gets its name, and the
    name is on the disk when this returns.

    Raises:
        OSError: it cannot be written.
    """
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
