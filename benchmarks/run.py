# SPDX-License-Identifier: Apache-2.0
"""Measure troth against the limit of its cryptography and against peers, all in one run.

    python -m benchmarks.run [CASE…] [--rounds N] [--seconds S] [--output FILE]

Ours, the limit and the peers take turns in every round, so that a machine whose speed drifts does
not favour one of them. Seconds are the processor's, but for the cases on two threads. Medians and
spreads are given, and ratios, of medians and of each one's fastest round: on a machine that has
other work the second is the truer one. Results go to benchmarks/results/, with versions, cores and
load; a run of some cases exchanges theirs. `python -m benchmarks.page` writes docs/figures.md anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from benchmarks.cases import Case, all_cases
from benchmarks.go_peers import GoPeers, build_peers
from benchmarks.seen import seen_cases
from benchmarks.threads import thread_cases

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "latest.json"
ROUNDS = 7
SECONDS = 0.3


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
        for name, contender in case.contenders.items():
            got = contender.rate(seconds)
            if turn:
                rates[name].append(got)
    return {name: Measured(tuple(one)) for name, one in rates.items()}


def main() -> int:
    """Measure all cases, print a table, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="these alone, by their names")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peers = build_peers(Path(folder))
        if peers is None:
            print("go-tdx-guest, go-sev-guest: not measured; no Go toolchain is on PATH")
        results = [
            told(case, measure(case, options.rounds, options.seconds))
            for case in chain(all_cases(peers), seen_cases(peers), thread_cases())
            if not options.cases or case.name in options.cases
        ]
    if options.cases:
        results = exchanged(options.output, results)
    document = {"machine": machine(options.rounds, peers), "results": results}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten: {options.output.name}")
    return 0


def exchanged(path: Path, new: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the results in a file with those of the same cases exchanged, new cases behind."""
    old = json.loads(path.read_text())["results"] if path.exists() else []
    by_name = {one["case"]: one for one in (*old, *new)}
    return list(by_name.values())


def told(case: Case, measured: dict[str, Measured]) -> dict[str, object]:
    """Print what a case came to, and return it for the results."""
    ours = measured["troth"]
    others = {name: one for name, one in measured.items() if name != "troth"}
    ratios = {name: round(ours.median / one.median, 3) for name, one in others.items()}
    fastest = {name: round(max(ours.rates) / max(one.rates), 3) for name, one in others.items()}
    print(f"\n{case.name}: {case.what}")
    for name, one in measured.items():
        view = one.view()
        line = f"  {name:24} {view['per_second']:>11,.0f}/s {view['microseconds']:>9.1f} us"
        if name in others:
            line += f"   troth is {ratios[name]:.2f} x this, fastest {fastest[name]:.2f} x"
        if name in case.bars:
            line += f"; bar {case.bars[name]:g}"
        print(line, flush=True)
    return {
        "case": case.name,
        "what": case.what,
        "measured": {name: one.view() for name, one in measured.items()},
        "ratios": ratios,
        "ratios_of_fastest": fastest,
        "bars": dict(case.bars),
    }


def machine(rounds: int, peers: GoPeers | None = None) -> dict[str, object]:
    """Return what a reader needs to know to compare the figures."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),  # of the last five minutes
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "rounds": rounds,
        "versions": {name: version(name) for name in ("troth", "cryptography", "dcap-qvl")}
        | ({} if peers is None else peers.versions),
    }


if __name__ == "__main__":
    sys.exit(main())
