# SPDX-License-Identifier: Apache-2.0
"""Run the daemon, hold its boot key, and start it again when it crashes."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from types import FrameType
from typing import Final

import structlog

from troth.errors import DriverError, UsageError
from troth.infra.log import Event
from troth.orchestrator.boot import FD_NAME

__all__ = ["supervise"]

_FIRST_FD: Final = 3  # sd_listen_fds(3)
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_STEADY_S: Final = 10.0  # a child that ran so long starts anew without a pause

# What starting again does not mend: a configuration, or another trothd on the same directory.
_FINAL: Final = frozenset({0, UsageError.exit_code})

# A machine that fails may be mended in a moment, and the key is held so long; not for ever.
_MOST_FAILURES: Final = 5

_log = structlog.get_logger()


def supervise(command: list[str], descriptor: int) -> int:
    """Run a command until it ends well, and return its exit status.

    It is given up, with its status, when it says five times in a row that the machine fails (7) and
    has never run for ten seconds meanwhile.

    Args:
        command: what to run, found on PATH.
        descriptor: the sealed boot key; the command finds it as descriptor 3, by its name.
    """
    environment = {
        **{key: one for key, one in os.environ.items() if key != "LISTEN_PID"},
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": FD_NAME,
    }
    ward = _Ward()
    pause_s, failures = _FIRST_PAUSE_S, 0
    while True:
        begun = time.monotonic()
        try:
            child = os.posix_spawnp(
                command[0],
                command,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, _FIRST_FD)],
            )
        except OSError as error:
            raise UsageError("usage.file", f"{command[0]}: {error.strerror}") from None
        _log.info(Event.CHILD_STARTED)
        status = ward.watch(child)
        _log.info(Event.CHILD_ENDED, status=status)
        if status in _FINAL or ward.must_stop():
            return max(status, 0)
        if time.monotonic() - begun >= _STEADY_S:
            pause_s, failures = _FIRST_PAUSE_S, 0
        failures = failures + 1 if status == DriverError.exit_code else 0
        if failures == _MOST_FAILURES:
            return status
        ward.pause(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if ward.must_stop():
            return 0


class _Ward:
    """The child that runs now; it is told what we are told."""

    def __init__(self) -> None:
        self._is_told_to_stop = False
        self._child: int | None = None
        self._told = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)

    def must_stop(self) -> bool:
        """Say whether we were told to stop; a signal changes it at any time."""
        return self._is_told_to_stop

    def watch(self, child: int) -> int:
        """Return the exit status of a child when it has ended; negative for a signal."""
        self._child = child
        if self._is_told_to_stop:  # told between start and here
            os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        self._child = None
        return os.waitstatus_to_exitcode(status)

    def pause(self, seconds: float) -> None:
        """Wait so long, or until we are told to stop."""
        select.select([self._told], [], [], seconds)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._is_told_to_stop = True
        os.eventfd_write(self._told, 1)
        if self._child is not None:
            os.kill(self._child, number)
        sys.stderr.flush()
