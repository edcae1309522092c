# SPDX-License-Identifier: Apache-2.0
"""Measure a real trothd, with a real verifier and broker where they have a part.

    python -m benchmarks.daemon [--only NAME]… [--rounds N] [--writers-s S] [--idle-s S]

Each figure stands beside what it is to be compared with, measured in the same run: a report for
each request, the P-256 limit of the library. Bars that are missed are said, and the exit status
says so too. Other work on the machine shows: its load is in the results. Two cores are wanted, one
for the daemon and one for its client.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.callers import callers
from benchmarks.consistency import consistency
from benchmarks.footprint import footprint
from benchmarks.revocation import revocation
from benchmarks.statements import statements

HERE = Path(__file__).resolve().parent
REPORT_MS = 39
SLOW_MS = 1000
LAST_MS = 2200
STATEMENTS = 5000

Result = dict[str, Any]


def bars(results: Result) -> list[tuple[str, float, float, bool]]:
    """Return each bar whose case was measured: what, the figure, the bar, whether it is met."""
    found: list[tuple[str, float, float, bool]] = []
    if case := results.get("callers-39ms"):
        p95, bar = case["at_once"]["p95_ms"]["median"], 3.0 * REPORT_MS
        found.append(("128 callers, 39 ms source: p95 in ms", p95, bar, p95 <= bar))
    if case := results.get("callers-1s"):
        last = case["at_once"]["last_ms"]["most"]
        found.append(("128 callers, 1 s source: last in ms", last, LAST_MS, last <= LAST_MS))
    if case := results.get("statements"):
        speed = case["delegated_per_second"]["median"]
        found.append(("delegated statements/s", speed, STATEMENTS, speed >= STATEMENTS))
    if case := results.get("consistency"):
        share = case["share"]
        found.append(("bundles that verify", share, 1.0, share == 1.0))
    return found


def cases(options: argparse.Namespace, base: Path) -> dict[str, Callable[[], Result]]:
    """Return the cases by name, in the order in which they are measured."""
    rounds = options.rounds
    return {
        "callers-39ms": lambda: callers(
            base / "a",
            latency_ms=REPORT_MS,
            rounds=rounds,
            naive_reports=128,
            again_s=4.0,
        ),
        "callers-1s": lambda: callers(
            base / "b",
            latency_ms=SLOW_MS,
            rounds=max(1, rounds // 2),
            naive_reports=3,
            again_s=0.0,
        ),
        "statements": lambda: statements(base / "c", rounds=rounds, seconds=2.0),
        "consistency": lambda: consistency(
            base / "d", seconds=options.writers_s, latency_ms=REPORT_MS
        ),
        "revocation": lambda: revocation(base / "e", rounds=rounds, latency_ms=REPORT_MS),
        "footprint": lambda: footprint(base / "f", rounds=rounds, idle_s=options.idle_s),
    }


def main() -> int:
    """Measure, print what was found, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--only", action="append", default=[], help="a case; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writers-s", type=float, default=30.0)
    parser.add_argument("--idle-s", type=float, default=20.0)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "daemon.json")
    options = parser.parse_args()
    begun, load = time.perf_counter(), os.getloadavg()[0]
    results: Result = {}
    with tempfile.TemporaryDirectory(prefix="tb") as base:
        for name, work in cases(options, Path(base)).items():
            if options.only and name not in options.only:
                continue
            results[name] = work()
            print(f"\n{name}\n{json.dumps(results[name], indent=2)}", flush=True)
    held = bars(results)
    print()
    for what, figure, bar, is_met in held:
        print(f"  {'met   ' if is_met else 'MISSED'} {what:40} {figure:>10,.4g}  bar {bar:,.4g}")
    document = {
        "machine": machine(options.rounds, load),
        "seconds": round(time.perf_counter() - begun),
        "bars": [
            {"what": what, "figure": figure, "bar": bar, "met": is_met}
            for what, figure, bar, is_met in held
        ],
        "results": results,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten: {options.output.name}")
    return 0 if all(is_met for *_, is_met in held) else 1


def machine(rounds: int, load: float) -> dict[str, object]:
    """Return what a reader needs to know to compare the figures."""
    names = ("troth", "cryptography", "uvicorn", "uvloop", "httptools", "starlette", "msgspec")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "rounds": rounds,
        "versions": {name: version(name) for name in names},
    }


if __name__ == "__main__":
    sys.exit(main())
