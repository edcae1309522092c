# SPDX-License-Identifier: Apache-2.0
"""Memory of ours that a request names by its address: whole pages, of nobody else's."""

from __future__ import annotations

import ctypes
import mmap
from types import TracebackType
from typing import Self

__all__ = ["Shared"]


class Shared:
    """A buffer that begins on a page and stays where it is while the block is held."""

    def __init__(self, size: int) -> None:
        """Take zeroed memory.

        Args:
            size: in bytes, at least 1.
        """
        self._size = size
        self._pages = mmap.mmap(-1, size)
        self._pin = ctypes.c_char.from_buffer(self._pages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._pin
        self._pages.close()

    @property
    def address(self) -> int:
        """Where it begins."""
        return ctypes.addressof(self._pin)

    def write(self, data: bytes) -> None:
        """Put bytes at its front."""
        self._pages[: len(data)] = data

    def read(self) -> bytes:
        """Return all of its bytes."""
        return self._pages[: self._size]
