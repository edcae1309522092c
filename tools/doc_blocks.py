# SPDX-License-Identifier: Apache-2.0
"""The code blocks of a document, and running them: what a page shows is what happens.

    ```console    commands behind `$ `, each followed by what it prints: run, and compared
    ```python     run in one name space a page; a ```text block right behind is what it prints
    ```toml       a policy file, where it begins with `version`: read
    ```sh         for reading, such as what needs a network: not run

In shown output a line of `…` stands for any lines, and `…` inside a line for any text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

COLUMNS: Final = 88

_FENCE: Final = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line on which the text begins."""

    language: str
    text: str
    line: int


class Command(NamedTuple):
    """A command of a console block, and what the page says it prints."""

    line: str
    shown: str


def blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a Markdown text, in order."""
    return [
        Block(
            found["language"],
            found["text"],
            document.count("\n", 0, found.start("text")) + 1,
        )
        for found in _FENCE.finditer(document)
    ]


def commands(console: str) -> list[Command]:
    """Split a console block; a command goes on where a line ends in a backslash.

    Raises:
        ValueError: the block does not begin with a command.
    """
    parts: list[Command] = []
    continues = False
    for line in console.splitlines():
        if line.startswith("$ ") and not continues:
            parts.append(Command(line[2:], ""))
        elif not parts:
            raise ValueError(f"{line!r} stands before the first command")
        elif continues:
            parts[-1] = Command(f"{parts[-1].line}\n{line}", "")
        else:
            parts[-1] = parts[-1]._replace(shown=f"{parts[-1].shown}{line}\n")
        continues = not parts[-1].shown and line.endswith("\\")
    return parts


def pattern(shown: str) -> re.Pattern[str]:
    """Return what matches the output that `shown` stands for."""
    lines = [
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(lines))


def run(command: str, directory: Path, before: int) -> tuple[int, str]:
    """Run a command as a reader's shell would, in `directory`, with this environment's programs.

    Args:
        command: for bash.
        directory: where it runs.
        before: the status of the command before, for `$?`.

    Returns:
        Its status, and what it printed: both streams, without spaces at the ends of lines.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    changes = {"COLUMNS": str(COLUMNS), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "PATH": programs}
    done = subprocess.run(
        ["bash", "-c", f"(exit {before})\n{command}"],
        cwd=directory,
        env=os.environ | changes,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    return done.returncode, "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
