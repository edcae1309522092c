# SPDX-License-Identifier: Apache-2.0
"""Hold the conformance page to the script and the tests: `python -m tools.conformance`.

Every row of the script stands on the page; every row and test that the page names exists; each
line names at least one; and where FUSE cannot do as the kernel does, page and tests agree.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance.bench import ROWS
from tests.conformance.differences import DIFFERENCES, KERNEL_ONLY
from tests.conformance.operations import main as script  # files the rows
from tools import house

__all__ = ["Line", "lines", "problems", "tests_in"]

PAGE: Final = house.ROOT / "docs" / "conformance" / "configfs-tsm.md"
TESTS: Final = house.ROOT / "tests" / "view"

_COLUMNS: Final = 4
_QUOTED: Final = re.compile(r"`([^`]+)`")
_CANNOT: Final = "**FUSE cannot**"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table."""

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
        if not text.startswith("| ") or text.startswith(("| ---", "| Operation |")):
            continue
        cells = [one.strip() for one in text.strip("|").split("|")]
        if len(cells) != _COLUMNS:
            raise ValueError(f"{len(cells)} columns: {text[:60]}")
        operation, answer, rows, tests = cells
        yield Line(
            operation, (*_QUOTED.findall(rows),), (*_QUOTED.findall(tests),), _CANNOT in answer
        )


def problems(
    table: Iterable[Line], *, rows: Iterable[str], tests: set[str], different: set[str]
) -> list[str]:
    """Say what is wrong with a table.

    Args:
        table: its lines.
        rows: the rows of the script.
        tests: the tests that there are, as `file.py::name`.
        different: the rows in which the view differs, or on which it is not run.
    """
    known = set(rows)
    found: list[str] = []
    named: set[str] = set()
    marked: set[str] = set()
    for line in table:
        if not line.rows and not line.tests:
            found.append(f"{line.operation}: no row and no test")
        found += [f"{line.operation}: no row `{one}`" for one in line.rows if one not in known]
        found += [f"{line.operation}: no test `{one}`" for one in line.tests if one not in tests]
        named.update(line.rows)
        if line.cannot:
            marked.update(line.rows)
            if not different.intersection(line.rows):
                found.append(f"{line.operation}: no test says that FUSE cannot")
    found += [f"row `{one}` is not on the page" for one in sorted(known - named)]
    found += [f"row `{one}` differs and is not marked" for one in sorted(different - marked)]
    return found


def tests_in(folder: Path) -> set[str]:
    """Return the tests below a folder, as `file.py::name`."""
    return {
        f"{path.name}::{node.name}"
        for path in folder.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def main() -> int:
    """Check the page."""
    found = problems(
        lines(PAGE.read_text(encoding="utf-8")),
        rows=[name for name, _ in ROWS],
        tests=tests_in(TESTS),
        different={row for row, _ in DIFFERENCES} | set(KERNEL_ONLY),
    )
    for one in found:
        print(f"conformance: {one}", file=sys.stderr)
    if not found:
        print(f"conformance: {len(ROWS)} rows of {script.__module__}, all on the page")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
