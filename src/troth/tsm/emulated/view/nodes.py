# SPDX-License-Identifier: Apache-2.0
"""What stat() says of the nodes of a tree, and what chmod and chown change of it."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field

from troth.tsm.emulated.view.attributes import Attribute
from troth.tsm.emulated.view.entry import Entry
from troth.tsm.emulated.view.registers import Register

__all__ = [
    "AttributeNode",
    "Directory",
    "EntryNode",
    "Fixed",
    "Link",
    "Node",
    "RegisterNode",
    "Reports",
]


@dataclass(slots=True, kw_only=True)
class Node:
    """Anything that has a path.

    Attributes:
        mode: type and permissions.
        uid: the owner; everything belongs to root, whoever made it.
        gid: the owning group.
        size: what stat() says.
        times_ns: of access and modification.
    """

    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    times_ns: tuple[int, int] = (0, 0)

    @property
    def is_directory(self) -> bool:
        """Whether it can hold others."""
        return stat.S_ISDIR(self.mode)

    def allow(self, permissions: int) -> None:
        """Change the permissions; the type stays."""
        self.mode = stat.S_IFMT(self.mode) | stat.S_IMODE(permissions)


@dataclass(slots=True, kw_only=True)
class Directory(Node):
    """A directory whose content never changes."""

    mode: int = stat.S_IFDIR | 0o755
    children: dict[str, Node] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Reports(Node):
    """The directory of entries, wherever it lies."""

    mode: int = stat.S_IFDIR | 0o755


@dataclass(slots=True, kw_only=True)
class Link(Node):
    """A symbolic link."""

    mode: int = stat.S_IFLNK | 0o777
    target: str


@dataclass(slots=True, kw_only=True)
class Fixed(Node):
    """A file whose bytes never change."""

    data: bytes


@dataclass(slots=True, kw_only=True)
class RegisterNode(Node):
    """The file of a measurement register."""

    register: Register


@dataclass(slots=True, kw_only=True)
class AttributeNode(Node):
    """An attribute of an entry."""

    entry: Entry
    attribute: Attribute


@dataclass(slots=True, kw_only=True)
class EntryNode(Node):
    """The directory of an entry, with its attributes."""

    mode: int = stat.S_IFDIR | 0o755
    entry: Entry
    children: dict[str, AttributeNode]

    @classmethod
    def of(cls, entry: Entry) -> EntryNode:
        """Return the nodes of a new entry."""
        children = {
            one.name: AttributeNode(
                mode=stat.S_IFREG | one.mode, size=one.size, entry=entry, attribute=one
            )
            for one in entry.attributes
        }
        return cls(entry=entry, children=children)
