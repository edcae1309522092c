# SPDX-License-Identifier: Apache-2.0
"""Entries of the log, in the order in which they were decided, many in one transaction.

Whoever writes an entry waits until it is on the disk. While one batch is being written the next
one gathers, so that a slow disk costs a caller two of its waits and not one for each caller ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

import structlog

from troth.broker.log import Entry
from troth.broker.store import Store
from troth.errors import DriverError, TrothError
from troth.infra import clock
from troth.infra.log import Event

__all__ = ["Journal"]

_BATCH_MOST: Final = 256
_LOG = structlog.get_logger()


class Journal:
    """The log's one writer in this process."""

    def __init__(self, store: Store, thread: Executor) -> None:
        """Take the store, and the thread on which it is used."""
        self._store = store
        self._thread = thread
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Return when the entry is in the log and on the disk.

        Raises:
            DriverError: it could not be written; the caller must answer nothing else then.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = (
                    self._waiting[:_BATCH_MOST],
                    self._waiting[_BATCH_MOST:],
                )
                await self._write(batch)
        finally:
            self._writer = None

    async def _write(self, batch: Sequence[tuple[Entry, asyncio.Future[None]]]) -> None:
        entries = [entry for entry, _ in batch]
        loop = asyncio.get_running_loop()
        failure: TrothError | None = None
        try:
            await loop.run_in_executor(self._thread, self._store.append, entries, clock.now())
        except TrothError as error:
            failure = error
            _LOG.error(Event.LOG_FAILED, code=error.code, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - whoever waits must not wait for ever
            failure = DriverError("broker.log", type(error).__name__)
            _LOG.error(Event.BUG, kind=type(error).__name__, exc_info=error)
        for entry, done in batch:
            if failure is None:
                _tell(entry)
            if done.done():
                continue  # its caller has left
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)


def _tell(entry: Entry) -> None:
    """Repeat an entry in the program's own log."""
    _LOG.info(
        Event.RELEASE_MADE if entry.event == "released" else Event.RELEASE_REFUSED,
        path=entry.path,
        code=entry.code,
        rule=entry.rule,
        reason=entry.reason,
        namespace=entry.namespace,
        label=entry.label,
        statement=entry.statement,
    )
