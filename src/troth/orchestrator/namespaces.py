# SPDX-License-Identifier: Apache-2.0
"""The living namespaces: made, restored, closed; and the root namespace, which is the TVM itself.

RUN/state/<id in hex>.journal    one for each living namespace
RUN/state/<label>.closed         the configuration's namespace of this label was closed, for good
RUN/state/boot                   the kernel's boot id: what another boot left is thrown away
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import structlog

from troth.errors import DeniedError, DriverError, MalformedError, UsageError
from troth.evidence.binding import ImageDigest, Origin
from troth.infra.log import Event
from troth.orchestrator.configuration import (
    ANY_CGROUP,
    ROOT_LABEL,
    ROOT_LIMITS,
    NamespaceSettings,
    parse_image,
)
from troth.orchestrator.identity import Cgroup, find_hierarchy
from troth.orchestrator.journal import Journal, Kind, Record
from troth.orchestrator.namespace import Creation, Namespace
from troth.orchestrator.room import demand_room
from troth.wire import json

__all__ = ["Namespaces"]

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PRIVATE: Final = 0o700
_PRIVATE_FILE: Final = 0o600

_log = structlog.get_logger()


class Namespaces:
    """All living namespaces of a run directory."""

    def __init__(self, run_directory: Path) -> None:
        """Take up what an earlier process of this boot left; nothing is open to callers yet.

        Raises:
            UsageError: `usage.file`, the directory cannot be used.
            DriverError: `state.…`.
        """
        self._directory = run_directory / "state"
        self._living: dict[str, Namespace] = {}
        self._left: dict[str, tuple[Creation, Journal, list[Record]]] = {}
        self._hierarchy: Path | None = None
        try:
            self._directory.mkdir(_PRIVATE, parents=True, exist_ok=True)
            self._directory.chmod(_PRIVATE)
            self._discard_other_boot()
        except OSError as error:
            raise UsageError("usage.file", f"{self._directory}: {error.strerror}") from None
        for path in sorted(self._directory.glob("*.journal")):
            self._take_up(path)
        self.root = self._root()

    def __iter__(self) -> Iterator[Namespace]:
        """Yield all but the root namespace."""
        return iter(list(self._living.values()))

    def __len__(self) -> int:
        return len(self._living)

    def find(self, label: str) -> Namespace:
        """Return a living namespace.

        Raises:
            DeniedError: `namespace.unknown`.
        """
        found = self._living.get(label)
        if found is None:
            raise DeniedError("namespace.unknown", label)
        return found

    def configure(self, settings: NamespaceSettings, origin: Origin) -> Namespace:
        """Return the namespace that settings describe: restored, or new.

        It is restored, with a gap, if an earlier process of this boot left it and it was made in
        the same way; its cgroup is then the one that it had when it was made.

        Raises:
            DeniedError: `namespace.label-taken`.
            DriverError: `identity.cgroup`, `state.…`; `state.room`, a new one's log would not fit.
        """
        if settings.label in self._living or settings.label == ROOT_LABEL:
            raise DeniedError("namespace.label-taken", settings.label)
        image = None if settings.image_digest is None else parse_image(settings.image_digest)
        namespace = self._restored(settings, origin, image)
        if namespace is None:
            namespace = self._created(settings, origin, image)
        self._living[settings.label] = namespace
        return namespace

    def close(self, label: str) -> Namespace:
        """Close a namespace for good.

        Raises:
            DeniedError: `namespace.unknown`.
            DriverError: `state.write`; it is closed all the same, until a restart.
        """
        namespace = self.find(label)
        del self._living[label]
        # The mark first. Killed behind it, the namespace is closed: its journal is of no one.
        is_marked = self._mark_closed(namespace)
        try:
            namespace.close()
        finally:  # where there was no room for a mark, there is now
            if not is_marked and not self._mark_closed(namespace):
                raise DriverError("state.write", f"{label} would come back with a restart")
        _log.info(Event.NAMESPACE_CLOSED, label=label)
        return namespace

    def undo(self, label: str) -> None:
        """Take back a namespace whose socket could not be made.

        One of the configuration keeps its journal: the start fails, and the next one goes on.
        """
        namespace = self._living.pop(label)
        if namespace.creation.origin == Origin.CONFIGURATION:
            namespace.release()
        else:
            namespace.close()

    def is_closed(self, label: str) -> bool:
        """Say whether the configuration's namespace of this label was closed in this boot."""
        return self._mark_of(label).exists()

    def left_by_administrator(self) -> list[NamespaceSettings]:
        """Return the settings of those that an administrator made and nobody has closed."""
        found = []
        for label, (creation, _, records) in self._left.items():
            if creation.settings is None or records[-1].kind is Kind.CLOSED:
                continue
            try:
                settings = json.decode(
                    creation.settings, NamespaceSettings, max_bytes=len(creation.settings)
                )
            except MalformedError as error:
                _log.error(Event.STATE_DISCARDED, label=label, why=str(error))
                continue
            found.append(settings)
        return found

    def discard_left(self) -> None:
        """Drop what an earlier process left and nothing describes any more."""
        for label, (_, journal, _) in self._left.items():
            _log.warning(Event.STATE_DISCARDED, label=label, why="no longer described")
            journal.remove()
        self._left.clear()

    def release(self) -> None:
        """Let go of all journals, which stay for the next process."""
        for namespace in (*self._living.values(), self.root):
            namespace.release()

    def _restored(
        self, settings: NamespaceSettings, origin: Origin, image: ImageDigest | None
    ) -> Namespace | None:
        left = self._left.pop(settings.label, None)
        if left is None:
            return None
        creation, journal, records = left
        described = (origin, image, settings.model, settings.cgroup)
        if (creation.origin, creation.image, creation.model, creation.cgroup) != described:
            _log.warning(Event.STATE_DISCARDED, label=settings.label, why="described otherwise")
            journal.remove()
            return None
        cgroup = Cgroup(self._mount(settings.cgroup), creation.cgroup_id)
        capabilities = frozenset(settings.capabilities)
        namespace = Namespace(creation, journal, cgroup, capabilities, settings.limits)
        return namespace if self._replayed(namespace, journal, records) else None

    def _created(
        self, settings: NamespaceSettings, origin: Origin, image: ImageDigest | None
    ) -> Namespace:
        living = [one.limits for one in (*self._living.values(), self.root)]
        demand_room(self._directory, [*living, settings.limits])
        mount = self._mount(settings.cgroup)
        is_any = settings.cgroup == ANY_CGROUP
        cgroup = Cgroup(mount, None) if is_any else Cgroup.at(mount, settings.cgroup)
        creation = Creation(
            id=Creation.new_id(),
            label=settings.label,
            origin=origin,
            image=image,
            model=settings.model,
            cgroup=settings.cgroup,
            cgroup_id=cgroup.id,
            settings=json.encode(settings) if origin == Origin.ADMINISTRATOR else None,
        )
        journal = Journal.create(self._path(creation.id), creation.encode())
        _log.info(Event.NAMESPACE_OPENED, label=settings.label)
        capabilities = frozenset(settings.capabilities)
        return Namespace(creation, journal, cgroup, capabilities, settings.limits)

    def _root(self) -> Namespace:
        left = self._left.pop(ROOT_LABEL, None)
        nowhere = Cgroup(Path(), None)
        limits = ROOT_LIMITS
        if left is not None:
            creation, journal, records = left
            root = Namespace(creation, journal, nowhere, frozenset(), limits)
            if self._replayed(root, journal, records):
                return root
        creation = Creation(
            id=Creation.new_id(),
            label=ROOT_LABEL,
            origin=Origin.CONFIGURATION,
            cgroup=ANY_CGROUP,
        )
        journal = Journal.create(self._path(creation.id), creation.encode())
        return Namespace(creation, journal, nowhere, frozenset(), limits)

    def _replayed(self, namespace: Namespace, journal: Journal, records: list[Record]) -> bool:
        """Replay a journal and count the restart as a gap; say whether the namespace lives."""
        try:
            if not namespace.replay(records):
                journal.remove()  # we were killed between the closing record and the removal
                return False
        except DriverError as error:
            _log.error(Event.STATE_DISCARDED, label=namespace.label, why=str(error))
            journal.remove()
            return False
        namespace.add_gap()
        _log.info(Event.STATE_RESTORED, label=namespace.label, count=namespace.state.log.count)
        return True

    def _take_up(self, path: Path) -> None:
        try:
            journal, records = Journal.reopen(path)
            creation = Creation.decode(records[0].payload)
        except DriverError as error:
            _log.error(Event.STATE_DISCARDED, why=str(error))
            path.unlink(missing_ok=True)
            return
        self._left[creation.label] = (creation, journal, records)

    def _discard_other_boot(self) -> None:
        current = _BOOT_ID.read_text(encoding="ascii").strip()
        mark = self._directory / "boot"
        left = mark.read_text(encoding="ascii").strip() if mark.exists() else ""
        if left == current:
            return
        # Journals first, the mark last: killed in between, we start over at the next start.
        for path in (*self._directory.glob("*.journal"), *self._directory.glob("*.closed")):
            _log.warning(Event.STATE_DISCARDED, why="of another boot")
            path.unlink()
        mark.write_text(current, encoding="ascii")

    def _path(self, namespace_id: bytes) -> Path:
        return self._directory / f"{namespace_id.hex()}.journal"

    def _mark_closed(self, namespace: Namespace) -> bool:
        """Say whether a restart will know that a namespace was closed."""
        if namespace.creation.origin != Origin.CONFIGURATION:
            return True  # nobody describes it any more
        try:
            self._mark_of(namespace.label).touch(_PRIVATE_FILE)
        except OSError as error:
            _log.error(Event.JOURNAL_FAILED, label=namespace.label, why=error.strerror)
            return False
        return True

    def _mark_of(self, label: str) -> Path:
        return self._directory / f"{label}.closed"

    def _mount(self, cgroup: str) -> Path:
        if cgroup == ANY_CGROUP:
            return Path()
        if self._hierarchy is None:
            self._hierarchy = find_hierarchy()
        return self._hierarchy
