# SPDX-License-Identifier: Apache-2.0
"""Whose an entry is, and that only the entries of the dead are swept."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.refusals import refused
from tests.tsm.standin import SYSFS, ConfigfsFiles, FakeClock, Item, Snp
from troth.tsm.configfs import ConfigfsDriver, owner
from troth.tsm.configfs.entry import LEFT_MOST
from troth.tsm.configfs.owner import Owner

TOP = Path(__file__).resolve().parents[2]
SAY_WHO = """
from troth.tsm.configfs.owner import Owner
print(Owner.here().new_name(), flush=True)
input()
"""


@contextmanager
def another(*wrapper: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run another process; yield it and the name of an entry of its."""
    command = [*wrapper, sys.executable, "-c", SAY_WHO]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def dead_name() -> str:
    with another() as (_, name):
        pass
    return name


def swept(*names: str) -> set[str]:
    """Return which of these entries a new driver removes."""
    files = ConfigfsFiles(Snp())
    files.items = {name: Item(files.provider.attributes) for name in names if files.provider}
    ConfigfsDriver(SYSFS, files=files, clock=FakeClock())
    return set(names) - set(files.items)


def test_a_name_says_whose_it_is() -> None:
    here = Owner.here()
    assert here.pid == os.getpid()
    name = here.new_name()
    assert Owner.of(name) == here
    assert here.new_name() != name
    assert len(name) <= 255


@pytest.mark.parametrize(
    "name",
    [
        "entry123",
        "com.intel.dcap",
        "troth",
        "troth-1-2-3-4-" + "0" * 31,
        "troth-1-2-3-4-" + "0" * 33,
        "troth-0-2-3-4-" + "0" * 32,
        "troth--1-2-3-4-" + "0" * 32,
        "troth-1-2-3-4-" + "G" * 32,
        "troth-1-2-3-4-" + "0" * 32 + "\n",
        "troth-\u0661-2-3-4-" + "0" * 32,
    ],
)
def test_other_names_are_nobodys(name: str) -> None:
    assert Owner.of(name) is None
    assert swept(name) == set()


def test_the_living_keep_theirs_and_the_dead_do_not() -> None:
    dead = dead_name()
    with another() as (_, living):
        assert swept(dead, living, Owner.here().new_name()) == {dead}
    assert swept(living) == {living}


def test_a_later_process_with_the_same_id_is_another() -> None:
    with another() as (process, name):
        living = Owner.of(name)
        assert living is not None
        assert living.pid == process.pid
        before_it = replace(living, start=living.start - 1).new_name()
        assert swept(name, before_it) == {before_it}


def test_a_stopped_process_lives() -> None:
    with another() as (process, name):
        process.send_signal(signal.SIGSTOP)
        assert swept(name) == set()


def test_nothing_is_said_of_other_namespaces() -> None:
    dead = Owner.of(dead_name())
    assert dead is not None
    elsewhere = replace(dead, pids=dead.pids + 1), replace(dead, times=dead.times + 1)
    assert swept(*(one.new_name() for one in elsewhere)) == set()


def test_a_process_in_another_pid_namespace_says_so() -> None:
    # /proc must be of that namespace too: unshare mounts it in a mount namespace of its own.
    with another("unshare", "--pid", "--fork", "--mount-proc") as (_, name):
        if not name:
            pytest.skip("a pid namespace cannot be made here")
        found = Owner.of(name)
        assert found is not None
        assert found.pids != Owner.here().pids
        assert swept(name) == set()


def test_a_process_that_cannot_be_looked_at_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: int) -> int:
        raise FileNotFoundError

    def not_ours(*_: Any) -> None:
        raise PermissionError

    here = Owner.here()
    with another() as (_, name):
        living = Owner.of(name)
        assert living is not None
        earlier = replace(living, start=living.start - 1)
        assert earlier.is_dead(here)
        with monkeypatch.context() as patch:
            patch.setattr(owner, "_start", hidden)
            assert not earlier.is_dead(here)
        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", not_ours)
            assert not earlier.is_dead(here)


def test_an_id_that_no_process_can_have_is_nobodys_life() -> None:
    here = Owner.here()
    assert not replace(here, pid=9_999_999_999).is_dead(here)  # it cannot be asked for


def test_a_proc_of_another_namespace_is_no_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "_PROC", tmp_path)
    with refused("tsm.entry", "/proc cannot be read"):
        Owner.here()
    (tmp_path / "self").symlink_to("1" if os.getpid() != 1 else "2")
    with refused("tsm.entry", "another pid namespace"):
        Owner.here()


def test_stale_entries_that_we_may_not_remove_stop_nobody() -> None:
    dead = Owner.of(dead_name())
    assert dead is not None
    files = ConfigfsFiles(Snp())
    files.items = {dead.new_name(): Item(frozenset()) for _ in range(LEFT_MOST + 1)}
    files.fail("remove", "entry", *[errno.EACCES] * (LEFT_MOST + 1))
    driver = ConfigfsDriver(SYSFS, files=files, clock=FakeClock())
    driver.report(bytes(64))
    assert len(files.items) == LEFT_MOST + 1


def test_a_stale_entry_that_somebody_else_removed_is_no_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stale = dead_name()
    files = ConfigfsFiles(Snp())
    files.items[stale] = Item(frozenset())
    files.before("remove", "entry", files.items.clear)
    ConfigfsDriver(SYSFS, files=files, clock=FakeClock())
    assert files.items == {}
    assert "tsm.entry-left" not in "".join(capsys.readouterr())


FORK = """
import os
from pathlib import Path
from tests.tsm.standin import ConfigfsFiles, Snp, REPORTS
from troth.tsm.configfs.entry import Entries
files = ConfigfsFiles(Snp())
entries = Entries(files, REPORTS)
child = os.fork()
if child == 0:
    with entries.fresh():
        print(*files.items, os.getpid(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_the_child_of_a_fork_is_another_owner() -> None:
    command = [sys.executable, "-c", FORK]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP).stdout
    name, pid = said.split()
    found = Owner.of(name)
    assert found is not None
    assert found.pid == int(pid)
