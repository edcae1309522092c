# SPDX-License-Identifier: Apache-2.0
"""Crash points: where a test may have trothd killed, and nobody else may.

`TROTH_CRASH_AT=POINT@FILE` kills the process with SIGKILL at the point, once: FILE marks that it
happened. It is heeded only where the configuration, whose digest every bundle carries, has a
section `[test]` with `crash = true`.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from troth.orchestrator.configuration import Configuration

__all__ = ["CrashPoints"]

_VARIABLE: Final = "TROTH_CRASH_AT"


class CrashPoints:
    """The crash points of one process."""

    def __init__(self, configuration: Configuration) -> None:
        """Read the variable if the configuration allows it."""
        allowed = configuration.test is not None and configuration.test.crash
        wanted = os.environ.get(_VARIABLE, "") if allowed else ""
        self._point, _, self._marker = wanted.partition("@")

    def reach(self, point: str) -> None:
        """Die here if this is the point and it is the first time."""
        if point != self._point or not self._marker:
            return
        try:
            Path(self._marker).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
