# SPDX-License-Identifier: Apache-2.0
"""Each row of the list of failures is made somewhere: tables, tests and cases exist."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.rows import LIST, names_of

_ROW: Final = re.compile(r"(?P<kind>\w+)/(?P<group>\w+):(?: (?P<row>.+))?")
_TEST: Final = re.compile(r"(?P<file>[\w/]+)\.py::(?P<name>test_\w+)(?:\[(?P<case>.+)\])?")
LEAST: Final = 190  # rows of the list, as it stands in the project's notes


@cache
def tables(kind: str) -> dict[str, dict[str, str]]:
    """Return the rows of a kind, by group; that each has its cases its own test says."""
    found: dict[str, dict[str, str]] = import_module(f"tests.{kind}.test_complete").ROWS
    return found


def problem(reference: str, row: str) -> str | None:
    """Say what is wrong with where a row is said to be made, if anything is."""
    if one := _ROW.fullmatch(reference):
        words = one["row"] or row
        return None if words in tables(one["kind"]).get(one["group"], {}) else f"no row {words!r}"
    two = _TEST.fullmatch(reference)
    if two is None:
        return "neither a row nor a test"
    module = import_module("tests." + two["file"].replace("/", "."))
    test = vars(module).get(two["name"])
    if test is None:
        return "no such test"
    case = two["case"]
    if case is not None and not any(fnmatchcase(name, case) for name in names_of(test)):
        return "no such case"
    return None


ROWS: Final = [(part, row) for part, rows in LIST.items() for row in rows]


@pytest.mark.parametrize(("part", "row"), ROWS, ids=lambda one: one.replace(" ", "-"))
def test_each_row_is_made_somewhere(part: str, row: str) -> None:
    references = [one.strip() for one in LIST[part][row].split(" | ")]
    assert references
    assert {one: problem(one, row) for one in references} == dict.fromkeys(references)


def test_the_list_is_whole() -> None:
    assert len(ROWS) >= LEAST


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("negative/quote_format: no such row", "no row 'no such row'"),
        ("negative/no_group:", "no row 'vendor id'"),
        ("negative/test_qe.py::test_nothing", "no such test"),
        ("negative/test_qe.py::test_qe[nothing]", "no such case"),
        ("trust us", "neither a row nor a test"),
    ],
)
def test_a_row_that_is_made_nowhere_is_found(reference: str, said: str) -> None:
    assert problem(reference, "vendor id") == said
