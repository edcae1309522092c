# SPDX-License-Identifier: Apache-2.0
"""Delegated statements: keys that are named in epochs, and the anchors that date them.

A key is replaced every few minutes and erased when every anchor that rests on it is too old, so
that a key stolen later signs for no earlier anchor (BINDING 4.5, 4.7). Both come with time, and not
with the next epoch: while nobody asks there soon is no key at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import StaleError
from troth.evidence.binding import ProvenStatement, RootStatement, SignedEpoch, TsmReport
from troth.infra.log import Event

__all__ = ["Anchor", "Anchors", "Reported", "StatementKey", "StatementKeys"]

_MOST_ANCHORS: Final = 16  # for each namespace: one for each audience
_SHORTEST_S: Final = 1.0  # between two looks at the keys; one that is due signs nothing meanwhile

_log = structlog.get_logger()


class StatementKey:
    """A key for delegated statements, until it is erased."""

    __slots__ = ("_clock", "_keep_s", "_private", "made_at", "named_at", "public")

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        """Make a key.

        Args:
            keep_s: how long after the last epoch that named it it signs, and no longer.
            clock: monotonic, in seconds.
        """
        private = PrivateKey.generate()
        self._private: PrivateKey | None = private
        self._keep_s = keep_s
        self._clock = clock
        self.public = CoseKey.from_p256(private.public)
        self.made_at = clock()
        self.named_at = self.made_at  # when the last epoch that names it was made

    @property
    def private(self) -> PrivateKey:
        """The key.

        Raises:
            StaleError: `evidence.anchor-missing`, it was erased, or is to be.
        """
        if self._private is None or self.left_s < 0:
            self.erase()
            raise StaleError("evidence.anchor-missing", "its key was erased; ask fresh")
        return self._private

    @property
    def left_s(self) -> float:
        """How long it still signs; negative when it is to be erased."""
        return self.named_at + self._keep_s - self._clock()

    @property
    def is_erased(self) -> bool:
        """Whether the private half is gone."""
        return self._private is None

    def erase(self) -> None:
        """Let go of the private half; Python cannot promise that no copy is left in memory."""
        self._private = None


class StatementKeys:
    """The current key, where there is one, and those that an anchor may still rest on."""

    def __init__(self, period_s: float, keep_s: float, clock: Callable[[], float]) -> None:
        """Start with none: the first epoch makes one.

        Args:
            period_s: after which no epoch names a key any more; the next one makes another.
            keep_s: how long after the last epoch that named it a key is kept.
            clock: monotonic, in seconds.
        """
        self._period_s = period_s
        self._keep_s = keep_s
        self._clock = clock
        self._old: list[StatementKey] = []
        self._current: StatementKey | None = None

    def for_epoch(self) -> StatementKey:
        """Return the key that an epoch made now names."""
        self.sweep()
        if self._current is None:
            self._current = StatementKey(self._keep_s, self._clock)
            _log.info(Event.STATEMENT_KEY)
        self._current.named_at = self._clock()
        return self._current

    def renew(self) -> None:
        """Erase every key, the current one too: a copy of this TVM has them."""
        for key in self._all():
            key.erase()
        self._old, self._current = [], None

    def sweep(self) -> float:
        """Erase the keys that no valid anchor rests on any more.

        The current key is among them when its period is over, or nothing rests on it any more:
        no further epoch names it.

        Returns:
            After how many seconds there will be something to do at the latest; a second at least.
        """
        current = self._current
        if current is not None:
            is_past = self._clock() - current.made_at >= self._period_s
            if is_past or current.left_s < 0:
                self._old.append(current)
                self._current = None
        for key in self._old:
            if key.left_s < 0:
                key.erase()
        self._old = [key for key in self._old if not key.is_erased]
        due_s = [key.left_s for key in self._all()]
        return max(_SHORTEST_S, min([self._period_s, *due_s]))

    def _all(self) -> list[StatementKey]:
        return self._old if self._current is None else [*self._old, self._current]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An epoch with its report: what all bundles of it share.

    Attributes:
        report: the TSM's blobs.
        root: the root statement.
        epoch: the signed epoch.
        key: the statement key that the epoch names.
        made_at: when the report was there, by the clock of the anchors.
    """

    report: TsmReport
    root: RootStatement
    epoch: SignedEpoch
    key: StatementKey
    made_at: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """A fresh statement, and the epoch in which it lies."""

    of: Reported
    claim: ProvenStatement


class Anchors:
    """The last anchors of each namespace, one for each audience, sixteen at most."""

    def __init__(self, keep_s: float, clock: Callable[[], float]) -> None:
        """Start with none.

        Args:
            keep_s: after which an anchor is too old for any verifier.
            clock: monotonic, in seconds.
        """
        self._keep_s = keep_s
        self._clock = clock
        self._of: dict[bytes, OrderedDict[str, Anchor]] = {}

    def put(self, namespace_id: bytes, audience: str, anchor: Anchor) -> None:
        """Keep an anchor in place of an older one; the one that was kept longest makes room."""
        own = self._of.setdefault(namespace_id, OrderedDict())
        own.pop(audience, None)
        own[audience] = anchor
        if len(own) > _MOST_ANCHORS:
            own.popitem(last=False)

    def find(self, namespace_id: bytes, audience: str) -> Anchor:
        """Return the anchor of a namespace for an audience.

        Raises:
            StaleError: `evidence.anchor-missing`.
        """
        own = self._of.get(namespace_id, OrderedDict())
        anchor = own.get(audience)
        if anchor is None:
            raise StaleError("evidence.anchor-missing", "ask fresh")
        if self._clock() - anchor.of.made_at > self._keep_s:
            del own[audience]
            raise StaleError("evidence.anchor-missing", "it is too old; ask fresh")
        return anchor

    def drop(self, namespace_id: bytes) -> None:
        """Forget all anchors of a namespace."""
        self._of.pop(namespace_id, None)

    def drop_all(self) -> None:
        """Forget all anchors."""
        self._of.clear()
