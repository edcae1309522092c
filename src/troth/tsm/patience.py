# SPDX-License-Identifier: Apache-2.0
"""Asking again: what is worth it, with which pauses, and for how long.

    code              the kernel's errno   asked again
    ----------------  -------------------  --------------------------------------------------
    tsm.busy          EBUSY, EAGAIN        until the deadline: an earlier request is in flight
    tsm.timed-out     ETIMEDOUT            until the deadline, but never of an SNP: there it
                                           means that the message key is disabled
    tsm.interrupted   EINTR                a few times: a provider may answer it for ever
    all others                             never here; whoever asked knows what it is worth

The deadline is for asking again. A request that the kernel holds is ended by the kernel, after 30 s
for TDX and 60 s for SNP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from troth.errors import DriverError
from troth.tsm.clock import Clock

__all__ = ["AGAIN", "AGAIN_SNP", "INTERRUPTS", "patiently"]

T = TypeVar("T")

AGAIN_SNP: Final = frozenset({"tsm.busy", "tsm.interrupted"})
AGAIN: Final = AGAIN_SNP | {"tsm.timed-out"}
INTERRUPTS: Final = 8
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 1.0  # the tick at which the TDX driver looks for the answer


def patiently(
    work: Callable[[], T], *, until: float, clock: Clock, again: frozenset[str] = AGAIN
) -> T:
    """Do `work`, and again while it fails in a way that passes.

    Args:
        work: leaves nothing behind when it fails.
        until: by the clock; it is not begun again if the pause before would end later.
        clock: measures and spends time.
        again: codes that are worth another try.

    Raises:
        DriverError: what `work` raised the last time.
    """
    pause, interrupts = _FIRST_PAUSE_S, 0
    while True:
        try:
            return work()
        except DriverError as error:
            interrupts += error.code == "tsm.interrupted"
            if error.code not in again or interrupts > INTERRUPTS:
                raise
            if clock.monotonic() + pause > until:
                raise
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
