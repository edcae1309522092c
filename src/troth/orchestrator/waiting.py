# SPDX-License-Identifier: Apache-2.0
"""Those who wait for an epoch: a queue for each namespace, emptied in turns."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from troth.errors import DriverError, TrothError
from troth.evidence.binding import Caller, Request
from troth.orchestrator.namespace import Namespace

__all__ = ["Presence", "Queues", "Waiting"]


class Presence(Protocol):
    """A caller that can be looked at once more."""

    def check(self) -> None:
        """Return if the caller still is who it was.

        Raises:
            DeniedError: `identity.…`.
        """
        ...


@dataclass(slots=True, eq=False)
class Waiting:
    """One caller that waits for a bundle."""

    namespace: Namespace
    request: Request
    peer: Presence
    caller: Caller | None  # None where trothd asks for itself
    answer: asyncio.Future[bytes]

    def refuse(self, error: TrothError) -> None:
        """Answer with an error, unless the caller has left or was answered."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def is_present(self) -> bool:
        """Say whether the caller still waits and still is who it was; refuse it if it is not."""
        if self.answer.done():
            return False
        try:
            self.peer.check()
            self.namespace.demand_open()
        except TrothError as error:
            self.refuse(error)
            return False
        return True


class Queues:
    """Queues of namespaces, in the order of their turns."""

    def __init__(self) -> None:
        """Start with none."""
        self._of: dict[bytes, deque[Waiting]] = {}

    def __bool__(self) -> bool:
        return any(self._of.values())

    def add(self, one: Waiting) -> None:
        """Let a caller wait.

        Raises:
            DriverError: `epoch.waiting`, as many of its namespace wait as may.
        """
        queue = self._of.setdefault(one.namespace.creation.id, deque())
        if len(queue) >= one.namespace.limits.waiting:
            raise DriverError("epoch.waiting", f"{len(queue)} requests wait already")
        queue.append(one)

    def take(self, room: int) -> list[Waiting]:
        """Take at most `room` callers, one of each namespace in turn."""
        taken: list[Waiting] = []
        leaves: dict[bytes, int] = {}
        turns = deque(self._of)
        while turns and len(taken) < room:
            key = turns.popleft()
            queue = self._of[key]
            while queue and queue[0].answer.done():  # it has left, which costs nothing
                queue.popleft()
            if not queue:
                del self._of[key]
                continue
            if leaves.get(key, 0) >= queue[0].namespace.limits.leaves:
                continue
            leaves[key] = leaves.get(key, 0) + 1
            taken.append(queue.popleft())
            turns.append(key)
        # Who is next in turn is first at the next epoch.
        self._of = {key: self._of[key] for key in (*turns, *self._of) if key in self._of}
        return taken
