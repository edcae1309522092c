# SPDX-License-Identifier: Apache-2.0
"""What a service manager and its services say to each other: readiness, and descriptors to keep.

See sd_notify(3), sd_listen_fds(3), sd_pid_notify_with_fds(3). Without a manager, `READY` on
standard output is all there is.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import sys
from typing import Final

__all__ = ["handed_over", "keep", "ready"]

_FIRST_FD: Final = 3


def ready() -> None:
    """Say that the service accepts callers."""
    print("READY", flush=True)  # noqa: T201 - who starts a program by hand waits for this line
    _notify(b"READY=1")


def keep(descriptor: int, name: str) -> None:
    """Ask the service manager to hold a descriptor and to hand it over after a restart."""
    _notify(f"FDSTORE=1\nFDNAME={name}".encode(), descriptor)


def handed_over(name: str) -> int | None:
    """Return the descriptor that was handed over under a name; None if there is none.

    The descriptor is made to be closed on exec.
    """
    for_whom = os.environ.get("LISTEN_PID")
    if for_whom is not None and for_whom != str(os.getpid()):
        return None
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    if os.environ.get("LISTEN_FDS", "0") != str(len(names)):
        return None
    for number, one in enumerate(names, _FIRST_FD):
        if one == name:
            with contextlib.suppress(OSError):
                os.set_inheritable(number, False)  # noqa: FBT003 - it takes no keyword
                return number
    return None


def _notify(message: bytes, descriptor: int | None = None) -> None:
    """Send a message to the manager; without one, or deaf, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    rights = []
    if descriptor is not None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendmsg([message], rights, 0, target)
        except OSError as error:
            print(f"NOTIFY_SOCKET: {error.strerror}", file=sys.stderr)  # noqa: T201 - as above
