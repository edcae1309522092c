# SPDX-License-Identifier: Apache-2.0
"""What stays of `troth emulate tdx -- PROGRAM` where a process of it is stopped or killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.program import PROGRAM, environment, troth
from tests.view.mounting import needs_fuse
from troth.tsm.emulated.view.ending import end
from troth.tsm.emulated.view.scratch import Scratch

_HANG_S: Final = 30.0
DEAF: Final = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("READY", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Shown:
    """A view for a program: `cat`, which ends with its input."""

    troth: subprocess.Popen[str]
    daemon: int
    program: int


@contextmanager
def shown(temporary: Path) -> Iterator[Shown]:
    """Show a view; nothing of it runs behind the block."""
    command = [str(PROGRAM), "emulate", "tdx", "--", "sh", "-c", "echo $$; exec cat"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(TMPDIR=str(temporary)),
    ) as running:
        assert running.stdout is not None
        program = int(running.stdout.readline())
        daemon = (children(running.pid) - {program}).pop()
        try:
            yield Shown(running, daemon, program)
        finally:
            running.kill()
            for one in (daemon, program):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def children(pid: int) -> set[int]:
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _HANG_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@needs_fuse
def test_a_stopped_daemon_holds_up_nobody(tmp_path: Path) -> None:
    with shown(tmp_path) as view:
        os.kill(view.daemon, signal.SIGSTOP)
        assert view.troth.stdin is not None
        view.troth.stdin.close()
        assert view.troth.wait(_HANG_S) == 0
        assert is_gone(view.daemon)
    assert list(tmp_path.iterdir()) == []


@needs_fuse
def test_neither_where_troth_is_told_to_end(tmp_path: Path) -> None:
    with shown(tmp_path) as view:
        os.kill(view.daemon, signal.SIGSTOP)
        view.troth.send_signal(signal.SIGTERM)
        assert view.troth.wait(_HANG_S) == 128 + signal.SIGTERM
        assert is_gone(view.daemon)
    assert list(tmp_path.iterdir()) == []


@needs_fuse
@pytest.mark.parametrize("is_stopped", [False, True])
def test_where_troth_is_killed_its_daemon_and_the_program_end(
    tmp_path: Path, is_stopped: bool
) -> None:
    with shown(tmp_path) as view:
        if is_stopped:
            os.kill(view.daemon, signal.SIGSTOP)
        view.troth.kill()
        view.troth.wait(_HANG_S)
        until(lambda: is_gone(view.daemon))
        until(lambda: is_gone(view.program))
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    assert list(left[0].iterdir()) == []
    assert troth("emulate", "tdx", "--", "true", TMPDIR=str(tmp_path)).status == 0
    assert list(tmp_path.iterdir()) == []


@needs_fuse
def test_a_living_one_keeps_its_directory(tmp_path: Path) -> None:
    with shown(tmp_path) as view:
        before = list(tmp_path.iterdir())
        assert len(before) == 1
        assert troth("emulate", "tdx", "--", "true", TMPDIR=str(tmp_path)).status == 0
        assert list(tmp_path.iterdir()) == before
        assert view.troth.poll() is None


def test_only_what_is_empty_and_a_directory_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    full, empty = tmp_path / "troth-view-full", tmp_path / "troth-view-empty"
    (full / "kept").mkdir(parents=True)
    empty.mkdir()
    (tmp_path / "troth-view-file").touch()
    (tmp_path / "troth-view-link").symlink_to(full)
    (tmp_path / "another").mkdir()
    own = Scratch()
    assert not empty.exists()
    own.remove()
    left = {one.name for one in tmp_path.iterdir()}
    assert left == {"troth-view-full", "troth-view-file", "troth-view-link", "another"}


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_child_that_does_not_listen_is_killed(is_stopped: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, text=True) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == "READY\n"
        if is_stopped:
            deaf.send_signal(signal.SIGSTOP)
        try:
            status = end(deaf.pid, 0.2)
        finally:
            deaf.returncode = 0  # it was waited for
    assert os.WTERMSIG(status) == signal.SIGKILL
