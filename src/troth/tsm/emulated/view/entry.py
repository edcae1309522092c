# SPDX-License-Identifier: Apache-2.0
"""One report entry: what was written to it, its two generations, its blobs, and its life.

It is changed under the lock of its `Tsm` alone; only its life has a lock of its own.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.attributes import ATTRIBUTES, Attribute
from troth.tsm.emulated.view.provider import Blobs, Request

__all__ = ["Entry", "Life"]

_WORD: Final = 2**64
_NO_BLOBS: Final = Blobs(outblob=None)


class Life:
    """Whether an entry is still there: its end waits for what is being done with it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._users = 0
        self._is_over = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the entry for the length of a block.

        Raises:
            OSError: ENOENT, it was removed.
        """
        with self._changed:
            if self._is_over:
                raise refusal(errno.ENOENT)
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """End it: who comes from now on is refused, and who is there is waited for."""
        with self._changed:
            self._is_over = True
            self._changed.wait_for(lambda: self._users == 0)


@dataclass(slots=True, kw_only=True)
class Entry:
    """The state of one directory below `report`.

    Attributes:
        attributes: what it shows, settled when it was made.
        request: what its next report is asked with; an empty inblob asks for none.
        written: the generation that is shown, the count of accepted writes.
        made: the generation of the blobs.
        blobs: of the last report that was made; nothing is left of it once the next one is begun.
        life: whether it is there.
    """

    attributes: tuple[Attribute, ...]
    request: Request = field(default_factory=lambda: Request(inblob=b""))
    written: int = 0
    made: int = 0
    blobs: Blobs = _NO_BLOBS
    life: Life = field(default_factory=Life)

    @classmethod
    def showing(cls, names: frozenset[str]) -> Entry:
        """Return a new entry with some attributes."""
        return cls(attributes=tuple(one for one in ATTRIBUTES.values() if one.name in names))

    def advance(self) -> None:
        """Count a write.

        Raises:
            OSError: EBUSY, one more and the blobs would pass for current again.
        """
        if self.written == (self.made - 1) % _WORD:
            raise refusal(errno.EBUSY)
        self.written = (self.written + 1) % _WORD

    @property
    def is_current(self) -> bool:
        """Whether the blobs answer what was written last."""
        return self.blobs.outblob is not None and self.made == self.written

    def forget(self) -> None:
        """Drop the blobs, because others are being made."""
        self.blobs = _NO_BLOBS

    def keep(self, blobs: Blobs) -> None:
        """Take blobs that were made for what was written last."""
        self.blobs = blobs
        self.made = self.written

    def ask(self, **changes: object) -> None:
        """Change what the next report is asked with."""
        self.request = replace(self.request, **changes)  # type: ignore[arg-type]  # by field name
