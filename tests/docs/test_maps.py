# SPDX-License-Identifier: Apache-2.0
"""The maps name what exists, and a name that does not is found. So is a page of codes grown old."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.negative.rows import names_of
from tools import codes_page, house, maps

STEPS = "".join(f"| {step} | `a/test_b.py::test_c` |\n" for step in maps.STEPS)
DIFFERENCES = "".join(f"| {one} | `a/test_b.py::test_c` |\n" for one in maps.DIFFERENCES)
SOUND = (
    f"| Step | Test |\n| --- | --- |\n{STEPS}\n| Difference | Test |\n| --- | --- |\n{DIFFERENCES}"
)


def tree(root: Path, spec_map: str, holes: str = "") -> Path:
    texts = {
        "docs/spec-map.md": spec_map,
        "docs/past-holes.md": holes,
        "src/troth/one.py": "class A:\n    x: int\n    def f(self): ...\ndef g(): ...\n",
        "src/troth/two/__init__.py": "def h(): ...\n",
        "tests/a/test_b.py": "def test_c(): ...\n",
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_this_trees_maps_hold() -> None:
    assert maps.problems(house.ROOT) == []


def test_every_case_that_the_maps_name_is_one() -> None:
    unknown = []
    for found in maps.tests(house.ROOT):
        module = "tests." + found["file"].removesuffix(".py").replace("/", ".")
        if found["case"] and found["case"] not in names_of(
            getattr(import_module(module), found["name"])
        ):
            unknown.append(found[0])
    assert unknown == []


def test_sound_maps_hold(tmp_path: Path) -> None:
    names = "`troth.one.A` `troth.one.A.f` `troth.one.A.x` `troth.one.g` `troth.two.h` `troth.two`"
    holes = f"{names} `a/test_b.py::test_c[case]` `python -m tools.maps`\n"
    assert maps.problems(tree(tmp_path, SOUND, holes)) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("troth.one.k", "no function troth.one.k"),
        ("troth.one.A.k", "no function troth.one.A.k"),
        ("troth.three.g", "no function troth.three.g"),
        ("a/test_b.py::test_d", "no test a/test_b.py::test_d"),
        ("a/test_c.py::test_c", "no test a/test_c.py::test_c"),
    ],
)
def test_a_name_that_does_not_exist_is_found(tmp_path: Path, name: str, problem: str) -> None:
    assert maps.problems(tree(tmp_path, SOUND, f"see `{name}`\n")) == [f"past-holes.md: {problem}"]


def test_a_row_without_a_test_is_found(tmp_path: Path) -> None:
    holes = "| What | Test |\n| --- | --- |\n| a | none |\n| a |\n"
    assert maps.problems(tree(tmp_path, SOUND, holes)) == [
        "past-holes.md:3: no test",
        "past-holes.md:4: 1 cells, 2 columns",
    ]


@pytest.mark.parametrize("gone", ["| 7 |", "| root |"])
def test_a_step_or_difference_without_a_row_is_found(tmp_path: Path, gone: str) -> None:
    (problem,) = maps.problems(tree(tmp_path, SOUND.replace(gone, "| other |")))
    assert problem.startswith("spec-map.md: no row for ")


def test_the_page_of_codes_is_current() -> None:
    text = codes_page.PAGE.read_text(encoding="utf-8")
    assert codes_page.current(text, codes_page.tests_of(house.ROOT)), (
        "run `python -m tools.codes_page --write`"
    )


def test_a_page_of_codes_may_lag_and_may_not_be_wrong() -> None:
    some = {code: ["a.py"] for code in codes_page.tests_of(house.ROOT)}
    more = {code: ["a.py", "b.py"] for code in some}
    none: dict[str, list[str]] = {code: [] for code in some}
    assert codes_page.current(codes_page.page(some), more)
    assert not codes_page.current(codes_page.page(more), some)
    assert not codes_page.current(codes_page.page(none), some)
    assert not codes_page.current(codes_page.page(some).replace("not hex", "no hex"), some)
