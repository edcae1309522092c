# SPDX-License-Identifier: Apache-2.0
"""What a daemon costs that nobody asks: time to start, memory, and CPU."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.daemons import trothd
from benchmarks.figures import Spread

__all__ = ["cpu_s", "footprint"]

FEW, MANY = 2, 200
_KIB = 1024
_UTIME = 13  # proc_pid_stat(5), counted from 0; stime is the next


def footprint(directory: Path, *, rounds: int, idle_s: float) -> dict[str, object]:
    """Start daemons with few and with many namespaces, and look at one that idles."""
    directory.mkdir()
    starts, many_starts, rss = [], [], {}
    for number in range(rounds):
        begun = time.perf_counter()
        with trothd(directory / f"few{number}", FEW) as one:
            starts.append(1000 * (time.perf_counter() - begun))
            rss[FEW] = _rss_mib(one.daemon_pid())
    begun = time.perf_counter()
    with trothd(directory / "many", MANY) as one:
        many_starts.append(1000 * (time.perf_counter() - begun))
        rss[MANY] = _rss_mib(one.daemon_pid())
        cpu = _idle(one.daemon_pid(), idle_s)
        supervisor = _rss_mib(one.process.pid) if one.process is not None else 0.0
    return {
        "start_ms": Spread(tuple(starts)).view(0),
        "start_with_200_namespaces_ms": Spread(tuple(many_starts)).view(0),
        "rss_mib_2_namespaces": rss[FEW],
        "rss_mib_200_namespaces": rss[MANY],
        "rss_mib_supervisor": supervisor,
        "idle_seconds": idle_s,
        "idle_cpu_percent": round(100 * cpu / idle_s, 4),
    }


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) / _KIB, 1)
    raise RuntimeError("no VmRSS")


def _idle(pid: int, seconds: float) -> float:
    """Return how many seconds of CPU a process takes in so many seconds."""
    before = cpu_s(pid)
    time.sleep(seconds)
    return cpu_s(pid) - before


def cpu_s(pid: int) -> float:
    """Return a process's CPU time, to the nanosecond where the kernel tells it."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        schedstat = task / "schedstat"
        if schedstat.exists():
            total += int(schedstat.read_text().split()[0])
    if total:
        return total / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[_UTIME - 2]) + int(fields[_UTIME - 1])
    return ticks / os.sysconf("SC_CLK_TCK")
