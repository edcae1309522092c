# SPDX-License-Identifier: Apache-2.0
"""Models, that of a scripted provider among them, and their files: no FUSE."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.view.scripted import Parameters, Scripted
from troth.tsm.emulated.view.handles import Handle
from troth.tsm.emulated.view.provider import KERNELS
from troth.tsm.emulated.view.tree import REPORT, Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["NONCE", "OTHER", "Files", "Model"]

NONCE: Final = bytes(range(64))
OTHER: Final = bytes(range(64, 128))
_ALL: Final = 1 << 30


class Files:
    """The files of a tree, opened as a caller opens them."""

    def __init__(self, tree: Tree) -> None:
        """Take the tree."""
        self.tree = tree

    def make(self, name: str = "x") -> str:
        """Make an entry and return its path."""
        path = f"{REPORT}/{name}"
        self.tree.make_directory(path)
        return path

    @contextmanager
    def opened(self, path: str, flags: int = os.O_RDONLY) -> Iterator[Handle]:
        """Open a file, and close it at the end."""
        handle = self.tree.open(path, flags)
        try:
            yield handle
        finally:
            handle.close()

    def read(self, path: str) -> bytes:
        """Read a whole file."""
        with self.opened(path) as handle:
            return handle.read(_ALL, 0)

    def write(self, path: str, *pieces: bytes) -> None:
        """Write pieces one behind the other through one handle."""
        with self.opened(path, os.O_WRONLY) as handle:
            at = 0
            for piece in pieces:
                at += handle.write(piece, at)

    def generation(self, entry: str) -> int:
        """Return the generation of an entry."""
        return int(self.read(f"{entry}/generation"))


class Model(Files):
    """A tree over a TSM."""

    def __init__(self, kernel: str = "7.3", **parameters: int) -> None:
        """Register a scripted provider with these parameters."""
        self.parameters = Parameters(**parameters)
        self.tsm = Tsm(KERNELS[kernel], Scripted(self.parameters))
        super().__init__(Tree(self.tsm))
