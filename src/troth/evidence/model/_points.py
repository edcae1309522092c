# SPDX-License-Identifier: Apache-2.0
"""A list of points that only grows, so that a value of the past is a list and a length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

_NOT_FOUND: Final = 1 << 62


class Points:
    """Distinct points in the order of first appearance.

    Models share one of these as long as each grows out of the newest one. A model that grows out
    of an older one takes a copy, so that no model ever sees another's points.
    """

    __slots__ = ("_index", "_state")

    def __init__(self, points: Iterable[bytes] = ()) -> None:
        """Take distinct points."""
        # A dict keeps the order of insertion: it is the list, and the index of the list.
        self._index = {point: index for index, point in enumerate(points)}
        self._state: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self._index)

    def place(self, point: bytes) -> int:
        """Return the index of a point; one beyond every length, if it is not here."""
        return self._index.get(point, _NOT_FOUND)

    def first(self, count: int) -> Iterator[bytes]:
        """Yield the first `count` points in their order."""
        return islice(self._index, count)

    def grown(self, count: int, point: bytes) -> Points:
        """Return points whose first `count` are these and whose next is `point`."""
        points = self if count == len(self._index) else Points(self.first(count))
        points.append(point)
        return points

    def append(self, point: bytes) -> None:
        """Take one further point, which is not here yet."""
        self._index[point] = len(self._index)

    def known_state(self, count: int) -> bytes | None:
        """Return the state that was remembered for the first `count` points."""
        known = self._state
        return known[1] if known is not None and known[0] == count else None

    def remember_state(self, count: int, state: bytes) -> None:
        """Remember the state of the first `count` points; the last one only."""
        self._state = (count, state)
