# SPDX-License-Identifier: Apache-2.0
"""Making epochs: one report answers all who waited for it (BINDING 4.7).

    collect -> freeze -> tree -> report -> check -> answer

There is no timer. An idle builder starts at once; while a report is in flight the next epoch
collects. So a caller waits for two report times at most, and one more for each 2^height callers
that were before it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from troth.errors import DriverError, TrothError
from troth.evidence.binding import (
    Bundle,
    Caller,
    Epoch,
    Proof,
    ProvenStatement,
    Request,
    SignedEpoch,
    Statement,
)
from troth.evidence.binding.proof import SALT_BYTES
from troth.infra.log import Event
from troth.infra.metrics import OrchestratorMetrics
from troth.orchestrator.boot import Boot
from troth.orchestrator.delegation import Anchor, Anchors, Reported, StatementKey, StatementKeys
from troth.orchestrator.device import Device
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.namespace import Namespace, State
from troth.orchestrator.statements import log_part, report_member, statement_of
from troth.orchestrator.waiting import Presence, Queues, Waiting
from troth.tsm.driver import Report
from troth.wire.merkle import HASH_BYTES, Tree, leaf_hash

__all__ = ["EpochBuilder", "Settings"]

_ATTEMPTS: Final = 3  # the first, and two more
_GONE: Final = "tsm.absent"  # asking again at once does not bring it back
_FORM_2_TAIL: Final = bytes(16)  # report data that ends so may be a door's (BINDING 4.8)
_GENERATOR: Final = secrets.SystemRandom()
_ANSWERS_AT_A_TIME: Final = 16

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the builder is told once.

    Attributes:
        height: of every tree of this boot.
        deadline_s: for an epoch's report, repeats included; a caller waits twice as long at most.
        now: the clock for statements, in seconds since 1970.
        clock: monotonic, in seconds; that of keys and anchors.
        alarms: the number of alarms of this boot so far.
        watch: called with the registers of each report.
    """

    height: int
    deadline_s: float
    now: Callable[[], int]
    clock: Callable[[], float]
    alarms: Callable[[], int]
    watch: Callable[[tuple[bytes, ...]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frozen:
    """What was taken at one instant: callers, the states of their namespaces, the key."""

    waiting: list[Waiting]
    states: list[State]
    statements: list[Statement]
    key: StatementKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planted:
    """An epoch before its report: the tree's proofs, in the order of the callers."""

    epoch: Epoch
    proofs: list[Proof]


class EpochBuilder:
    """The one maker of fresh statements."""

    def __init__(
        self,
        boot: Boot,
        device: Device,
        keys: StatementKeys,
        anchors: Anchors,
        settings: Settings,
        *,
        metrics: OrchestratorMetrics,
        crash: CrashPoints,
    ) -> None:
        """Take what epochs are made of."""
        self._boot = boot
        self._device = device
        self._keys = keys
        self._anchors = anchors
        self._settings = settings
        self._metrics = metrics
        self._crash = crash
        self._queues = Queues()
        self._running: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def fresh(
        self, namespace: Namespace, request: Request, peer: Presence, caller: Caller | None
    ) -> bytes:
        """Return a fresh bundle.

        Raises:
            DriverError: `epoch.waiting`, the namespace's queue is full; `epoch.deadline`;
                `tsm.…`.
            DeniedError: `identity.…`, `namespace.closed`, `log.range`.
        """
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queues.add(Waiting(namespace, request, peer, caller, answer))
        self._metrics.waiting.inc()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(2 * self._settings.deadline_s):
                return await answer
        except TimeoutError:
            raise DriverError("epoch.deadline", "no report in time") from None
        finally:
            self._metrics.waiting.dec()

    async def close(self) -> None:
        """Wait for those who are being answered."""
        while self._running is not None:
            await asyncio.wait([self._running])
        while self._answering:
            await asyncio.wait(self._answering)

    async def _run(self) -> None:
        """Make epochs until nobody waits."""
        try:
            while waiting := self._queues.take(1 << self._settings.height):  # step 1
                await self._make(waiting)
        finally:
            self._running = None
            if self._queues:  # a bug ended us; others go on
                self._running = asyncio.create_task(self._run())

    async def _make(self, waiting: list[Waiting]) -> None:
        """Make one epoch, or refuse all who are in it."""
        try:
            frozen = self._freeze(waiting)  # step 2
            if frozen is None:
                return
            self._crash.reach("epoch.frozen")
            planted = await self._device.aside(lambda: self._plant(frozen.statements, frozen.key))
            self._crash.reach("epoch.planted")
            report, signed = await self._ask(planted.epoch)  # steps 4 and 5
        except TrothError as error:
            _log.error(Event.EPOCH_FAILED, code=error.code, detail=error.detail)
            for one in waiting:
                one.refuse(error)
            return
        except Exception:  # our bug: it goes on up, and nobody who waits is left waiting
            for one in waiting:
                one.refuse(DriverError("epoch.failed"))
            raise
        self._crash.reach("epoch.reported")
        self._metrics.epochs.inc()
        # The next epoch is frozen and asked for before these are answered: the TSM is slower
        # than the encoding of bundles, and idles for nobody.
        task = asyncio.create_task(self._answer(frozen, planted, report, signed))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def _freeze(self, waiting: list[Waiting]) -> _Frozen | None:
        """Look at the callers once more, then take every state in one step."""
        present = [one for one in waiting if one.is_present()]
        if not present:
            return None
        # Nothing yields from here to the end of the function: this is the instant.
        states = [one.namespace.state for one in present]
        now, alarms = self._settings.now(), self._settings.alarms()
        key = self._keys.for_epoch()
        statements = [
            statement_of(one.request, state, one.caller, now=now, alarms=alarms)
            for one, state in zip(present, states, strict=True)
        ]
        return _Frozen(waiting=present, states=states, statements=statements, key=key)

    def _plant(self, statements: list[Statement], key: StatementKey) -> _Planted:
        """Put the statements at random places of a tree full of pads (step 3)."""
        height = self._settings.height
        while True:
            leaves = _random(1 << height, HASH_BYTES)
            places = _GENERATOR.sample(range(1 << height), len(statements))
            salts = _random(len(statements), SALT_BYTES)
            for place, salt, statement in zip(places, salts, statements, strict=True):
                leaves[place] = leaf_hash(salt, statement.digest)
            tree = Tree(leaves)
            epoch = Epoch(
                tree_root=tree.root,
                height=height,
                root_digest=self._boot.root.digest,
                statement_key=key.public,
            )
            if not epoch.report_data.endswith(_FORM_2_TAIL):  # else new salts
                break
        proofs = [
            Proof.of_leaf(tree, place, salt) for place, salt in zip(places, salts, strict=True)
        ]
        return _Planted(epoch=epoch, proofs=proofs)

    async def _ask(self, epoch: Epoch) -> tuple[Report, SignedEpoch]:
        """Ask for the report, sign the epoch meanwhile, check.

        A report that failed is asked for again with the same epoch, within the deadline.
        """
        end = monotonic() + self._settings.deadline_s
        signed: SignedEpoch | None = None
        for attempt in range(1, _ATTEMPTS + 1):
            begun = monotonic()
            asked = asyncio.ensure_future(self._device.report(epoch.report_data))
            await asyncio.sleep(0)  # the request is on its way
            signed = signed or epoch.sign(self._boot.key)
            self._crash.reach("epoch.asked")
            try:
                report, seen = await asked
            except DriverError as error:
                self._metrics.reports.labels("failed").inc()
                if error.code == _GONE or attempt == _ATTEMPTS or monotonic() >= end:
                    raise
                _log.warning(Event.EPOCH_FAILED, code=error.code, attempt=attempt)
                continue
            self._metrics.reports.labels("good").inc()
            self._metrics.report_s.observe(monotonic() - begun)
            # A difference is for later statements: these were hashed before (BINDING 5).
            self._settings.watch(seen.registers)
            return report, signed
        raise DriverError("epoch.failed")

    async def _answer(
        self, frozen: _Frozen, planted: _Planted, report: Report, signed: SignedEpoch
    ) -> None:
        """Give each caller its own bundle, and nobody another's salt (step 6)."""
        reported = Reported(
            report=report_member(report),
            root=self._boot.root,
            epoch=signed,
            key=frozen.key,
            made_at=self._settings.clock(),
        )
        for number, one in enumerate(frozen.waiting):
            claim = ProvenStatement(
                statement=frozen.statements[number], proof=planted.proofs[number]
            )
            try:
                self._answer_one(one, frozen.states[number], Anchor(reported, claim))
            except TrothError as error:
                one.refuse(error)
            self._crash.reach("epoch.answered")
            if number % _ANSWERS_AT_A_TIME == 0:
                await asyncio.sleep(0)  # others want the loop too

    def _answer_one(self, one: Waiting, state: State, anchor: Anchor) -> None:
        if one.answer.done():
            return
        bundle = Bundle(
            report=anchor.of.report,
            root=anchor.of.root,
            epoch=anchor.of.epoch,
            claim=anchor.claim,
            log=log_part(one.namespace, one.request, state),
        )
        if one.namespace.is_open and "delegated" in one.namespace.capabilities:
            self._anchors.put(one.namespace.creation.id, one.request.audience, anchor)
        one.answer.set_result(bundle.encoded)
        self._metrics.statements.labels("fresh").inc()


def _random(count: int, size: int) -> list[bytes]:
    """Return `count` values of `size` bytes from the system's generator."""
    pool = secrets.token_bytes(count * size)
    return [pool[at : at + size] for at in range(0, count * size, size)]
