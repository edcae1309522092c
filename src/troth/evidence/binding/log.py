# SPDX-License-Identifier: Apache-2.0
"""The log of a namespace: a chain over entries, and the part that is shown (BINDING 4.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from troth.errors import DeniedError, MalformedError
from troth.evidence.binding import _check
from troth.wire import cbor

__all__ = [
    "LOG_ENTRY_MAX_BYTES",
    "LOG_PART_MAX_BYTES",
    "LOG_PART_MAX_ENTRIES",
    "LogHead",
    "LogPart",
]

LOG_ENTRY_MAX_BYTES: Final = 65_536
LOG_PART_MAX_BYTES: Final = 16 << 20  # a bundle is no larger
LOG_PART_MAX_ENTRIES: Final = 131_072  # ours, on what is read: ask again from where it ends

_EMPTY: Final = b"troth/log/v1\0"
_NEXT: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class LogHead:
    """How many entries a log has, and the head of the chain over them.

    Attributes:
        count: number of entries.
        head: 32 bytes.
        value: the CBOR array, for encoding; not to be changed.
    """

    count: int
    head: bytes
    value: list[object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            MalformedError: `binding.type`, `binding.range`.
        """
        count = _check.unsigned(self.count, 0, _check.MAX_UINT, "log count")
        head = _check.exact_bytes(self.head, _check.HASH32, "log head")
        object.__setattr__(self, "value", [count, head])

    @classmethod
    def empty(cls, namespace_id: bytes) -> Self:
        """Return the head of a log without entries: each namespace has another."""
        return cls(0, hashlib.sha256(_EMPTY + namespace_id).digest())

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded array says.

        Raises:
            MalformedError: `binding.…`.
        """
        count, head = _check.items(value, 2, "log head")
        return cls(count, head)

    def append(self, *entries: bytes) -> Self:
        """Return the head behind further entries.

        Raises:
            MalformedError: `binding.range`, an entry is empty or too long.
        """
        head = self.head
        for entry in entries:
            _check.some_bytes(entry, 1, LOG_ENTRY_MAX_BYTES, "log entry")
            head = hashlib.sha256(_NEXT + head + hashlib.sha256(entry).digest()).digest()
        return type(self)(self.count + len(entries), head)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """Entries of a log that its owner shows.

    Attributes:
        start: index of the first entry given; the head before it is for the verifier to know.
        entries: 1 to 65,536 bytes each.
        encoded: the part's bytes.
    """

    start: int
    entries: tuple[bytes, ...]
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode.

        Raises:
            MalformedError: `binding.…`.
        """
        start = _check.unsigned(self.start, 0, _check.MAX_UINT, "log start")
        for entry in self.entries:
            _check.some_bytes(entry, 1, LOG_ENTRY_MAX_BYTES, "log entry")
        object.__setattr__(self, "encoded", cbor.encode([start, self.entries]))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a log part.

        Raises:
            MalformedError: `cbor.…` or `binding.…`.
        """
        most = LOG_PART_MAX_ENTRIES + 3  # the entries, the array of them, the start, the whole
        value = cbor.decode(data, max_bytes=LOG_PART_MAX_BYTES, max_items=most, text_keys=True)
        start, entries = _check.items(value, 2, "log part")
        if type(entries) is not list:
            raise MalformedError("binding.type", "log entries are an array")
        return cls(start=start, entries=tuple(entries))

    def check(self, before: LogHead, stated: LogHead) -> None:
        """Return if the entries lead from one head to another (BINDING 4.9, step 12).

        Args:
            before: the head that the verifier knows, or the empty one.
            stated: the head in the statement.

        Raises:
            DeniedError: `binding.log`, they do not, or begin elsewhere.
        """
        if self.start != before.count:
            detail = f"entries from {self.start}, known are {before.count}"
            raise DeniedError("binding.log", detail)
        if before.append(*self.entries) != stated:
            raise DeniedError("binding.log", "the entries do not chain to the stated head")
