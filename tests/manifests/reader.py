# SPDX-License-Identifier: Apache-2.0
"""What reads one kind of case: by the library, and from the command line.

A command says what the program must leave behind; where the program takes no such file, a reason
stands in its place.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from tests.program import Outcome
from tests.vectors import VectorCase
from troth.cli import main

__all__ = ["EXIT", "Command", "Reader", "check_told", "in_process", "stated_bytes"]

EXIT: Final = {"genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5}
"""The exit status of each verdict without a policy."""


def _nothing(_told: dict[str, Any]) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command and what must come of it.

    Attributes:
        arguments: behind the program's name; `--json` is added.
        status: due.
        told: members of the JSON object and their values.
        check: looks at the rest of that object.
        stdin: what goes in.
    """

    arguments: tuple[object, ...]
    status: int
    told: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[dict[str, Any]], None] = _nothing
    stdin: bytes = b""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a kind of case is settled.

    Attributes:
        library: raises unless the case comes out as stated.
        commands: given the case, the vectors and a folder for files, what the program must say; or
            why it takes no such file.
    """

    library: Callable[[VectorCase, Path], None]
    commands: Callable[[VectorCase, Path, Path], tuple[Command, ...]] | str


def stated_bytes(case: VectorCase, vectors: Path) -> bytes:
    """Return a file's bytes if they have the size and the hash stated."""
    data = (vectors / case.file).read_bytes()
    assert len(data) == case.entry["bytes"]
    assert hashlib.sha256(data).hexdigest() == case.entry["sha256"]
    return data


def in_process(command: Command) -> Outcome:
    """Run the program's main function in this process, its streams caught."""
    words = ["troth", *map(str, command.arguments), "--json"]
    runner = CliRunner()
    with (
        runner.isolation(input=command.stdin) as (out, err, _),
        patch.object(sys, "argv", words),
        warnings.catch_warnings(),  # the program silences them for its whole process
        pytest.raises(SystemExit) as left,
    ):
        main()
    assert isinstance(left.value.code, int)
    return Outcome(left.value.code, out.getvalue(), err.getvalue().decode())


def check_told(command: Command, done: Outcome) -> None:
    """Hold what the program left behind to what is due."""
    told = json.loads(done.out)
    assert {key: told[key] for key in command.told} == command.told, done.err
    assert done.status == command.status
    command.check(told)
