# SPDX-License-Identifier: Apache-2.0
"""trothd's parts put together: one object that the two APIs speak to."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path
from time import monotonic
from typing import Any, Final

import structlog

from troth.crypto.digest import same
from troth.errors import DeniedError, DriverError, TrothError, UsageError
from troth.evidence.binding import Caller, Mode, Origin, Request
from troth.evidence.model import Verdict
from troth.infra.clock import now
from troth.infra.http import HttpServer, Listener
from troth.infra.log import Event
from troth.infra.metrics import OrchestratorMetrics
from troth.orchestrator.boot import Boot
from troth.orchestrator.configuration import (
    Configuration,
    NamespaceSettings,
    namespace_problems,
)
from troth.orchestrator.delegation import Anchors, StatementKeys
from troth.orchestrator.device import Device
from troth.orchestrator.epoch import EpochBuilder, Settings
from troth.orchestrator.errands import Errands
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.identity import Peer, admit
from troth.orchestrator.namespace import Namespace
from troth.orchestrator.namespaces import Namespaces
from troth.orchestrator.run_directory import namespace_socket
from troth.orchestrator.statements import delegated_bundle
from troth.tsm.root import ROOT_INDEX, register_name

__all__ = ["Daemon"]

_METHOD_SOCKET: Final = 1  # BINDING 4.4, caller: socket and cgroup

_log = structlog.get_logger()


class Daemon:
    """One running trothd."""

    def __init__(
        self,
        configuration: Configuration,
        boot: Boot,
        device: Device,
        namespaces: Namespaces,
        crash: CrashPoints,
    ) -> None:
        """Put the parts together; nothing is served yet."""
        settings = configuration.trothd
        self.configuration = configuration
        self.boot = boot
        self.device = device
        self.namespaces = namespaces
        self.metrics = OrchestratorMetrics()
        self.is_rooted = False
        self._registers: tuple[bytes, ...] = ()
        self._run = Path(settings.run_directory)
        self._listeners: dict[str, Listener] = {}
        self._keeper: asyncio.Task[None] | None = None
        keep_s = settings.maximum_delegation_s
        self._anchors = Anchors(keep_s, monotonic)
        self._keys = StatementKeys(settings.statement_key_s, keep_s, monotonic)
        self.errands = Errands(configuration.verifier, self._own_evidence, self.metrics)
        self.epochs = EpochBuilder(
            boot,
            device,
            self._keys,
            self._anchors,
            Settings(
                height=settings.height,
                deadline_s=settings.deadline_s,
                now=_seconds,
                clock=monotonic,
                alarms=lambda: namespaces.root.alarms,
                watch=self._watch,
            ),
            metrics=self.metrics,
            crash=crash,
        )

    async def start(self, server: HttpServer) -> None:
        """Make the configured namespaces and open their sockets.

        Raises:
            DriverError: `tsm.…`, `identity.cgroup`, `state.…`.
            UsageError: `usage.socket`.
        """
        self._server = server
        self._registers = await self.device.registers()
        self.is_rooted = self._roots(self._registers)
        if not self.is_rooted:
            _log.warning(Event.ROOT_UNROOTED)
        for settings in self.configuration.namespace:
            if self.namespaces.is_closed(settings.label):
                _log.warning(Event.NAMESPACE_CLOSED, label=settings.label)
            else:
                await self.open(settings, Origin.CONFIGURATION)
        for settings in self.namespaces.left_by_administrator():
            await self._open_again(settings)
        self.namespaces.discard_left()
        self._keeper = asyncio.create_task(self._keep_house())

    async def open(self, settings: NamespaceSettings, origin: Origin) -> Namespace:
        """Make a namespace and open its socket.

        Raises:
            DeniedError, DriverError, UsageError: as `Namespaces.configure` and `namespace_socket`.
        """
        namespace = self.namespaces.configure(settings, origin)
        directory = self._run / "ns" / settings.label
        try:
            listening = namespace_socket(directory, settings.group)
        except UsageError:
            self.namespaces.undo(settings.label)
            raise
        self._listeners[settings.label] = await self._server.listen(
            listening,
            state={"namespace": namespace},
            admit=lambda accepted: self._admit(namespace, accepted),
            most_connections=settings.limits.connections,
        )
        self.errands.begin(namespace, settings)
        self.metrics.namespaces.set(len(self.namespaces))
        return namespace

    def close(self, label: str) -> None:
        """Close a namespace for good: its socket, anchors and capabilities go at once.

        Raises:
            DeniedError: `namespace.unknown`.
            DriverError: `state.write`; it is closed all the same.
        """
        namespace = self.namespaces.find(label)
        self._anchors.drop(namespace.creation.id)
        self.errands.end(namespace)
        listener = self._listeners.pop(label, None)
        if listener is not None:
            self._server.drop(listener)
        shutil.rmtree(self._run / "ns" / label, ignore_errors=True)
        try:
            self.namespaces.close(label)
        finally:
            self.metrics.namespaces.set(len(self.namespaces))

    async def evidence(self, namespace: Namespace, request: Request, peer: Peer) -> bytes:
        """Return a bundle, fresh or delegated.

        Raises:
            DeniedError: `capability.missing`, `identity.…`, `namespace.closed`, `log.range`.
            StaleError: `evidence.anchor-missing`.
            DriverError: `epoch.…`, `tsm.…`.
        """
        namespace.demand("evidence")
        if request.log_since is not None:
            namespace.demand("log.read")
        caller = self._caller(peer)
        if request.mode == Mode.FRESH:
            return await self.epochs.fresh(namespace, request, peer, caller)
        namespace.demand("delegated")
        anchor = self._anchors.find(namespace.creation.id, request.audience)
        bundle = delegated_bundle(
            namespace,
            request,
            caller,
            anchor,
            now=_seconds(),
            alarms=self.namespaces.root.alarms,
        )
        self.metrics.statements.labels("delegated").inc()
        return bundle

    def append(self, namespace: Namespace, domain: str, operation: str, content: str) -> int:
        """Append an event and return how many forensic points the namespace has now.

        Raises:
            MalformedError: `binding.…`.
            DeniedError: `log.full`, `model.full`, `namespace.closed`.
            DriverError: `state.write`.
        """
        try:
            verdict = namespace.append(domain, operation, content)
        except (DeniedError, DriverError):
            # What could not be noted is a gap: relying parties hear of it before they ask again.
            if namespace.is_open and namespace.is_sealed:
                self.errands.left_model(namespace)
            raise
        self.metrics.events.inc()
        if verdict is Verdict.FORENSIC:
            _log.warning(Event.NAMESPACE_LEFT_MODEL, label=namespace.label)
            self.errands.left_model(namespace)
        model = namespace.state.model
        return 0 if model is None else model.forensic

    def status(self) -> dict[str, Any]:
        """Return what the administrator sees."""
        root = self.namespaces.root
        return {
            "rooted": self.is_rooted,
            "provider": self.device.provider,
            "root_digest": self.boot.root.digest.hex(),
            "alarms": root.alarms,
            "root_log": root.state.log.count,
            "namespaces": [
                {
                    "label": one.label,
                    "id": one.creation.id.hex(),
                    "count": one.state.log.count,
                    "gaps": one.state.gaps,
                    "phase": None
                    if one.state.model is None
                    else one.state.model.phase.name.lower(),
                    "forensic": 0 if one.state.model is None else one.state.model.forensic,
                }
                for one in self.namespaces
            ],
        }

    def generation_changed(self) -> None:
        """Go on as one of two (BINDING 4.11): fresh only, until an epoch names another key.

        An epoch in flight names a key that is erased; what is anchored in it serves nobody.
        """
        _log.error(Event.GENERATION)
        self._keys.renew()
        self._anchors.drop_all()
        self._note("vm.generation: changed")
        for namespace in (*self.namespaces, self.namespaces.root):
            try:
                namespace.add_gap()
            except DriverError as error:  # it counts in memory
                _log.error(Event.JOURNAL_FAILED, code=error.code)
            if namespace.is_sealed:
                self.errands.left_model(namespace)

    async def stop(self) -> None:
        """End in good order: callers are answered, journals stay."""
        if self._keeper is not None:
            self._keeper.cancel()
        await self.errands.close()
        await self.epochs.close()
        self.device.close()
        self.namespaces.release()

    async def _own_evidence(self, namespace: Namespace, request: Request) -> bytes:
        """Return a fresh bundle that trothd asks for itself: there is no caller to name."""
        return await self.epochs.fresh(namespace, request, _Ourselves(), None)

    def _caller(self, peer: Peer) -> Caller:
        uid = peer.uid if self.configuration.trothd.caller_uid else None
        return Caller(method=_METHOD_SOCKET, uid=uid)

    async def _open_again(self, settings: NamespaceSettings) -> None:
        """Restore what the administrator made; one that cannot be keeps no other from its own."""
        problems = [text for _, text in namespace_problems(self.configuration, settings, ())]
        try:
            if not problems:
                await self.open(settings, Origin.ADMINISTRATOR)
        except (TrothError, UsageError) as error:
            problems.append(str(error))
        for problem in problems:
            _log.error(Event.STATE_DISCARDED, label=settings.label, why=problem)

    def _admit(self, namespace: Namespace, accepted: socket.socket) -> Peer | DeniedError:
        """Return who connected, or the refusal that each of its requests is answered with."""
        try:
            return admit(accepted, namespace.cgroup)
        except DeniedError as error:
            if error.code == "identity.cgroup-other":
                _log.warning(Event.ALARM_IDENTITY, label=namespace.label)
                self._note(f"{error.code}: {namespace.label}")
            return error

    def _watch(self, registers: tuple[bytes, ...]) -> None:
        """Compare registers with what we know; a difference is an alarm."""
        if not self._registers:  # what the TSM does not show, a report may: it is the first
            self._registers = registers
        changed = [
            index
            for index, (was, found) in enumerate(zip(self._registers, registers, strict=True))
            if was != found
        ]
        if not changed:
            return
        self._registers = registers
        self.is_rooted = self._roots(registers)
        names = ", ".join(register_name(self.device.provider, index) for index in changed)
        _log.error(Event.ALARM_REGISTER, registers=names)
        try:
            self.namespaces.root.alarm(f"register.changed: {names}")
        except TrothError as error:
            _log.error(Event.JOURNAL_FAILED, code=error.code)
        self.metrics.alarms.set(self.namespaces.root.alarms)

    def _roots(self, registers: tuple[bytes, ...]) -> bool:
        """Say whether the root register holds this boot's root statement and nothing else."""
        after = self.boot.after
        if after is None or len(registers) <= ROOT_INDEX:
            return False
        return same(registers[ROOT_INDEX], after)

    def _note(self, text: str) -> None:
        try:
            self.namespaces.root.note(text)
        except TrothError as error:
            _log.error(Event.JOURNAL_FAILED, code=error.code)

    async def _keep_house(self) -> None:
        """Erase statement keys that are due, also while nobody asks."""
        while True:
            pause_s = self._keys.sweep()
            await asyncio.sleep(pause_s)


class _Ourselves:
    """The presence of trothd itself."""

    def check(self) -> None:
        """Return: we are here."""


def _seconds() -> int:
    return int(now().timestamp())
