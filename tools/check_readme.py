# SPDX-License-Identifier: Apache-2.0
"""Hold the `--help` blocks of the documents to what the program prints.

A block is fenced, and its first line is `$ troth … --help`. Run as `python -m tools.check_readme`,
with `--write` to rewrite the blocks from the program.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
COLUMNS: Final = 88  # what a README shows without a scroll bar

_BLOCK: Final = re.compile(
    r"^(?P<open>```\w*\n\$ (?P<command>troth(?: [\w-]+)* --help)\n)(?P<shown>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def printed(command: str) -> str:
    """Run `command` of this environment and return what it prints.

    Raises:
        subprocess.CalledProcessError: the program failed.
    """
    program, *arguments = shlex.split(command)
    environment = os.environ | {"COLUMNS": str(COLUMNS), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def rewritten(text: str) -> str:
    """Return the document `text` with each block as the program prints it."""
    return _BLOCK.sub(lambda found: f"{found['open']}{printed(found['command'])}```", text)


def documents(root: Path) -> list[Path]:
    """The documents that may show help."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def main(arguments: list[str]) -> int:
    """Compare, or with `--write` rewrite; return the exit status."""
    status = 0
    for path in documents(ROOT):
        have = path.read_text(encoding="utf-8")
        want = rewritten(have)
        if have == want:
            continue
        if "--write" in arguments:
            path.write_text(want, encoding="utf-8")
            continue
        status = 1
        name = str(path.relative_to(ROOT))
        print(f"{name} shows help that the program does not print; run `make readme`")
        diff = difflib.unified_diff(
            have.splitlines(), want.splitlines(), name, "the program", lineterm="", n=1
        )
        print("\n".join(diff))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
