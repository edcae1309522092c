# SPDX-License-Identifier: Apache-2.0
"""The program as a user starts it: a process, with arguments, streams and an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

PROGRAM: Final = Path(sys.executable).with_name("troth")
HEARS_SIGINT: Final = ("/usr/bin/env", "--default-signal=INT")
"""What goes before a command that is to be interrupted: background jobs of a shell ignore it."""


class Outcome(NamedTuple):
    """What a finished program leaves behind."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    def json(self) -> dict[str, Any]:
        """Return the one JSON object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def environment(**changes: str) -> dict[str, str]:
    """Return the environment without what would change the output, and with `changes`."""
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    return kept | changes


def troth(
    *arguments: object, stdin: bytes = b"", cwd: Path | None = None, **variables: str
) -> Outcome:
    """Run the program and wait for its end."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment(**variables),
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode())
