# SPDX-License-Identifier: Apache-2.0
"""A bounded reader: it never runs past the end, and the end is checked."""

from __future__ import annotations

from troth.errors import MalformedError

__all__ = ["Reader"]


class Reader:
    """Take fields off the front of one byte string."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, *, start: int = 0, end: int | None = None) -> None:
        """Read `data[start:end]`; offsets in `at` count from the start of `data`."""
        self._data = data
        self._at = start
        self._end = len(data) if end is None else end

    @property
    def at(self) -> int:
        """Offset of the next unread byte."""
        return self._at

    @property
    def left(self) -> int:
        """Number of unread bytes."""
        return self._end - self._at

    def take(self, size: int, field: str) -> bytes:
        """Return the next `size` bytes; `field` names them in the error.

        Raises:
            MalformedError: `wire.truncated`, fewer than `size` bytes are left.
        """
        end = self._at + size
        if size < 0 or end > self._end:
            raise MalformedError(
                "wire.truncated", f"{field}: {size} bytes wanted, {self.left} left"
            )
        chunk = self._data[self._at : end]
        self._at = end
        return chunk

    def little(self, size: int, field: str) -> int:
        """Return the next `size` bytes as an unsigned little-endian integer."""
        return int.from_bytes(self.take(size, field), "little")

    def big(self, size: int, field: str) -> int:
        """Return the next `size` bytes as an unsigned big-endian integer."""
        return int.from_bytes(self.take(size, field), "big")

    def finish(self, code: str, what: str) -> None:
        """Demand that nothing is left.

        Raises:
            MalformedError: `code`, there are unread bytes in `what`.
        """
        if self._at != self._end:
            raise MalformedError(code, f"{self.left} bytes left over in {what}")
