# SPDX-License-Identifier: Apache-2.0
"""The file system that a kernel shows of a TSM, as operations on paths: no FUSE in it.

Paths are those below `/sys`, with a slash in front: `/kernel/config/tsm/report/x/inblob`. Every
refusal is the errno that the kernel gives.

Source: `fs/configfs/dir.c`, `fs/kernfs/`, and what two kernels were seen to do.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Mapping
from typing import Final

from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.handles import FixedReader, Handle, RegisterFile, opened
from troth.tsm.emulated.view.nodes import (
    AttributeNode,
    Directory,
    EntryNode,
    Fixed,
    Link,
    Node,
    RegisterNode,
    Reports,
)
from troth.tsm.emulated.view.registers import REGISTER_BYTES, REGISTERS, Registers
from troth.tsm.emulated.view.tsm import NAME_MAX_BYTES, Tsm

__all__ = ["CLASS", "MEASUREMENTS", "REPORT", "Tree"]

REPORT: Final = "/kernel/config/tsm/report"
CLASS: Final = "/class/misc/tdx_guest"
_DEVICE: Final = "/devices/virtual/misc/tdx_guest"
MEASUREMENTS: Final = f"{_DEVICE}/measurements"


class Tree:
    """Everything below the mount point. Safe for use by several threads."""

    def __init__(
        self,
        tsm: Tsm,
        *,
        registers: Registers | None = None,
        firmware: Mapping[str, bytes] | None = None,
    ) -> None:
        """Put a tree together.

        Args:
            tsm: whose entries it shows.
            registers: those of the TSM, if its kernel shows them.
            firmware: files that firmware left, by path; root alone may read them.
        """
        self._tsm = tsm
        self._registers = registers
        self._root = Directory()
        self._lock = threading.Lock()  # what chmod, chown and utimens change; the table below
        self._entries: dict[str, EntryNode] = {}
        self.parts: list[str] = []  # the paths at which something of the TSM lies
        self._place(REPORT, Reports())
        if registers is not None:
            self._place(CLASS, Link(target=f"../..{_DEVICE}"))
            for one in REGISTERS:
                node = RegisterNode(mode=stat.S_IFREG | one.mode, size=REGISTER_BYTES, register=one)
                self._place(f"{MEASUREMENTS}/{one.name}", node)
        for path, data in (firmware or {}).items():
            self._place(path, Fixed(mode=stat.S_IFREG | 0o400, size=len(data), data=data))

    def node(self, path: str) -> Node:
        """Return what lies at a path.

        Raises:
            OSError: ENOENT, ENOTDIR, ENAMETOOLONG.
        """
        at: Node = self._root
        for name in path.split("/"):
            if name:
                at = self._child(at, name)
        return at

    def names(self, node: Node) -> tuple[str, ...]:
        """Return what a directory holds.

        Raises:
            OSError: ENOTDIR.
        """
        if isinstance(node, Reports):
            return self._tsm.names
        if isinstance(node, Directory | EntryNode):
            return tuple(node.children)
        raise refusal(errno.ENOTDIR)

    def links(self, node: Node) -> int:
        """Return how many links a node has: a directory two, and one for each below it."""
        if not node.is_directory:
            return 1
        if isinstance(node, Reports):
            return 2 + len(self._tsm.names)
        children = node.children.values() if isinstance(node, Directory) else ()
        return 2 + sum(one.is_directory for one in children)

    def make_directory(self, path: str) -> None:
        """Make an entry; nowhere else can a directory be made. Its mode is the kernel's choice.

        Raises:
            OSError: EPERM, not there; EEXIST; ENXIO, no provider; ENAMETOOLONG.
        """
        parent, name = _split(path)
        if not isinstance(self.node(parent), Reports):
            raise refusal(errno.EPERM)
        self._tsm.make(name)

    def remove_directory(self, path: str) -> None:
        """Remove an entry with all that it holds; no other directory can be removed.

        Raises:
            OSError: ENOTDIR, EPERM, ENOENT.
        """
        node = self.node(path)
        if not node.is_directory:
            raise refusal(errno.ENOTDIR)
        if not isinstance(node, EntryNode):
            raise refusal(errno.EPERM)
        name = _split(path)[1]
        self._tsm.remove(name)
        with self._lock:
            if self._entries.get(name) is node:
                del self._entries[name]

    def make_file(self, path: str, mode: int) -> None:
        """Refuse to make a file: EACCES for a regular one, EPERM for another."""
        self.node(_split(path)[0])
        raise refusal(errno.EACCES if stat.S_ISREG(mode) else errno.EPERM)

    def open(self, path: str, flags: int) -> Handle:
        """Open a file.

        The mode alone does not decide: without a method the direction is refused to root too.

        Raises:
            OSError: EACCES, it is not read or not written; EINVAL, O_DIRECT; EISDIR; as `node`.
        """
        node = self.node(path)
        accessed = flags & os.O_ACCMODE
        wants = (accessed != os.O_WRONLY, accessed != os.O_RDONLY)
        if isinstance(node, AttributeNode):
            if wants != (node.attribute.is_readable, not node.attribute.is_readable):
                raise refusal(errno.EACCES)
            handle = opened(self._tsm, node.entry, node.attribute)
        elif isinstance(node, RegisterNode) and self._registers is not None:
            if wants[1] and node.register.rtmr is None:
                raise refusal(errno.EACCES)
            handle = RegisterFile(self._registers, node.register)
        elif isinstance(node, Fixed):
            if wants[1]:
                raise refusal(errno.EACCES)
            handle = FixedReader(node.data)
        else:
            raise refusal(errno.EISDIR)
        if flags & os.O_DIRECT:
            raise refusal(errno.EINVAL)
        return handle

    def _child(self, parent: Node, name: str) -> Node:
        if len(name.encode(errors="surrogateescape")) > NAME_MAX_BYTES:
            raise refusal(errno.ENAMETOOLONG)
        if isinstance(parent, Reports):
            return self._entry_node(name)
        if not isinstance(parent, Directory | EntryNode):
            raise refusal(errno.ENOTDIR)
        found = parent.children.get(name)
        if found is None:
            raise refusal(errno.ENOENT)
        return found

    def _entry_node(self, name: str) -> EntryNode:
        entry = self._tsm.entry(name)
        with self._lock:
            found = self._entries.get(name)
            if found is None or found.entry is not entry:
                found = self._entries[name] = EntryNode.of(entry)
            return found

    def _place(self, path: str, node: Node) -> None:
        *parents, name = path.strip("/").split("/")
        at = self._root
        for parent in parents:
            below = at.children.setdefault(parent, Directory())
            if not isinstance(below, Directory):
                raise TypeError(f"{parent} of {path} is no directory")
            at = below
        at.children[name] = node
        self.parts.append(path)


def _split(path: str) -> tuple[str, str]:
    """Return the path of the parent and the last name; names may hold anything but a slash."""
    parent, _, name = path.rpartition("/")
    return parent, name
