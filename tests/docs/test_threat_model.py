# SPDX-License-Identifier: Apache-2.0
"""The threat model has a row for each party, each row a test, and each test exists."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tools import house, maps

PAGE = house.ROOT / "docs" / "threat-model.md"
TEST = re.compile(r"(?P<file>[\w/]+\.py)::(?P<name>test_\w+)")
PARTIES = {
    "The host": (4, 4),
    "Another namespace": (2, 4),
    "The workload": (2, 2),
    "Such code": (4, 2),
    "trothd": (1, 2),
    "The emulator's root": (1, 1),
}
"""How many things each party can do at least, and how many it cannot."""
NOT_ACHIEVED = ("Python", "SEV-SNP", "Permission events", "Modelling")


def problems(root: Path, page: Path) -> list[str]:
    found = []
    for row in maps.rows(page):
        names = list(TEST.finditer(row.cells[-1]))
        if row.columns[-1] != "Test" or len(row.cells) != len(row.columns) or not names:
            found.append(f"{row.where}: no test")
        found += [f"{row.where}: {one[0]}" for one in names if maps.missing_test(root, one)]
    return found


def test_every_row_names_a_test_that_exists() -> None:
    assert problems(house.ROOT, PAGE) == []


def test_every_party_and_every_limit_has_its_rows() -> None:
    rows = list(maps.rows(PAGE))
    can = Counter(row.columns[0] for row in rows if row.cells[0].startswith("can "))
    cannot = Counter(row.columns[0] for row in rows if row.cells[0].startswith("cannot "))
    for party, (least_can, least_cannot) in PARTIES.items():
        assert can[party] >= least_can, party
        assert cannot[party] >= least_cannot, party
    said = [row.cells[0] for row in rows if row.columns[0] == "Sentence"]
    for what in NOT_ACHIEVED:
        assert any(one.startswith(what) for one in said), what


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("`threats/test_nothing.py::test_x`", "threats/test_nothing.py::test_x"),
        ("`docs/test_threat_model.py::test_x`", "docs/test_threat_model.py::test_x"),
        ("trust us", "no test"),
    ],
)
def test_a_row_without_a_test_is_found(tmp_path: Path, cell: str, problem: str) -> None:
    page = tmp_path / "threat-model.md"
    page.write_text(f"| A | Why | Test |\n| --- | --- | --- |\n| can | so | {cell} |\n")
    assert problems(house.ROOT, page) == [f"threat-model.md:3: {problem}"]
