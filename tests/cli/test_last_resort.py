# SPDX-License-Identifier: Apache-2.0
"""No way of leaving the program looks like a verdict that nobody has reached."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import Files
from tests.program import PROGRAM, environment, troth

USAGE: Final = 2
MALFORMED: Final = 3


def into_full_disk(*arguments: object, **variables: str) -> int:
    """Return the exit status of the program when nothing can be written to standard output."""
    with Path("/dev/full").open("wb") as full:
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.DEVNULL,
            check=False,
            env=environment(**variables),
        ).returncode


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_full_disk_is_none(files: Files, form: tuple[str, ...]) -> None:
    assert into_full_disk(*files.sound, *form) == USAGE
    assert into_full_disk("verify", "/dev/null", *form) == USAGE
    assert into_full_disk("verify", "/nowhere", *form) == USAGE


def test_a_completion_variable_does_not_replace_a_verdict() -> None:
    done = troth("verify", "/dev/null", _TROTH_COMPLETE="bash_source")
    assert done.status == MALFORMED
    assert troth(_TROTH_COMPLETE="nonsense").status == USAGE
    assert b"complete" in troth(_TROTH_COMPLETE="bash_source").out
