# SPDX-License-Identifier: Apache-2.0
"""The conformance page is held to the tests, and a fault in it is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.observed import OBSERVED
from tools.conformance import PAGE, Line, found_in, lines, main, problems

GOOD = Line("A01", "an operation", ("a row",), ("test_a.py::test_b",), cannot=False)


def found(*table: Line, different: frozenset[str] = frozenset()) -> list[str]:
    return problems(
        table,
        observed={"A01": "an operation"},
        rows=["a row"],
        tests={"test_a.py::test_b"},
        different=different,
    )


def other(**changes: Any) -> Line:
    return replace(GOOD, **({"rows": (), "tests": ()} | changes))


def without(name: str) -> str:
    """Return the page without one line."""
    every = PAGE.read_text(encoding="utf-8").splitlines()
    left = [line for line in every if not line.startswith(f"| {name} |")]
    assert len(left) == len(every) - 1
    return "\n".join(left)


def test_the_page_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().err


def test_a_good_line() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ((), "row `a row` is not on the page"),
        ((other(),), "A01: no row and no test"),
        ((other(rows=("absent",)),), "A01: no row `absent`"),
        ((other(tests=("test_a.py::test_c",)),), "A01: no test `test_a.py::test_c`"),
        ((other(rows=("a row",), cannot=True),), "A01: no test says that FUSE cannot"),
        ((), "A01, an operation: on the page 0 times"),
        ((GOOD, GOOD), "A01, an operation: on the page 2 times"),
        ((GOOD, other(id="A02", rows=("a row",))), "A02, an operation: not in the list"),
        ((other(operation="another"),), "A01: another, where the list has an operation"),
    ],
)
def test_faults(table: tuple[Line, ...], said: str) -> None:
    assert said in "\n".join(found(*table))


@pytest.mark.parametrize("name", OBSERVED)
def test_no_line_can_go_unseen(name: str) -> None:
    assert f"{name}, {OBSERVED[name]}: on the page 0 times" in found_in(without(name))


def test_an_unmarked_difference() -> None:
    assert found(GOOD, different=frozenset({"a row"})) == ["row `a row` differs and is not marked"]


def test_lines_are_read() -> None:
    head = "| Id | Operation | K | S | T |\n| --- | --- | --- | --- | --- |\n"
    text = f"{head}| A01 | an operation | x | `a row` | `test_a.py::test_b` |\n"
    assert list(lines(text)) == [GOOD]
    with pytest.raises(ValueError, match="3 columns"):
        list(lines("| a | b | c |"))
