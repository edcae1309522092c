# SPDX-License-Identifier: Apache-2.0
"""What a verifier remembers of a namespace (BINDING 4.9, step 12)."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, final

import msgspec

__all__ = ["Memory", "NoMemory", "Recollection"]


class Recollection(msgspec.Struct, frozen=True, kw_only=True):
    """What was accepted of one namespace id before.

    Attributes:
        head: the head that was accepted at the same count; None if none was.
        start: the head that was accepted at the count at which a disclosed log begins.
        floor: the highest count that was accepted before the nonce was issued.
    """

    head: bytes | None = None
    start: bytes | None = None
    floor: int = 0


class Memory(Protocol):
    """Counts and heads by namespace id."""

    def recall(
        self, namespace_id: bytes, *, count: int, start: int | None, before: datetime | None
    ) -> Recollection | None:
        """Return what is remembered; None if nobody remembers anything, on purpose.

        Args:
            namespace_id: 16 bytes.
            count: of the statement.
            start: where its disclosed log begins, if there is one.
            before: when the nonce was issued.

        Raises:
            DriverError: the memory cannot be read.
        """
        ...


@final
class NoMemory:
    """Nothing is remembered, on purpose: an offline appraisal sees no forks."""

    def recall(self, *_: object, **__: object) -> None:
        """Return None."""
