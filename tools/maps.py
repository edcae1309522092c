# SPDX-License-Identifier: Apache-2.0
"""The maps in the documents hold: every function and every test that they name exists.

A function is `troth.module.name` or `troth.module.Class.name`; a test is `folder/file.py::test`,
below `tests/`, with `[case]` behind it where one row of a table is meant. Nothing is imported: the
sources are read. Run as `python -m tools.maps`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tools import house

MAPS: Final = ("spec-map.md", "past-holes.md")
STEPS: Final = tuple(str(number) for number in range(1, 12))
DIFFERENCES: Final = (
    "JSON signature",
    "validity",
    "root",
    "QE REPORTDATA",
    "TCB signer",
    "revoked status",
    "trailing bytes",
)

_CODE: Final = re.compile(r"`([^`]+)`")
_FUNCTION: Final = re.compile(r"troth(?:\.\w+)+")
_TEST: Final = re.compile(r"(?P<file>[\w/]+\.py)::(?P<name>test_\w+)(?:\[(?P<case>[^\]]+)\])?")


class Row(NamedTuple):
    """A row of a table: where it stands, its heading's columns, its cells."""

    where: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows of every table of a document."""
    columns: tuple[str, ...] = ()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|"):
            columns = ()
            continue
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if not columns:
            columns = cells
        elif not set(line) <= set("|-: "):
            yield Row(f"{path.name}:{number}", columns, cells)


def missing_function(root: Path, name: str) -> bool:
    """Say whether the sources have no such module, function, class, method or attribute."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        path = root / "src" / Path(*parts[:split])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                body = ast.parse(file.read_text(encoding="utf-8")).body
                return not _defined(body, parts[split:])
    return True


def missing_test(root: Path, reference: re.Match[str]) -> bool:
    """Say whether the tests have no such function. Cases are made by running: see the tests."""
    path = root / "tests" / reference["file"]
    if not path.is_file():
        return True
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return reference["name"] not in {
        node.name for node in nodes if isinstance(node, ast.FunctionDef)
    }


def tests(root: Path) -> Iterator[re.Match[str]]:
    """Yield each reference to a test: its file, its name, and its case or None."""
    for name in MAPS:
        for code in _CODE.findall((root / "docs" / name).read_text(encoding="utf-8")):
            if found := _TEST.fullmatch(code):
                yield found


def problems(root: Path) -> list[str]:
    """Return what is wrong with the maps of a tree."""
    found: list[str] = []
    for name in MAPS:
        path = root / "docs" / name
        for code in _CODE.findall(path.read_text(encoding="utf-8")):
            test = _TEST.fullmatch(code)
            if test and missing_test(root, test):
                found.append(f"{name}: no test {code}")
            elif _FUNCTION.fullmatch(code) and missing_function(root, code):
                found.append(f"{name}: no function {code}")
        found += [
            problem for row in rows(path) if "Test" in row.columns for problem in _incomplete(row)
        ]
    return [*found, *_absent(root / "docs" / MAPS[0])]


def _incomplete(row: Row) -> Iterator[str]:
    """A row has a cell for each column, and names at least one test."""
    if len(row.cells) != len(row.columns):
        yield f"{row.where}: {len(row.cells)} cells, {len(row.columns)} columns"
    elif not any(_TEST.fullmatch(code) for code in _CODE.findall(row.cells[-1])):
        yield f"{row.where}: no test"


def _absent(path: Path) -> Iterator[str]:
    """Each step of the appraisal and each difference to Intel's library has a row."""
    for column, due in (("Step", STEPS), ("Difference", DIFFERENCES)):
        have = {row.cells[0] for row in rows(path) if row.columns[0] == column}
        yield from (
            f"{path.name}: no row for {column.lower()} {one}" for one in due if one not in have
        )


def _defined(body: list[ast.stmt], names: list[str]) -> bool:
    if not names:
        return True
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == names[0]:
            return len(names) == 1 or _defined(node.body, names[1:])
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and [node.target.id] == names
        ):
            return True
    return False


def main() -> int:
    """Print the problems; return the exit status."""
    found = problems(house.ROOT)
    print("\n".join(found) if found else "maps: every name exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
