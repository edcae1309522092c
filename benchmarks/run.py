# SPDX-License-Identifier: Apache-2.0
"""Measure troth against the limit of its cryptography and against a peer, all in one run.

    python -m benchmarks.run [--rounds N] [--seconds S] [--output FILE]

Ours, the limit and the peer take turns in every round, so that a machine whose speed drifts does
not favour one of them; medians and spreads are given, and ratios of medians. Results go to
benchmarks/results/, with versions and cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.cases import Case, all_cases
from benchmarks.rates import rate

HERE = Path(__file__).resolve().parent
ROUNDS = 7
SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Measured:
    """Rates of one contender over all rounds, per second."""

    rates: tuple[float, ...]

    @property
    def median(self) -> float:
        """The rate to quote."""
        return statistics.median(self.rates)

    def view(self) -> dict[str, float]:
        """The figures as they go into the results."""
        return {
            "per_second": round(self.median, 1),
            "microseconds": round(1e6 / self.median, 2),
            "slowest": round(min(self.rates), 1),
            "fastest": round(max(self.rates), 1),
        }


def measure(case: Case, rounds: int, seconds: float) -> dict[str, Measured]:
    """Let the contenders of a case take turns; the first round warms up and does not count."""
    rates: dict[str, list[float]] = {name: [] for name in case.contenders}
    for turn in range(rounds + 1):
        for name, work in case.contenders.items():
            got = rate(work, seconds)
            if turn:
                rates[name].append(got)
    return {name: Measured(tuple(one)) for name, one in rates.items()}


def main() -> int:
    """Measure all cases, print a table, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "latest.json")
    options = parser.parse_args()
    results = []
    for case in all_cases():
        measured = measure(case, options.rounds, options.seconds)
        ours = measured["troth"].median
        ratios = {
            name: round(ours / one.median, 3) for name, one in measured.items() if name != "troth"
        }
        print(f"\n{case.name}: {case.what}")
        for name, one in measured.items():
            view = one.view()
            ratio = "" if name == "troth" else f"   troth is {ratios[name]:.2f} x this"
            print(
                f"  {name:24} {view['per_second']:>11,.0f}/s {view['microseconds']:>9.1f} us{ratio}"
            )
        results.append(
            {
                "case": case.name,
                "what": case.what,
                "measured": {name: one.view() for name, one in measured.items()},
                "ratios": ratios,
            }
        )
    document = {"machine": machine(options.rounds), "results": results}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten: {options.output.name}")
    return 0


def machine(rounds: int) -> dict[str, object]:
    """Return what a reader needs to know to compare the figures."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "rounds": rounds,
        "versions": {name: version(name) for name in ("troth", "cryptography", "dcap-qvl")},
    }


if __name__ == "__main__":
    sys.exit(main())
