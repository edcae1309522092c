# SPDX-License-Identifier: Apache-2.0
"""What the guide and the reference show is what happens: every command and every line of Python."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from tools import doc_blocks, house
from tools.doc_blocks import Block
from troth.broker.policy import parse_release_policy
from troth.policy import parse_policy

PAGES = [
    path
    for folder in ("guide", "reference")
    for path in sorted((house.ROOT / "docs" / folder).glob("*.md"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_block_does_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    printed = None
    for block in doc_blocks.blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}:{block.line}"
        if block.language == "text" and printed is not None:
            assert doc_blocks.pattern(block.text).fullmatch(printed), f"{where}: got\n{printed}"
        printed = None
        if block.language == "console":
            follow(block, where, tmp_path)
        elif block.language == "python":
            printed = execute(block, where, names)
        elif block.language == "toml" and block.text.startswith("version"):
            read = parse_release_policy if "[[rule]]" in block.text else parse_policy
            read(block.text.encode(), where)


def follow(block: Block, where: str, directory: Path) -> None:
    status = 0
    for command in doc_blocks.commands(block.text):
        status, output = doc_blocks.run(command.line, directory, status)
        assert doc_blocks.pattern(command.shown).fullmatch(output), (
            f"{where}: $ {command.line}\ngot\n{output}"
        )


def execute(block: Block, where: str, names: dict[str, Any]) -> str:
    """Run a block of Python in the page's name space and return what it prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(block.text, where, "exec"), names)  # noqa: S102 - the page's code is ours
    return output.getvalue()


def test_blocks_are_found_with_their_lines() -> None:
    text = "# A\n\n```python\nx = 1\n```\n\n```text\n1\n```\n"
    assert doc_blocks.blocks(text) == [Block("python", "x = 1\n", 4), Block("text", "1\n", 8)]


def test_a_console_block_is_commands_and_their_output() -> None:
    found = doc_blocks.commands("$ a \\\n    b\none\ntwo\n$ c\n")
    assert found == [("a \\\n    b", "one\ntwo\n"), ("c", "")]
    with pytest.raises(ValueError, match="before the first command"):
        doc_blocks.commands("one\n")


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("one\n", "one\n", True),
        ("one\n", "one\ntwo\n", False),
        ("one\n…\n", "one\n", True),
        ("one\n…\n", "one\ntwo\nthree\n", True),
        ("sha256:…, x\n", "sha256:00, x\n", True),
        ("sha256:…, x\n", "sha256:00\n, x\n", False),
        ("", "one\n", False),
    ],
)
def test_an_ellipsis_stands_for_any_text(shown: str, printed: str, fits: bool) -> None:
    assert bool(doc_blocks.pattern(shown).fullmatch(printed)) is fits


def test_a_command_sees_the_status_before_and_both_streams(tmp_path: Path) -> None:
    assert doc_blocks.run("echo $?; echo two >&2; exit 4", tmp_path, 3) == (4, "3\ntwo\n")
