# SPDX-License-Identifier: Apache-2.0
"""Mutation testing of the modules that others rest on: `python -m tools.mutate [MODULE]…`.

Each function of a module is altered in one place at a time, or has one check left out, and the
module's tests are run until one fails. What none notices must be in `tests/negative/survivors.py`,
with the reason why no test can or need tell; one that stands there and is noticed, or does not
exist, fails too. Modules that are held by tests and not by a table of cases have each check left
out, and nothing altered.

A run takes minutes; each alteration is tried in a process of its own, forked from one that has the
tests loaded. Tests that take longer than two minutes were stopped by an alteration: noticed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.negative.alterations import alterations
from tests.negative.mutants import Mutant, mutants
from tests.negative.survivors import CHECKS, MODULES, SURVIVORS
from tools.house import ROOT

__all__ = ["difference", "main", "survivors", "tried"]

PATIENCE_S: Final = 120
_OPTIONS: Final = (
    *("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"),
    "-Wignore::pytest.PytestAssertRewriteWarning",  # a second run finds its plugins imported
)


def survivors(module: str, files: tuple[str, ...]) -> list[str]:
    """Return the names of the mutants of a module that its tests do not notice.

    Args:
        module: its name below `troth`.
        files: its tests, below `tests/`.

    Raises:
        RuntimeError: the tests fail as it is.
    """
    found = tried(module)
    paths = [str(ROOT / "tests" / one) for one in files]
    if _run(paths):
        message = f"{module}: its tests fail as it is"
        raise RuntimeError(message)
    seen = noticed(found, lambda: _run(paths))
    return [one.name for one in found if one.name not in seen]


def tried(module: str) -> list[Mutant]:
    """Return the mutants of a module: every alteration too, unless only checks are left out."""
    name = f"troth.{module}"
    altered = alterations(name) if module in MODULES else []
    return [*altered, *mutants(name)]


def noticed(found: list[Mutant], run: Callable[[], int]) -> set[str]:
    """Return the names of those with which tests fail, or do not end.

    Args:
        found: what is tried, each in a process of its own, as many at once as there are cores.
        run: the tests; returns 0 if they pass.
    """
    names: set[str] = set()
    running: dict[int, Mutant] = {}
    waiting = [*found]
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            one = waiting.pop()
            running[_start(one, run)] = one
        child, status = os.wait()
        ended = running.pop(child, None)  # others' children are not ours to count
        if status and ended is not None:
            names.add(ended.name)
    return names


def _start(mutant: Mutant, run: Callable[[], int]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(PATIENCE_S)  # its default is to end the process
        with mutant.installed():
            status = 1 if run() else 0
    finally:
        os._exit(status)


def difference(module: str, unnoticed: list[str]) -> Iterator[str]:
    """Yield what is wrong: mutants that survive and are not listed, or are listed and do not."""
    short = {one.removeprefix(f"{module}.") for one in unnoticed}
    listed = SURVIVORS.get(module, {}).keys()
    yield from (f"{module}: no test notices {one}" for one in sorted(short - listed))
    yield from (f"{module}: listed, and noticed or gone: {one}" for one in sorted(listed - short))


def main(modules: list[str]) -> int:
    """Try the named modules, or all; return the exit status."""
    failed = 0
    files = {**CHECKS, **MODULES}
    for module in modules or files:
        unnoticed = survivors(module, files[module])
        count = len(tried(module))
        print(f"{module}: {count} mutants, {len(unnoticed)} survive", flush=True)
        for problem in difference(module, unnoticed):
            failed = 1
            print(problem, flush=True)
    return failed


def _run(paths: list[str]) -> int:
    """Run tests without a word; return pytest's status."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(1), os.dup(2)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        return int(pytest.main([*_OPTIONS, *paths]))
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for one in (quiet, *kept):
            os.close(one)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
