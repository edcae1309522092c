# SPDX-License-Identifier: Apache-2.0
"""The conformance page is held to the tests, and a fault in it is found."""

from __future__ import annotations

import pytest

from tools.conformance import Line, lines, main, problems

GOOD = Line("an operation", ("a row",), ("test_a.py::test_b",), cannot=False)


def found(*table: Line, different: frozenset[str] = frozenset()) -> list[str]:
    return problems(table, rows=["a row"], tests={"test_a.py::test_b"}, different=set(different))


def test_the_page_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().err


def test_a_good_line() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ((), "row `a row` is not on the page"),
        ((GOOD, Line("other", (), (), cannot=False)), "no row and no test"),
        ((GOOD, Line("other", ("absent",), (), cannot=False)), "no row `absent`"),
        ((GOOD, Line("other", (), ("test_a.py::test_c",), cannot=False)), "no test"),
        ((GOOD, Line("other", ("a row",), (), cannot=True)), "no test says that FUSE cannot"),
    ],
)
def test_faults(table: tuple[Line, ...], said: str) -> None:
    assert said in "\n".join(found(*table))


def test_an_unmarked_difference() -> None:
    assert found(GOOD, different=frozenset({"a row"})) == ["row `a row` differs and is not marked"]


def test_lines_are_read() -> None:
    head = "| Operation | K | S | T |\n| --- | --- | --- | --- |\n"
    text = f"{head}| an operation | x | `a row` | `test_a.py::test_b` |\n"
    assert list(lines(text)) == [GOOD]
    with pytest.raises(ValueError, match="3 columns"):
        list(lines("| a | b | c |"))
