# SPDX-License-Identifier: Apache-2.0
"""A door as a fuzzer sees it: bytes from strangers go in, a value or one of our errors comes out.

A door has several ways in, since one kind of evidence has many parsers. The first byte of an input
chooses the way and the rest is given to it, so that one corpus serves them all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from troth.errors import TrothError

__all__ = ["Door", "Way", "mangled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way through a door.

    Attributes:
        name: what it is called.
        parse: what is given the bytes.
        seeds: inputs that it takes, at least one.
        holds: what must be true of every value and the bytes that it was read from.
    """

    name: str
    parse: Callable[[bytes], Any]
    seeds: tuple[bytes, ...]
    holds: Callable[[Any, bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door: its ways, and the modules behind it whose branches are counted."""

    name: str
    ways: tuple[Way, ...]
    modules: tuple[str, ...]

    def seeds(self) -> Iterator[bytes]:
        """Yield the inputs to begin with."""
        for number, way in enumerate(self.ways):
            yield from (bytes((number,)) + one for one in way.seeds)

    def enter(self, data: bytes) -> bool:
        """Give an input to its way; say whether it was taken.

        Raises:
            AssertionError: something that must be true of what was read is not.
            Exception: whatever but a `TrothError` the way raised: a bug.
        """
        if not data:
            return False
        way = self.ways[data[0] % len(self.ways)]
        rest = data[1:]
        try:
            value = way.parse(rest)
        except TrothError:
            return False
        if not way.holds(value, rest):
            message = f"{self.name}, {way.name}: {len(rest)} bytes came back otherwise"
            raise AssertionError(message)
        return True


def mangled(seed: bytes, count: int) -> Iterator[bytes]:
    """Yield `count` inputs near a seed: bytes changed, cut out, doubled, lengths made large."""
    chance = random.Random(len(seed))  # noqa: S311 - of a fixed seed: the same in every run
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(1, max(1, len(data) - 1))  # the first byte chooses the way
            size = chance.choice((1, 2, 4, 8, 64))
            match chance.randint(0, 4):
                case 0:
                    data[at : at + 1] = bytes((chance.randint(0, 255),))
                case 1:
                    del data[at : at + size]
                case 2:
                    data[at:at] = data[at : at + size]
                case 3:
                    data[at : at + size] = chance.choice((b"\0", b"\xff")) * size
                case _:
                    data[at : at + 1] = (
                        bytes((data[at] ^ 1 << chance.randint(0, 7),)) if at < len(data) else b""
                    )
        yield bytes(data)
