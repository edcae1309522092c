# SPDX-License-Identifier: Apache-2.0
"""The few system calls that Python 3.11 has no function for: unshare, mount, umount2, prctl."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

__all__ = [
    "CLONE_NEWNS",
    "CLONE_NEWUSER",
    "MS_BIND",
    "MS_PRIVATE",
    "MS_RDONLY",
    "MS_REC",
    "MS_REMOUNT",
    "die_with_parent",
    "mount",
    "unmount",
    "unshare",
]

# Source: linux/sched.h, linux/mount.h, linux/prctl.h.
CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUSER: Final = 0x1000_0000
MS_RDONLY: Final = 1
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
_MNT_DETACH: Final = 2
_PR_SET_PDEATHSIG: Final = 1

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give this process, which must have one thread, namespaces of its own (see the manual)."""
    _check(_LIBC.unshare(ctypes.c_int(flags)), None)


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0) -> None:
    """Put a file system, or a part of one, at a path (see the manual)."""
    done = _LIBC.mount(
        os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), None
    )
    _check(done, str(target))


def unmount(target: Path) -> None:
    """Take a mount away at once, and its resources once nobody uses it; umount2(2)."""
    _check(_LIBC.umount2(os.fsencode(target), ctypes.c_int(_MNT_DETACH)), str(target))


def die_with_parent(number: int) -> None:
    """Have a signal sent to this process when its parent dies; prctl(2)."""
    _check(_LIBC.prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(number), 0, 0, 0), None)


def _check(result: int, where: str | None) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), where)
