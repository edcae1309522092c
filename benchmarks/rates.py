# SPDX-License-Identifier: Apache-2.0
"""How often something is done in a second."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["rate"]


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often `work` is done in a second, over about `seconds`."""
    done, batch = 0, 1
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        for _ in range(batch):
            work()
        done += batch
        batch = min(batch * 2, 256)
    return done / passed
