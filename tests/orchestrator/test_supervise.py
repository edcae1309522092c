# SPDX-License-Identifier: Apache-2.0
"""When a command is started again, when it is given up, and how soon a signal is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.orchestrator.running import Trothd, until

SUPERVISE = """
import os, sys
from troth.infra.log import start_log
from troth.orchestrator import supervise

start_log()
pause = supervise._Ward.pause
supervise._Ward.pause = lambda ward, pause_s: (print("pause", flush=True), pause(ward, pause_s))
supervise._FIRST_PAUSE_S = supervise._LONGEST_PAUSE_S = float(sys.argv[1])
supervise._STEADY_S = float(sys.argv[2])
sys.exit(supervise.supervise(sys.argv[3:], os.memfd_create("key")))
"""

# Ends with the next number of a file at each start.
NEXT = """
import sys, pathlib
path = pathlib.Path(sys.argv[1])
first, *rest = path.read_text().split()
path.write_text(" ".join(rest))
sys.exit(int(first))
"""


def supervised(pause_s: float, steady_s: float, *command: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", SUPERVISE, str(pause_s), str(steady_s), *command]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("ends", "steady_s", "status", "left"),
    [
        ("7 7 7 7 7 0", 60, 7, 1),  # five in a row: the key is held no longer
        ("7 7 7 7 1 7 7 7 7 0", 60, 0, 0),
        ("7 7 7 7 7 7 0", 0, 0, 0),  # each ran long enough
        ("1 1 1 1 1 1 1 0", 60, 0, 0),  # a crash is no refusal
        ("2 0", 60, 2, 1),
        ("0 1", 60, 0, 1),
    ],
)
def test_a_command_is_given_up_when_starting_again_does_not_mend_it(
    tmp_path: Path, ends: str, steady_s: float, status: int, left: int
) -> None:
    path = tmp_path / "ends"
    path.write_text(ends)
    with supervised(0.0, steady_s, sys.executable, "-c", NEXT, str(path)) as process:
        assert process.wait(60) == status
    assert len(path.read_text().split()) == left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_pause_at_once(number: signal.Signals) -> None:
    command = [sys.executable, "-c", "raise SystemExit(1)"]
    with supervised(100_000.0, 60.0, *command) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "pause\n"
            os.kill(process.pid, number)
            assert process.wait(60) == 0  # far less than the pause
        finally:
            process.kill()


def test_a_daemon_that_the_machine_refuses_is_not_started_for_ever(
    make: Callable[..., Trothd],
) -> None:
    namespace = "[[namespace]]\nlabel = 'x'\ncgroup = '/no/such/cgroup'\ncapabilities = []"
    one = make(namespace, root_register="none").start(wait=False)  # no extend, nothing before it
    assert one.process is not None
    process = one.process
    until(lambda: process.poll() is not None, 60)
    assert process.wait(60) == 7
    assert "identity.cgroup" in one.log()
