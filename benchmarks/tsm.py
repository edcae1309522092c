# SPDX-License-Identifier: Apache-2.0
"""Measure the configfs driver against the bare file operations that it consists of.

    python -m benchmarks.tsm [--sysfs DIR] [--rounds N] [--seconds S] [--output FILE]

Both go through the whole cycle, from mkdir to rmdir, on the same mount and in turns. The mount is a
FUSE view whose quote is ready, or a machine's own sysfs; there the quote's time is in both figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bare import bare
from benchmarks.figures import Spread, percentile
from benchmarks.ready_view import REPORT_DATA, ready_view
from troth.orchestrator.device import Device
from troth.tsm.configfs import ConfigfsDriver

HERE = Path(__file__).resolve().parent
CALLERS = 64
OVERHEAD = 0.30  # of the bare operations, at most


def callers(sysfs: Path) -> dict[str, float]:
    """Let 64 callers ask one driver at once, on the device's thread as in trothd."""
    device = Device(ConfigfsDriver(sysfs))
    times: list[float] = []

    async def ask(begun: float) -> None:
        await device.report(REPORT_DATA)
        times.append(1000 * (time.perf_counter() - begun))

    async def everybody() -> None:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(begun) for _ in range(CALLERS)))

    asyncio.run(everybody())
    device.close()
    return {
        "p50_ms": percentile(times, 50),
        "last_ms": max(times),
        "per_second": 1000 * CALLERS / max(times),
    }


def measure(sysfs: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """Let all take turns, cycle by cycle; the first round warms up and does not count."""
    driver = ConfigfsDriver(sysfs)
    cycle = bare(sysfs, REPORT_DATA)
    ours, limit, bursts = [], [], []
    for turn in range(rounds + 1):
        by_files, by_driver = _pairs(cycle, lambda: driver.report(REPORT_DATA), seconds)
        burst = callers(sysfs)
        if turn:
            limit.append(by_files)
            ours.append(by_driver)
            bursts.append(burst)
    driver.close()
    both = list(zip(ours, limit, strict=True))
    return {
        "driver_cycle_us": Spread(tuple(ours)).view(1),
        "bare_cycle_us": Spread(tuple(limit)).view(1),
        "cycles_per_second": Spread(tuple(1e6 / one for one in ours)).view(1),
        "overhead_us": Spread(tuple(one - files for one, files in both)).view(1),
        "overhead": Spread(tuple(one / files - 1 for one, files in both)).view(),
        f"{CALLERS}_callers": {
            name: Spread(tuple(burst[name] for burst in bursts)).view(1) for name in bursts[0]
        },
    }


def _pairs(
    one: Callable[[], object], other: Callable[[], object], seconds: float
) -> tuple[float, float]:
    """Do both by turns for so long; return the median time of each, in microseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        one()
        between = time.perf_counter()
        other()
        times[0].append(1e6 * (between - begun))
        times[1].append(1e6 * (time.perf_counter() - between))
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> int:
    """Measure, print, write the results; the exit status says whether the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sysfs", type=Path, help="of a machine with a TDX; a FUSE view if not")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "tsm.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with ready_view() if options.sysfs is None else nullcontext(options.sysfs) as sysfs:
        found = measure(sysfs, options.rounds, options.seconds)
    is_met = found["overhead"]["median"] <= OVERHEAD
    document = {
        "machine": machine(options.rounds, load),
        "on": "a FUSE view, its quote ready" if options.sysfs is None else "the kernel's configfs",
        "bar": {"what": "overhead above the bare operations", "bar": OVERHEAD, "met": is_met},
        "results": found,
    }
    text = json.dumps(document, indent=2)
    print(text)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text + "\n")
    return 0 if is_met else 1


def machine(rounds: int, load: float) -> dict[str, object]:
    """Return what a reader needs to know to compare the figures."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "rounds": rounds,
        "versions": {name: version(name) for name in ("troth", "mfusepy", "msgspec")},
    }


if __name__ == "__main__":
    sys.exit(main())
