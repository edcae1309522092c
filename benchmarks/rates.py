# SPDX-License-Identifier: Apache-2.0
"""How often something is done in a second.

Of work on one thread the seconds are the processor's, so that what else the machine does does not
count. Work on several threads is asked for by the clock on the wall: there it is the point.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Contender", "Here", "Together", "rate"]


class Contender(Protocol):
    """Somebody who does a case's work."""

    def rate(self, seconds: float) -> float:
        """Return how often it is done in a second, over about `seconds`."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """Work in this thread."""

    work: Callable[[], object]

    def rate(self, seconds: float) -> float:
        """Return the rate per second of this thread's processor time."""
        return rate(self.work, seconds, time.thread_time)


@dataclass(frozen=True, slots=True)
class Together:
    """Work that waits for other threads."""

    work: Callable[[], object]

    def rate(self, seconds: float) -> float:
        """Return the rate per second of the wall."""
        return rate(self.work, seconds)


def rate(
    work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return how often `work` is done in a second, over about `seconds` of the clock's."""
    done, batch = 0, 1
    started = clock()
    while (passed := clock() - started) < seconds:
        for _ in range(batch):
            work()
        done += batch
        batch = min(batch * 2, 256)
    return done / passed
