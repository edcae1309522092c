# SPDX-License-Identifier: Apache-2.0
"""The tree as a FUSE file system: a thin translation, all that decides is in the model.

State belongs to open files and never to paths: an entry can be removed while its files are open,
and libfuse then has no path for them. What libfuse or the kernel answers without asking us, and
what that leaves different from configfs, stands in `docs/conformance/configfs-tsm.md`.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from troth.errors import DriverError
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.handles import Handle
from troth.tsm.emulated.view.nodes import Link, Node
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import NAME_MAX_BYTES

__all__ = ["serve"]

_THREADS: Final = 512  # each caller that waits for the lock of reports holds one
_IDLE_THREADS: Final = 16
_THREADS_SINCE: Final = (3, 12)  # the libfuse that limits them to ten unless told
_ENDED_BY_SIGNAL: Final = 8  # what libfuse's fuse_main() gives then
_BLOCK_BYTES: Final = 4096


def serve(tree: Tree, mount_point: Path, *, ready: Callable[[], None], everybody: bool) -> None:
    """Mount a tree and serve it until it is unmounted, or SIGINT, SIGTERM or SIGHUP comes.

    Args:
        tree: what is shown.
        mount_point: an empty directory.
        ready: called once, on another thread, when the tree can be used.
        everybody: whether other users may look at it too; root alone may say so.

    Raises:
        DriverError: `tsm.view`, there is no FUSE here, or not for this user, or mounting failed;
            libfuse said why on standard error.
    """
    fuse = _library()
    _demand_device(Path("/dev/fuse"))
    options: dict[str, Any] = {}
    if fuse.version >= _THREADS_SINCE:
        options = {"max_threads": _THREADS, "max_idle_threads": _IDLE_THREADS}
    try:
        fuse.start(
            _Operations(tree, ready),
            str(mount_point),
            foreground=True,
            fsname="troth",
            subtype="tsm",
            direct_io=True,
            default_permissions=True,
            allow_other=everybody,
            attr_timeout=0,
            entry_timeout=0,
            **options,
        )
    except RuntimeError as error:
        if error.args == (_ENDED_BY_SIGNAL,):
            return
        raise DriverError("tsm.view", f"mounting at {mount_point} failed ({error})") from None


class _Fuse:
    """What is used of mfusepy."""

    def __init__(self, start: Callable[..., object], version: tuple[int, int]) -> None:
        self.start = start
        self.version = version


def _library() -> _Fuse:
    """Load libfuse 3; mfusepy would prefer version 2 where both are installed."""
    os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")
    try:
        # Here and not above: it loads libfuse, which nothing else needs; and it has no types.
        library: Any = import_module("mfusepy")
    except ImportError:
        raise DriverError("tsm.view", "install troth[emulate] for mfusepy") from None
    except (AttributeError, OSError) as error:
        raise DriverError("tsm.view", f"{error}; install fuse3") from None
    return _Fuse(library.FUSE, (library.fuse_version_major, library.fuse_version_minor))


def _demand_device(device: Path) -> None:
    try:
        mode = stat.S_IMODE(device.stat().st_mode)
    except OSError as error:
        raise DriverError("tsm.view", f"{device}: {error.strerror}; modprobe fuse") from None
    if not os.access(device, os.R_OK | os.W_OK):
        raise DriverError(
            "tsm.view",
            f"{device} has mode {mode:04o} and is not for this user; as root: chmod 0666 {device}",
        )


class _OpenFile:
    """A handle, its node, and the position of a file that is opened to append.

    The FUSE client of the kernel appends at the size that it believes in; configfs and sysfs
    begin at 0 all the same.
    """

    def __init__(self, handle: Handle, node: Node, *, appends: bool) -> None:
        self.handle = handle
        self.node = node
        self._appends = appends
        self._at = 0  # of one that appends

    def write(self, data: bytes, offset: int) -> int:
        done = self.handle.write(data, self._at if self._appends else offset)
        self._at += done
        return done


@dataclass(frozen=True, slots=True)
class _OpenDirectory:
    """What a directory held when it was opened."""

    names: tuple[str, ...]


class _Operations:
    """The callbacks, in mfusepy's form: an OSError's errno is the answer."""

    use_ns = True
    flag_nopath = True  # with the next: libfuse makes no paths for what has a handle
    flag_nullpath_ok = True

    def __init__(self, tree: Tree, ready: Callable[[], None]) -> None:
        self._tree = tree
        self._ready = ready
        self._files: dict[int, _OpenFile] = {}
        self._directories: dict[int, _OpenDirectory] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()  # owners, modes and times of nodes

    def init(self, _path: str) -> None:
        self._ready()

    # --- names --------------------------------------------------------------------------------

    def getattr(self, path: str | None, number: int | None = None) -> Mapping[str, int]:
        node = self._node(path, number)
        access, modification = node.times_ns
        return {
            "st_mode": node.mode,
            "st_nlink": self._tree.links(node),
            "st_uid": node.uid,
            "st_gid": node.gid,
            "st_size": node.size,
            "st_blksize": _BLOCK_BYTES,
            "st_atime": access,
            "st_mtime": modification,
            "st_ctime": modification,
        }

    def opendir(self, path: str) -> int:
        number = next(self._numbers)
        self._directories[number] = _OpenDirectory(self._tree.names(self._tree.node(path)))
        return number

    def readdir(self, _path: str | None, number: int) -> Iterator[str]:
        return itertools.chain((".", ".."), self._directories[number].names)

    def releasedir(self, _path: str | None, number: int) -> None:
        del self._directories[number]

    def readlink(self, path: str) -> str:
        node = self._tree.node(path)
        if not isinstance(node, Link):
            raise refusal(errno.EINVAL)
        return node.target

    def mkdir(self, path: str, _mode: int) -> None:
        self._tree.make_directory(path)

    def rmdir(self, path: str) -> None:
        self._tree.remove_directory(path)

    def create(self, path: str, _mode: int) -> int:
        self._tree.make_file(path, stat.S_IFREG)
        raise refusal(errno.EACCES)

    def mknod(self, path: str, mode: int, _device: int) -> None:
        self._tree.make_file(path, mode)

    def unlink(self, _path: str) -> None:
        raise refusal(errno.EPERM)

    def symlink(self, _target: str, _source: str) -> None:
        raise refusal(errno.EPERM)

    def link(self, _target: str, _source: str) -> None:
        raise refusal(errno.EPERM)

    def rename(self, _old: str, _new: str) -> None:
        raise refusal(errno.EPERM)

    # --- modes, owners, times: kept for the life of a node --------------------------------------

    def chmod(self, path: str | None, mode: int) -> None:
        with self._lock:
            self._node(path).allow(mode)

    def chown(self, path: str | None, uid: int, gid: int) -> None:
        node = self._node(path)
        with self._lock:
            node.uid = node.uid if uid == -1 else uid
            node.gid = node.gid if gid == -1 else gid

    def utimens(self, path: str | None, times: tuple[int, int] | None = None) -> None:
        node = self._node(path)
        with self._lock:
            node.times_ns = times or node.times_ns

    def truncate(self, _path: str | None, _length: int, _number: int | None = None) -> None:
        return  # accepted, without effect

    # --- open files -----------------------------------------------------------------------------

    def open(self, path: str, flags: int) -> int:
        handle = self._tree.open(path, flags)
        node = self._tree.node(path)
        number = next(self._numbers)
        self._files[number] = _OpenFile(handle, node, appends=bool(flags & os.O_APPEND))
        return number

    def read(self, _path: str | None, size: int, offset: int, number: int) -> bytes:
        return self._files[number].handle.read(size, offset)

    def write(self, _path: str | None, data: bytes, offset: int, number: int) -> int:
        return self._files[number].write(data, offset)

    def flush(self, _path: str | None, number: int) -> None:
        self._files[number].handle.close()

    def release(self, _path: str | None, number: int) -> None:
        self._files.pop(number).handle.close()

    def fsync(self, _path: str | None, _datasync: int, _number: int) -> None:
        raise refusal(errno.EINVAL)

    def statfs(self, _path: str) -> Mapping[str, int]:
        return {"f_bsize": _BLOCK_BYTES, "f_frsize": _BLOCK_BYTES, "f_namemax": NAME_MAX_BYTES}

    def _node(self, path: str | None, number: int | None = None) -> Node:
        if path is not None:
            return self._tree.node(path)
        if number is None:
            raise refusal(errno.ENOENT)
        return self._files[number].node
