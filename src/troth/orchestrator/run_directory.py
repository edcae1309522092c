# SPDX-License-Identifier: Apache-2.0
"""The run directory: made, locked, and the sockets in it bound, each for its group alone."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from pathlib import Path
from typing import Final

from troth.errors import UsageError
from troth.infra.sockets import bind_unix

__all__ = ["admin_socket", "lock_file", "make_run_directory", "namespace_socket"]

_PRIVATE: Final = 0o700
_RUN_MODE: Final = 0o755  # who may enter a namespace's directory is said there
_NAMESPACE_MODE: Final = 0o750


def make_run_directory(path: str) -> Path:
    """Return the run directory, made if need be.

    Raises:
        UsageError: `usage.file`.
    """
    run = Path(path)
    try:
        run.mkdir(_RUN_MODE, parents=True, exist_ok=True)
        (run / "ns").mkdir(_RUN_MODE, exist_ok=True)
    except OSError as error:
        raise UsageError("usage.file", f"{run}: {error.strerror}") from None
    return run


def lock_file(path: Path) -> int:
    """Return a descriptor that holds a lock while it is open.

    Raises:
        UsageError: `usage.running`, another process holds it; `usage.file`.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError("usage.running", f"{path} is held by another trothd") from None
    return handle


def namespace_socket(directory: Path, group: str | None) -> socket.socket:
    """Bind a namespace's socket in a directory of its own, which only its group may enter.

    Raises:
        UsageError: `usage.file`, `usage.socket`.
    """
    path = directory / "troth.sock"
    try:
        directory.mkdir(_NAMESPACE_MODE, parents=True, exist_ok=True)
        directory.chmod(_NAMESPACE_MODE)
        if group is not None:
            shutil.chown(directory, group=group)
        listening = bind_unix(path)
    except (OSError, LookupError) as error:
        raise UsageError("usage.file", f"{directory}: {error}") from None
    try:
        if group is not None:
            shutil.chown(path, group=group)
    except (OSError, LookupError) as error:
        listening.close()
        path.unlink(missing_ok=True)
        raise UsageError("usage.file", f"{path}: {error}") from None
    return listening


def admin_socket(path: str) -> socket.socket:
    """Bind the administrator's socket, in a directory that is made if need be.

    Raises:
        UsageError: `usage.file`, `usage.socket`.
    """
    try:
        Path(path).parent.mkdir(_PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None
    return bind_unix(Path(path))
