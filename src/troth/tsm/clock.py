# SPDX-License-Identifier: Apache-2.0
"""Waiting, as the drivers do it: a clock that only goes forward, and a sleep by it."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What measures and spends time."""

    def monotonic(self) -> float:
        """Return seconds since some instant; never less than before."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for so long, or a little longer."""
        ...


class SystemClock:
    """The machine's."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait by `time.sleep`."""
        time.sleep(seconds)
