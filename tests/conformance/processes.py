# SPDX-License-Identifier: Apache-2.0
"""Other processes, users and namespaces, and the system calls that Python 3.11 lacks."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = [
    "USER",
    "as_user",
    "bind",
    "fallocate",
    "in_child",
    "in_user_namespace",
    "map_page",
    "mount",
    "raw_read",
    "raw_write",
    "umount",
    "unshare",
    "wait_for",
]

USER: Final = 1000
CLONE_NEWNS: Final = 0x0002_0000  # linux/sched.h
CLONE_NEWUSER: Final = 0x1000_0000
PR_SET_DUMPABLE: Final = 4  # linux/prctl.h
PROT_READ: Final = 1  # asm-generic/mman-common.h
MAP_SHARED: Final = 1
MS_RDONLY: Final = 1  # linux/mount.h
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.read.restype = ctypes.c_ssize_t
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.write.restype = ctypes.c_ssize_t


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds; a minute without it is a fault of the provider."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.002)


def in_child(call: Callable[[], object]) -> object:
    """Return what a call gives in a forked process; raise its OSError here."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writer, _told(call).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("the child ended without an answer")
    kind, _, text = answer.partition(" ")
    if kind == "errno":
        raise OSError(int(text), os.strerror(int(text)))
    return int(text) if kind == "int" else text


def as_user(call: Callable[[], object], uid: int = USER) -> object:
    """Return what a call gives to another user, without groups or capabilities."""

    def become() -> object:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        return call()

    return in_child(become)


def in_user_namespace(call: Callable[[], object]) -> object:
    """Return what a call gives to the root of a user and mount namespace that a user made."""

    def enter() -> object:
        unshare(CLONE_NEWUSER | CLONE_NEWNS)
        _checked(_LIBC.prctl(PR_SET_DUMPABLE, 1))  # else /proc/self belongs to the old root
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {USER} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {USER} 1", encoding="ascii")
        return call()

    return as_user(enter)


def raw_read(descriptor: int, count: int) -> int:
    """Call read() once and return its result; unlike os.read, EINTR is no reason to call again."""
    return _checked(_LIBC.read(descriptor, ctypes.create_string_buffer(max(count, 1)), count))


def raw_write(descriptor: int, data: bytes) -> int:
    """Call write() once and return its result."""
    return _checked(_LIBC.write(descriptor, data, len(data)))


def fallocate(descriptor: int, length: int) -> None:
    """Ask for space by the system call: posix_fallocate falls back to writing."""
    _checked(_LIBC.fallocate(descriptor, 0, ctypes.c_long(0), ctypes.c_long(length)))


def map_page(descriptor: int) -> None:
    """Map the first bytes of a file for reading; Python's own mmap looks at the size first."""
    address = _LIBC.mmap(None, 64, PROT_READ, MAP_SHARED, descriptor, ctypes.c_long(0))
    if address == ctypes.c_void_p(-1).value:
        _checked(-1)
    _LIBC.munmap(ctypes.c_void_p(address), 64)


def mount(kind: str, target: Path) -> None:
    """Mount a file system that has no device."""
    _checked(_LIBC.mount(kind.encode(), bytes(target), kind.encode(), 0, None))


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """Mount a folder in a second place."""
    _checked(_LIBC.mount(bytes(source), bytes(target), None, MS_BIND, None))
    if read_only:
        flags = MS_BIND | MS_REMOUNT | MS_RDONLY
        _checked(_LIBC.mount(None, bytes(target), None, flags, None))


def umount(target: Path) -> None:
    """Undo a mount."""
    _checked(_LIBC.umount2(bytes(target), 0))


def unshare(flags: int) -> None:
    """Enter new namespaces."""
    _checked(_LIBC.unshare(flags))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _told(call: Callable[[], object]) -> str:
    try:
        result = call()
    except OSError as error:
        return f"errno {error.errno or errno.EIO}"
    if isinstance(result, int):
        return f"int {result}"
    return f"str {'ok' if result is None else result}"
