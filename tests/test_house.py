# SPDX-License-Identifier: Apache-2.0
"""The house rules hold in this tree, and each of them finds the fault it is there to find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_readme, house

SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
CODES = 'CODES = {"wire.trailing": ("MalformedError", "bytes are left over")}\n'


@pytest.mark.parametrize("rule", house.RULES.values(), ids=list(house.RULES))
def test_this_tree_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(house.ROOT) == []


def planted(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("name", ["src/a.py", "tools/a.sh", "Makefile", ".ci/run"])
def test_a_missing_header_is_found(tmp_path: Path, name: str) -> None:
    assert house.headers(planted(tmp_path, name, "\n\n" + SPDX)) == [f"{name}: no SPDX header"]
    assert house.headers(planted(tmp_path, name, "#!/bin/sh\n" + SPDX)) == []


def test_what_tools_leave_behind_is_not_read(tmp_path: Path) -> None:
    for name in (".coverage", ".venv/a.py", "dist/a.txt", "tests/__pycache__/a.py", "a.quote"):
        planted(tmp_path, name, "\0")
    planted(tmp_path, ".gitignore", "")
    assert list(house.files(planted(tmp_path, ".ci/run", ""))) == [
        tmp_path / ".ci/run",
        tmp_path / ".gitignore",
    ]


@pytest.mark.parametrize("text", ["/" + "root/x", "see pypi" + ".org", "/" + "home/somebody"])
def test_an_address_is_found(tmp_path: Path, text: str) -> None:
    (problem,) = house.addresses(planted(tmp_path, "docs/a.md", f"one\n{text}\n"))
    assert problem.startswith("docs/a.md:2: holds")


def test_the_path_of_the_tree_itself_is_found(tmp_path: Path) -> None:
    assert house.addresses(planted(tmp_path, "a.md", f"{tmp_path}/a.md")) != []


@pytest.mark.parametrize(
    "line",
    [
        "--index" + "-url somewhere",
        "-f wheels",
        "# from https://example.net",
        "a @ file:///a.whl",
        "a==1",
        "a>=1 --hash=sha256:00",
        "/a.whl --hash=sha256:00",
    ],
)
def test_a_lock_that_is_more_than_hashes_is_found(tmp_path: Path, line: str) -> None:
    good = "# by make lock\na==1 ; x < '3' \\\n    --hash=sha256:00\n    # via b\n"
    assert house.locks(planted(tmp_path, "requirements/run.txt", good)) == []
    assert house.locks(planted(tmp_path, "requirements/run.txt", good + line + "\n")) != []


def test_a_long_file_is_found(tmp_path: Path) -> None:
    assert house.sizes(planted(tmp_path, "tests/a.py", "x = 1\n" * 500)) == []
    assert len(house.sizes(planted(tmp_path, "tests/a.py", "x = 1\n" * 501))) == 1


def test_a_long_function_is_found(tmp_path: Path) -> None:
    assert house.sizes(planted(tmp_path, "src/a.py", "def f():\n" + "    x = 1\n" * 59)) == []
    assert len(house.sizes(planted(tmp_path, "src/a.py", "def f():\n" + "    x = 1\n" * 60))) == 1


@pytest.mark.parametrize(
    ("comment", "problems"),
    [
        ("# no" + "qa: E501 - the vendor's name is this long", 0),
        ("# type: " + "ignore[arg-type]  # the stub lacks this overload", 0),
        ("# no" + "qa", 1),
        ("# no" + "qa: E501", 1),
        ("# type: " + "ignore", 1),
        ("# type: " + "ignore[arg-type]", 1),
        ("# pragma: " + "no cover", 1),
    ],
)
def test_a_suppression_without_a_reason_is_found(
    tmp_path: Path, comment: str, problems: int
) -> None:
    tree = planted(tmp_path, "src/a.py", f"x = 1  {comment}\n")
    assert len(house.suppressions(tree)) == problems


def test_too_many_suppressions_are_found(tmp_path: Path) -> None:
    line = "x = 1  # no" + "qa: E501 - the vendor's name is this long\n"
    assert house.suppressions(planted(tmp_path, "src/a.py", line * 3)) == []
    assert len(house.suppressions(planted(tmp_path, "src/a.py", line * 4))) == 1


@pytest.mark.parametrize(
    ("call", "problems"),
    [
        ('MalformedError("wire.trailing")', 0),
        ('errors.MalformedError("wire.trailing", "3")', 0),
        ('MalformedError("wire.unheard")', 1),
        ('StaleError("wire.trailing")', 1),
    ],
)
def test_a_code_that_is_not_listed_is_found(tmp_path: Path, call: str, problems: int) -> None:
    planted(tmp_path, "src/troth/codes.py", CODES)
    assert len(house.error_codes(planted(tmp_path, "src/troth/a.py", f"raise {call}"))) == problems


@pytest.mark.parametrize(
    ("link", "problems"),
    [
        ("docs/a.md", 0),
        ("docs/a.md#what-is-it-for", 0),
        ("#top", 0),
        ("scheme:elsewhere", 0),
        ("docs/b.md", 1),
        ("docs/a.md#nowhere", 1),
        ("#nowhere", 1),
    ],
)
def test_a_link_to_nowhere_is_found(tmp_path: Path, link: str, problems: int) -> None:
    planted(tmp_path, "docs/a.md", "# A\n\n## What is it for?\n")
    tree = planted(tmp_path, "README.md", f"# Top\n\nsee [this]({link}).\n")
    assert len(house.links(tree)) == problems


def test_a_docstring_is_no_test_of_a_code(tmp_path: Path) -> None:
    tree = planted(tmp_path, "tests/a.py", '"""wire.trailing"""\nx = "wire.other"\n')
    assert house.literals(tree, "tests") == {"wire.other"}


def test_stale_help_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_readme, "printed", lambda command: f"help of {command}\n")
    text = "a\n```console\n$ troth verify --help\nold\n```\n\n```sh\n$ troth verify x\n```\n"
    want = text.replace("old", "help of troth verify --help")
    assert check_readme.rewritten(text) == want
