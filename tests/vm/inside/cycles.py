# SPDX-License-Identifier: Apache-2.0
"""How many reports a second the kernel's configfs-tsm gives: raw file operations, and our driver.

Run as `python3 -m tests.vm.inside.cycles RELEASE`, behind a provider that answers at once; prints
one line of JSON. The rounds alternate, so that a busy machine slows both. Everything runs on
an emulated processor here, and no quote is waited for, so the driver's share is as large as it can
be: no bar is held, the figures are told.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.bare import bare
from troth.tsm.configfs import ConfigfsDriver

__all__ = ["main"]

SYSFS: Final = Path("/sys")
CYCLES: Final = 60
ROUNDS: Final = 5
DATA: Final = bytes(64)


def main(release: str) -> None:
    """Measure and print."""
    driver = ConfigfsDriver(SYSFS)
    cycle = bare(SYSFS, DATA)
    raw, ours = [], []
    for _ in range(ROUNDS):
        raw.append(_per_second(cycle))
        ours.append(_per_second(lambda: driver.report(DATA)))
    driver.close()
    result = {
        "kernel": release,
        "python": sys.version.split()[0],
        "cpus": os.cpu_count(),
        "cycles_per_round": CYCLES,
        "raw_per_s": [round(one, 1) for one in raw],
        "driver_per_s": [round(one, 1) for one in ours],
        "overhead": round(statistics.median(raw) / statistics.median(ours) - 1, 3),
    }
    sys.stdout.write(json.dumps(result))


def _per_second(cycle: Callable[[], object]) -> float:
    start = time.monotonic()
    for _ in range(CYCLES):
        cycle()
    return CYCLES / (time.monotonic() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
