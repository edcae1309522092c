# SPDX-License-Identifier: Apache-2.0
"""What a verifier has found to hold before, so that the same bytes are not judged twice.

A cache is an object that the caller makes and hands over; without one nothing is remembered. It
holds what held and never a refusal, nor anything that a policy said:

    sections    a signature section, as read   by all of its bytes but the quote's own signature
    parsed      a PCK chain, as read           by the bytes of the chain
    certificates  of a PCK chain, as read      by the bytes of the certificate
    links       a CA under its root            by the bytes of both certificates
    chains      the anchor of a PCK chain      by the bytes of the chain, and the anchors
    lists       the revocation lists           by the bytes of these, of CA and root; of Intel's
                                               by all of the collateral
    documents   TCB info and QE identity       likewise
    platforms   an attestation key, and the    by all of these, QE report, its signature and data,
                TCB levels                     the TDX module and the versions of the TD report
    endorsed    the anchor of a VCEK or VLEK   by the bytes of the collateral, and the anchors

What is merely read (the first three) is found by the bytes themselves. Of what an outcome rests on,
all bytes are in its key as their SHA-256, or themselves where they are few. What rests on an
instant carries the window in which every part of it counts, and is found inside of that window
alone. A later revocation list, other collateral, other anchors are other bytes, under which nothing
is found; whoever exchanges anchors or collateral also empties the cache, or begins with another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, Generic, TypeVar, final

import msgspec

from troth.crypto.x509 import Certificate
from troth.endorse.intel import Window
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.signature import QUOTE_SIGNATURE, SignatureSection
from troth.verify.anchors import Anchor
from troth.verify.intel.seen import Platform
from troth.verify.options import NoCache
from troth.verify.trace import Rows, Trace

__all__ = ["Cache", "Seen", "Shelf", "cache_of"]

V = TypeVar("V")
Key = tuple[object, ...]

_ALWAYS: Final = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Entry(msgspec.Struct, Generic[V], frozen=True):
    """A value, when it counts, and the rules that it rests on."""

    value: V
    window: Window
    rows: Rows | None


class Shelf(Generic[V]):
    """Values of one kind; of too many, the one goes that was not asked for the longest."""

    __slots__ = ("_held", "_lock", "most")

    def __init__(self, most: int) -> None:
        """Hold `most` values; none if that is 0."""
        self.most: Final = most
        self._held: Final[OrderedDict[Key, Entry[V]]] = OrderedDict()
        self._lock: Final = Lock()

    def __len__(self) -> int:
        return len(self._held)

    def find(self, key: Key, at: datetime | None) -> Entry[V] | None:
        """Return what is held under `key`, if it counts at `at`; None is for what always does."""
        with self._lock:
            entry = self._held.get(key)
            if entry is None:
                return None
            self._held.move_to_end(key)
        window = entry.window
        return entry if at is None or window.start <= at <= window.end else None

    def keep(self, key: Key, value: V, window: Window = _ALWAYS, rows: Rows | None = None) -> None:
        """Hold a value."""
        if self.most == 0:
            return
        with self._lock:
            self._held[key] = Entry(value, window, rows)
            self._held.move_to_end(key)
            if len(self._held) > self.most:
                self._held.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()


@final
class Cache:
    """What was found to hold before; safe for several threads."""

    __slots__ = (
        "certificates",
        "chains",
        "documents",
        "endorsed",
        "links",
        "lists",
        "parsed",
        "platforms",
        "sections",
    )

    def __init__(self, *, most: int) -> None:
        """Begin empty.

        Args:
            most: how many values of each kind are held; a platform has one of most kinds.
        """
        self.certificates: Final[Shelf[Certificate]] = Shelf(most)
        self.sections: Final[Shelf[SignatureSection]] = Shelf(most)
        self.parsed: Final[Shelf[PckChain]] = Shelf(most)
        self.links: Final[Shelf[None]] = Shelf(most)
        self.chains: Final[Shelf[Anchor]] = Shelf(most)
        self.lists: Final[Shelf[None]] = Shelf(most)
        self.documents: Final[Shelf[None]] = Shelf(most)
        self.platforms: Final[Shelf[Platform]] = Shelf(most)
        self.endorsed: Final[Shelf[Anchor]] = Shelf(most)

    def __len__(self) -> int:
        return sum(len(one) for one in self._shelves())

    def __repr__(self) -> str:
        return f"Cache({len(self)} values)"

    def clear(self) -> None:
        """Forget everything: for whoever exchanges anchors or collateral."""
        for one in self._shelves():
            one.clear()

    def read_section(
        self, content: bytes, parse: Callable[[bytes], SignatureSection]
    ) -> SignatureSection:
        """Return a signature section with its PCK chain, read now or before.

        Args:
            content: of the section, of which the quote's signature is not looked at here.
            parse: the parser of its form.

        Raises:
            MalformedError, UntrustedError: as `parse` and `PckChain.parse`.
        """
        if self.sections.most == 0:
            return self._read_section(content, parse)
        key = (content[QUOTE_SIGNATURE.stop :], parse)
        entry = self.sections.find(key, None)
        if entry is not None:
            return entry.value.under(content[QUOTE_SIGNATURE])
        section = self._read_section(content, parse)
        self.sections.keep(key, section)
        return section

    def read_chain(self, pem: bytes) -> PckChain:
        """Return a PCK chain, read now or before.

        Raises:
            MalformedError, UntrustedError: as `PckChain.parse`.
        """
        key = (pem,)
        entry = self.parsed.find(key, None)
        if entry is not None:
            return entry.value
        chain = PckChain.parse(pem, self._certificate)
        self.parsed.keep(key, chain)
        return chain

    def _read_section(
        self, content: bytes, parse: Callable[[bytes], SignatureSection]
    ) -> SignatureSection:
        section = parse(content)
        section.adopt(self.read_chain(section.certification_data))
        return section

    def _certificate(self, der: bytes) -> Certificate:
        key = (der,)
        entry = self.certificates.find(key, None)
        if entry is not None:
            return entry.value
        certificate = Certificate(der)
        self.certificates.keep(key, certificate)
        return certificate

    def _shelves(self) -> tuple[Shelf[Any], ...]:
        return tuple(getattr(self, name) for name in self.__slots__)


class Seen:
    """One part of one judgement: what it rests on, and where its rules are noted."""

    __slots__ = ("_at", "_key", "_trace", "_window")

    def __init__(self, key: Key, window: Callable[[], Window], at: datetime, trace: Trace) -> None:
        """Take everything that the outcome rests on, when all of that counts, and the trace.

        Args:
            key: all inputs but the instant.
            window: of all of them, asked for when they have been found to hold.
            at: the instant.
            trace: where the rules are noted.
        """
        self._key: Final = key
        self._window: Final = window
        self._at: Final = at
        self._trace: Final = trace

    def once(self, shelf: Shelf[V], check: Callable[[], V]) -> V:
        """Return what `check` returns or returned before; what it raises is not kept."""
        if shelf.most == 0:
            return check()
        entry = shelf.find(self._key, self._at)
        if entry is not None:
            if entry.rows is not None:
                self._trace.replay(entry.rows, self._at)
            return entry.value
        value, rows = self.noted(check)
        shelf.keep(self._key, value, self._window(), rows)
        return value

    def find(self, shelf: Shelf[V]) -> V | None:
        """Return what is held and counts; for what has rules of its own, of more than one step."""
        entry = shelf.find(self._key, self._at)
        return None if entry is None else entry.value

    def keep(self, shelf: Shelf[V], value: V) -> None:
        """Hold a value that every part of was found to hold."""
        if shelf.most:
            shelf.keep(self._key, value, self._window())

    def noted(self, check: Callable[[], V]) -> tuple[V, Rows]:
        """Return what `check` returns, and the rules that it notes."""
        before = self._trace.position
        value = check()
        return value, self._trace.since(before, self._at)

    def replay(self, rows: Rows) -> None:
        """Note the rules of a step that held before."""
        self._trace.replay(rows, self._at)


_NOTHING: Final = Cache(most=0)


def cache_of(given: Cache | type[NoCache]) -> Cache:
    """Return the cache of the caller, or one that holds nothing."""
    return _NOTHING if isinstance(given, type) else given
