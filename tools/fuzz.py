# SPDX-License-Identifier: Apache-2.0
"""Fuzz every door for some seconds each: `python -m tools.fuzz SECONDS [DOOR]…`.

Run in the environment of `make fuzz`, one door after the other. Prints what each one came to; an
input that raises anything but an error of ours, takes ten seconds or needs two GiB ends the run,
and stays in `.cache/fuzz` for `python -m tests.fuzz.run DOOR FILE`. What was found to lead
elsewhere stays there too, and the next run begins with it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz.doors import DOORS
from tools.house import ROOT

FOLDER: Final = ROOT / ".cache" / "fuzz"
OPTIONS: Final = (
    "-timeout=10",  # seconds for one input
    "-rss_limit_mb=2048",
    "-max_len=16384",  # bytes of one input
    "-use_value_profile=1",  # comparisons that come closer count as new
    "-print_final_stats=1",
)
HEADING: Final = (
    f"{'door':12}{'seconds':>8}{'executions':>12}{'edges':>8}{'inputs':>8}{'reached':>9}"
)

_EXECUTIONS: Final = re.compile(r"stat::number_of_executed_units: (\d+)")
_EDGES: Final = re.compile(r"DONE +cov: (\d+)")


class Outcome(NamedTuple):
    """What a run came to.

    Attributes:
        executions: inputs that were given to the door.
        edges: jumps in its instrumented code that any of them took.
        inputs: those kept, as each took another way.
        reached: share of the lines and branches of the door's modules, in percent.
    """

    executions: int
    edges: int
    inputs: int
    reached: float


def fuzz(door: str, seconds: int, folder: Path = FOLDER) -> Outcome | str:
    """Fuzz one door; return what it came to, or the end of the fuzzer's report on a crash.

    Args:
        door: its name.
        seconds: how long.
        folder: where inputs are kept.
    """
    corpus = folder / door
    corpus.mkdir(parents=True, exist_ok=True)
    options = (*OPTIONS, f"-max_total_time={seconds}", f"-artifact_prefix={folder}/{door}-")
    command = [sys.executable, "-m", "tests.fuzz.run", door, *options, str(corpus)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    said = (ran.stdout + ran.stderr).decode(errors="replace")
    executions, edges = _EXECUTIONS.search(said), _EDGES.search(said)
    if ran.returncode or executions is None or edges is None:
        return "\n".join(said.splitlines()[-40:])
    command = [sys.executable, "-m", "tests.fuzz.replay", door, str(corpus)]
    replayed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    found = len(list(corpus.iterdir()))
    return Outcome(int(executions[1]), int(edges[1]), found, float(replayed.stdout))


def main(arguments: list[str]) -> int:
    """Fuzz the doors that are named, or all; return the exit status."""
    seconds, doors = int(arguments[0]), arguments[1:] or DOORS
    print(HEADING, flush=True)
    failed = 0
    for door in doors:
        outcome = fuzz(door, seconds)
        if isinstance(outcome, str):
            failed = 1
            print(f"{door}: an input broke it\n{outcome}", flush=True)
            continue
        print(
            f"{door:12}{seconds:8}{outcome.executions:12}{outcome.edges:8}{outcome.inputs:8}"
            f"{outcome.reached:8.1f}%",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
