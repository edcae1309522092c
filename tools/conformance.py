# SPDX-License-Identifier: Apache-2.0
"""Hold the conformance page to the script and the tests: `python -m tools.conformance`.

Every observation of the list stands on the page, once and by its id, and no other; every row of the
script stands there; every row and test that the page names exists; each line names at least one;
and where FUSE cannot do as the kernel does, page and tests agree.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.conformance.bench import ROWS
from tests.conformance.differences import DIFFERENCES, KERNEL_ONLY
from tests.conformance.observed import OBSERVED
from tests.conformance.operations import main as script  # files the rows
from tools import house

__all__ = ["Line", "found_in", "lines", "problems", "tests_in"]

PAGE: Final = house.ROOT / "docs" / "conformance" / "configfs-tsm.md"
TESTS: Final = house.ROOT / "tests" / "view"

_COLUMNS: Final = 5
_QUOTED: Final = re.compile(r"`([^`]+)`")
_CANNOT: Final = "**FUSE cannot**"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table."""

    id: str
    operation: str
    rows: tuple[str, ...]
    tests: tuple[str, ...]
    cannot: bool


def lines(page: str) -> Iterator[Line]:
    """Yield the lines of the page's tables.

    Raises:
        ValueError: a line has another number of columns.
    """
    for text in page.splitlines():
        if not text.startswith("| ") or text.startswith(("| ---", "| Id |")):
            continue
        cells = [one.strip() for one in text.strip("|").split("|")]
        if len(cells) != _COLUMNS:
            raise ValueError(f"{len(cells)} columns: {text[:60]}")
        name, operation, answer, rows, tests = cells
        yield Line(
            name,
            operation,
            (*_QUOTED.findall(rows),),
            (*_QUOTED.findall(tests),),
            _CANNOT in answer,
        )


def problems(
    table: Iterable[Line],
    *,
    observed: Mapping[str, str],
    rows: Iterable[str],
    tests: AbstractSet[str],
    different: AbstractSet[str],
) -> list[str]:
    """Say what is wrong with a table.

    Args:
        table: its lines.
        observed: the operations that are due on it, by the ids of their lines.
        rows: the rows of the script.
        tests: the tests that there are, as `file.py::name`.
        different: the rows in which the view differs, or on which it is not run.
    """
    table, known = list(table), set(rows)
    found = list(_unlisted(table, observed))
    named: set[str] = set()
    marked: set[str] = set()
    for line in table:
        if not line.rows and not line.tests:
            found.append(f"{line.id}: no row and no test")
        found += [f"{line.id}: no row `{one}`" for one in line.rows if one not in known]
        found += [f"{line.id}: no test `{one}`" for one in line.tests if one not in tests]
        named.update(line.rows)
        if line.cannot:
            marked.update(line.rows)
            if different.isdisjoint(line.rows):
                found.append(f"{line.id}: no test says that FUSE cannot")
    found += [f"row `{one}` is not on the page" for one in sorted(known - named)]
    found += [f"row `{one}` differs and is not marked" for one in sorted(different - marked)]
    return found


def found_in(page: str) -> list[str]:
    """Say what is wrong with a page, by the tests that there are."""
    return problems(
        lines(page),
        observed=OBSERVED,
        rows=[name for name, _ in ROWS],
        tests=tests_in(TESTS),
        different={row for row, _ in DIFFERENCES} | set(KERNEL_ONLY),
    )


@cache
def tests_in(folder: Path) -> frozenset[str]:
    """Return the tests below a folder, as `file.py::name`."""
    return frozenset(
        f"{path.name}::{node.name}"
        for path in folder.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def main() -> int:
    """Check the page."""
    found = found_in(PAGE.read_text(encoding="utf-8"))
    for one in found:
        print(f"conformance: {one}", file=sys.stderr)
    if not found:
        print(
            f"conformance: {len(OBSERVED)} observations and {len(ROWS)} rows of"
            f" {script.__module__}, all on the page"
        )
    return 1 if found else 0


def _unlisted(table: Iterable[Line], observed: Mapping[str, str]) -> Iterator[str]:
    times = Counter(line.id for line in table)
    for name, operation in observed.items():
        if times[name] != 1:
            yield f"{name}, {operation}: on the page {times[name]} times"
    for line in table:
        if line.id not in observed:
            yield f"{line.id}, {line.operation}: not in the list of observations"
        elif line.operation != observed[line.id]:
            yield f"{line.id}: {line.operation}, where the list has {observed[line.id]}"


if __name__ == "__main__":
    sys.exit(main())
