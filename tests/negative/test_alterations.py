# SPDX-License-Identifier: Apache-2.0
"""What `make mutants` stands on: each alteration is one, survivors are told, lists do not grow old.

The run itself takes minutes; here are its parts, and that each listed survivor still exists.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.negative.alterations import alterations
from tests.negative.mutants import Mutant
from tests.negative.survivors import CHECKS, MODULES, SURVIVORS
from tools import mutate
from tools.house import ROOT

# From 3.12 on Python warns of it; the child makes no use of other threads' locks.
pytestmark = pytest.mark.filterwarnings("ignore:.*is multi-threaded:DeprecationWarning")

SOURCE: Final = """
def reaches(a, b, names):
    if a < b + 7:
        return False
    if not names:
        return a == b and a >= 2
    return "x" in names
"""
DUE: Final = {
    "lt to lte in a < b + 7",
    "add to sub in b + 7",
    "7 to 8",
    "if names",
    "eq to noteq in a == b",
    "and to or in a == b and a >= 2",
    "gte to gt in a >= 2",
    "2 to 3",
    "in to notin in 'x' in names",
}


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, list[Mutant]]:
    (tmp_path / "altered_here.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("altered_here")
    return module, alterations("altered_here")


def test_every_operator_number_and_condition_is_altered(
    altered: tuple[ModuleType, list[Mutant]],
) -> None:
    _, found = altered
    assert {one.name.removeprefix("altered_here.reaches: ") for one in found} == DUE


def test_an_alteration_is_in_place_and_gone_again(
    altered: tuple[ModuleType, list[Mutant]],
) -> None:
    module, found = altered
    (boundary,) = (one for one in found if "lt to lte" in one.name)
    assert module.reaches(9, 2, {"x"})
    with boundary.installed():
        assert not module.reaches(9, 2, {"x"})
    assert module.reaches(9, 2, {"x"})


def test_those_that_no_test_notices_are_told(altered: tuple[ModuleType, list[Mutant]]) -> None:
    module, found = altered
    seen = mutate.noticed(found, lambda: int(not module.reaches(9, 2, {"x"})))
    short = {name.removeprefix("altered_here.reaches: ") for name in seen}
    assert short == {
        "lt to lte in a < b + 7",
        "7 to 8",
        "if names",
        "in to notin in 'x' in names",
    }


def test_a_test_that_does_not_end_has_noticed(
    altered: tuple[ModuleType, list[Mutant]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutate, "PATIENCE_S", 1)
    _, found = altered
    assert mutate.noticed(found[:1], _forever) == {found[0].name}


def _forever() -> int:
    while True:
        ast.parse("1")


def test_a_survivor_that_is_not_listed_and_a_list_that_grew_old_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SURVIVORS, "some.module", {"f: 1 to 2": "a reason"})
    assert list(mutate.difference("some.module", ["some.module.f: 1 to 2"])) == []
    assert list(mutate.difference("some.module", ["some.module.g: 2 to 3"])) == [
        "some.module: no test notices g: 2 to 3",
        "some.module: listed, and noticed or gone: f: 1 to 2",
    ]


TRIED: Final = {**CHECKS, **MODULES}


@pytest.mark.parametrize("module", SURVIVORS)
def test_what_is_listed_exists_and_has_a_reason(module: str) -> None:
    found = {one.name for one in mutate.tried(module)}
    listed = SURVIVORS[module]
    assert {f"{module}.{one}" for one in listed} <= found
    assert all(len(reason) > 20 for reason in listed.values())


@pytest.mark.parametrize("module", TRIED)
def test_what_is_tried_exists(module: str) -> None:
    import_module(f"troth.{module}")
    assert TRIED[module]
    assert [one for one in TRIED[module] if not (ROOT / "tests" / one).is_file()] == []


def test_a_module_is_altered_or_its_checks_are_left_out() -> None:
    assert not MODULES.keys() & CHECKS.keys()
    assert all(mutate.tried(one) for one in MODULES)


def test_no_list_is_of_a_module_that_is_not_tried() -> None:
    assert SURVIVORS.keys() <= TRIED.keys()
