# SPDX-License-Identifier: Apache-2.0
"""One namespace: a log, a model, gaps; changed in steps that do not yield (BINDING 5).

What a statement says is a `State`, a value that is replaced and never changed, so a freeze is a
reference. Each change is in the journal before it is in memory, and in memory before it is
acknowledged.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from troth.errors import DeniedError, DriverError, MalformedError, TrothError
from troth.evidence.binding import ImageDigest, LogHead, LogPart, Phase
from troth.evidence.binding import Namespace as Claims
from troth.evidence.model import Model, Step, Verdict, a1
from troth.orchestrator.configuration import Limits
from troth.orchestrator.identity import Cgroup
from troth.orchestrator.journal import Journal, Kind, Record
from troth.wire import cbor

__all__ = ["Creation", "Namespace", "State", "event_entry", "text_entry"]

_ID_BYTES: Final = 16
_TEXT: Final = 1  # entry: [1, text], what trothd says itself
_EVENT: Final = 2  # entry: [2, domain, operation, content], an application event
_CREATION_MAX_BYTES: Final = 96 * 1024  # settings, which came in 64 KiB, and what is around them
_ENTRY_MAX_BYTES: Final = 65_536


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when a namespace is made.

    Attributes:
        id: random, new at each creation.
        label: unique among the living.
        origin: who made it, of `binding.Origin`.
        image: OCI digest text, as the creator gave it.
        model: profile of its event model.
        cgroup: path below the mount, or "any".
        cgroup_id: what stood there when it was made.
        settings: as JSON, where they stand in no configuration file: an administrator's.
    """

    id: bytes
    label: str
    origin: int
    image: ImageDigest | None = None
    model: str | None = None
    cgroup: str
    cgroup_id: int | None = None
    settings: bytes | None = None

    @staticmethod
    def new_id() -> bytes:
        """Return 16 random bytes."""
        return secrets.token_bytes(_ID_BYTES)

    def encode(self) -> bytes:
        """Return the payload of a journal's first record."""
        value: dict[int, object] = {1: self.id, 2: self.label, 3: int(self.origin), 4: self.cgroup}
        if self.cgroup_id is not None:
            value[5] = self.cgroup_id
        if self.image is not None:
            value[6] = self.image.value
        if self.model is not None:
            value[7] = self.model
        if self.settings is not None:
            value[8] = self.settings
        return cbor.encode(value)

    @classmethod
    def decode(cls, data: bytes) -> Creation:
        """Return what a journal's first record says.

        Raises:
            DriverError: `state.read`.
        """
        try:
            got = cbor.decode(data, max_bytes=_CREATION_MAX_BYTES)
            if not isinstance(got, dict):
                raise DriverError("state.read", "a creation is no map")
            return cls(
                id=got[1],
                label=got[2],
                origin=got[3],
                cgroup=got[4],
                cgroup_id=got.get(5),
                image=ImageDigest.of(image) if (image := got.get(6)) else None,
                model=got.get(7),
                settings=got.get(8),
            )
        except (MalformedError, KeyError) as error:
            raise DriverError("state.read", f"a creation: {error}") from None


@dataclass(frozen=True)
class State:
    """What a statement says of a namespace at one instant."""

    creation: Creation
    log: LogHead
    gaps: int = 0
    model: Model | None = None

    @cached_property
    def claims(self) -> Claims:
        """The claims, derived when they are first asked for: after the freeze, not in it."""
        return Claims(
            id=self.creation.id,
            label=self.creation.label,
            origin=self.creation.origin,
            log=self.log,
            gaps=self.gaps,
            image=self.creation.image,
            model=None if self.model is None else self.model.claims(),
        )

    def next(
        self, *, log: LogHead | None = None, model: Model | None = None, gaps: int = 0
    ) -> State:
        """Return the state behind a change."""
        return State(
            self.creation, log or self.log, self.gaps + gaps, self.model if model is None else model
        )


class Namespace:
    """A living namespace."""

    def __init__(
        self,
        creation: Creation,
        journal: Journal,
        cgroup: Cgroup,
        capabilities: frozenset[str],
        limits: Limits,
    ) -> None:
        """Take a new namespace, its journal begun."""
        model = Model.empty() if creation.model is not None else None
        self.creation = creation
        self.cgroup = cgroup
        self.capabilities = capabilities
        self.limits = limits
        self.state = State(creation, LogHead.empty(creation.id), 0, model)
        self.is_open = True
        self.alarms = 0  # of the root namespace only
        self._journal = journal
        self._entries: list[bytes] = []
        self._log_bytes = 0

    @property
    def label(self) -> str:
        """Its name among the living."""
        return self.creation.label

    def demand(self, capability: str) -> None:
        """Return if the namespace has a capability.

        Raises:
            DeniedError: `capability.missing`, naming it.
        """
        if capability not in self.capabilities:
            raise DeniedError("capability.missing", capability)

    def demand_open(self) -> None:
        """Return if the namespace lives.

        Raises:
            DeniedError: `namespace.closed`.
        """
        if not self.is_open:
            raise DeniedError("namespace.closed", self.label)

    def append(self, domain: str, operation: str, content: str) -> Verdict | None:
        """Append an application event and return what the model says of it; None without one.

        Raises:
            MalformedError: `binding.type`, `binding.range`.
            DeniedError: `log.full`, `model.full`, a gap was added; `namespace.closed`.
            DriverError: `state.write`; a gap was added.
        """
        self.demand_open()
        point = a1.point_of(domain, operation, content)
        entry = event_entry(domain, operation, content)
        verdict, model = None, None
        try:
            left_before = self.state.model is not None and self.state.model.forensic > 0
            if self.state.model is not None:
                verdict, model = self.state.model.observe(point)
            # The first step out of the model has its place: a full log must not hide it.
            if verdict is not Verdict.FORENSIC or left_before:
                self._check_room(entry)
        except DeniedError:
            self.add_gap()
            raise
        # First the journal. If we are killed behind it, the event is in the log although nobody
        # was told; killed before it, it is not, and nobody was told either.
        self._write_entry(entry, model)
        return verdict

    def note(self, text: str) -> None:
        """Append what trothd itself has to say, to the root namespace's log.

        Raises:
            DeniedError: `log.full`, a gap was added.
            DriverError: `state.write`; a gap was added.
        """
        entry = text_entry(text)
        try:
            self._check_room(entry)
        except DeniedError:
            self.add_gap()
            raise
        self._write_entry(entry, None)

    def alarm(self, text: str) -> None:
        """Count an alarm and note why. The count rises even where the note finds no room.

        Raises:
            DeniedError, DriverError: as `note`.
        """
        self.alarms += 1
        self._journal.count(alarms=1)
        self.note(text)

    def add_gap(self) -> None:
        """Count an interruption. It counts even where the journal cannot take it."""
        self.state = self.state.next(gaps=1)
        self._journal.count(gaps=1)

    def seal(self) -> None:
        """Seal the model: what it has not seen so far is outside it.

        Raises:
            DeniedError: `model.phase`, it is sealed already, or there is none.
            DriverError: `state.write`.
        """
        self.demand_open()
        if self.state.model is None:
            raise DeniedError("model.phase", "the namespace has no event model")
        model = self.state.model.take(Step.SEAL)
        self._journal.append(Kind.SEALED)
        self.state = self.state.next(model=model)

    @property
    def is_sealed(self) -> bool:
        """Whether there is an event model that learns no more."""
        return self.state.model is not None and self.state.model.phase is not Phase.LEARNING

    def close(self) -> None:
        """Close the namespace for good."""
        # Closed in memory first: nothing is appended behind the record, nothing frozen from here
        # on. If we are killed between record and removal, a restart finds the record and removes.
        self.is_open = False
        self.capabilities = frozenset()
        try:
            self._journal.append(Kind.CLOSED)
        finally:
            self._journal.remove()

    def log_part(self, start: int, count: int) -> LogPart:
        """Return the entries from `start` to the state in which the log had `count`.

        Raises:
            DeniedError: `log.range`, the log had fewer than `start`.
        """
        if start > count:
            raise DeniedError("log.range", f"from {start}; there are {count}")
        return LogPart(start=start, entries=tuple(self._entries[start:count]))

    def replay(self, records: list[Record]) -> bool:
        """Take up what a journal says behind its first record; say whether it is open at the end.

        Raises:
            DriverError: `state.read`.
        """
        counts = self._journal.counts
        self.state = self.state.next(gaps=counts.gaps)
        self.alarms = counts.alarms
        try:
            for kind, payload in records[1:]:
                self._replay_one(kind, payload)
        except TrothError as error:
            raise DriverError("state.read", f"{self.label}: {error}") from None
        return self.is_open

    def release(self) -> None:
        """Let go of the journal, which stays for the next process."""
        self._journal.close()

    def _replay_one(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.ENTRY:
            model = self.state.model
            event = _event_of(payload)
            if model is not None and event is not None:
                _, model = model.observe(a1.point_of(*event))
            self._take_entry(payload, model)
        elif kind is Kind.SEALED and self.state.model is not None:
            self.state = self.state.next(model=self.state.model.take(Step.SEAL))
        elif kind is Kind.CLOSED:
            self.is_open = False

    def _write_entry(self, entry: bytes, model: Model | None) -> None:
        try:
            self._journal.append(Kind.ENTRY, entry)
        except DriverError:
            self.add_gap()  # which has its place, also where no entry has
            raise
        self._take_entry(entry, model)

    def _take_entry(self, entry: bytes, model: Model | None) -> None:
        self._entries.append(entry)
        self._log_bytes += len(entry)
        self.state = self.state.next(log=self.state.log.append(entry), model=model)

    def _check_room(self, entry: bytes) -> None:
        if len(self._entries) >= self.limits.log_entries:
            raise DeniedError("log.full", f"{self.limits.log_entries} entries")
        if self._log_bytes + len(entry) > self.limits.log_bytes:
            raise DeniedError("log.full", f"{self.limits.log_bytes} bytes")


def event_entry(domain: str, operation: str, content: str) -> bytes:
    """Return the log entry of an application event."""
    return cbor.encode([_EVENT, domain, operation, content])


def text_entry(text: str) -> bytes:
    """Return the log entry of something that trothd says itself."""
    return cbor.encode([_TEXT, text])


def _event_of(entry: bytes) -> tuple[str, str, str] | None:
    match cbor.decode(entry, max_bytes=_ENTRY_MAX_BYTES):
        case [int(kind), str(domain), str(operation), str(content)] if kind == _EVENT:
            return domain, operation, content
        case _:
            return None
