# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at each step of the root step and of an epoch, and what is there afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd

TEST = "[test]\ncrash = true"


def crashing(make: Callable[..., Trothd], tmp_path: Path, point: str, **settings: Any) -> Trothd:
    environment = {"TROTH_CRASH_AT": f"{point}@{tmp_path / 'crashed'}"}
    return make(tail=TEST, environment=environment, **settings)


@pytest.mark.parametrize(
    ("point", "rooted"),
    [("root.sealed", True), ("root.intended", True), ("root.extended", False)],
)
def test_killed_in_the_root_step(
    make: Callable[..., Trothd], tmp_path: Path, point: str, *, rooted: bool
) -> None:
    one = crashing(make, tmp_path, point).start(wait=False)
    assert one.process is not None
    assert one.process.wait(30) == -signal.SIGKILL
    one.kill()
    one.start()
    got = read(one.evidence("payments").body, one.software())
    # Behind the extend the key is gone with the process: this boot is unrooted, and says so.
    assert got.rooted is rooted
    assert one.status()["rooted"] is rooted


@pytest.mark.parametrize(
    "point", ["epoch.frozen", "epoch.planted", "epoch.asked", "epoch.reported", "epoch.answered"]
)
def test_killed_in_an_epoch(make: Callable[..., Trothd], tmp_path: Path, point: str) -> None:
    one = crashing(make, tmp_path, point).start()
    heads = [one.event("payments", content).json for content in "ab"]
    before = one.status()["namespaces"][0]
    with contextlib.suppress(OSError, HTTPException):
        one.evidence("payments")
    one.wait_ready()  # the supervisor started another
    got = read(one.evidence("payments").body, one.software())
    assert got.rooted  # with the same boot key
    assert got.namespace[1].hex() == before["id"]
    assert got.namespace[4][0] == 2
    assert got.namespace[4][1].hex() == heads[1]["head"]
    assert got.namespace[5] == 1  # the restart is a gap
    assert one.evidence("payments", mode="delegated").status == 200  # anchored anew
    assert one.stop() == 0


def test_a_restart_has_no_anchors_and_another_statement_key(make: Callable[..., Trothd]) -> None:
    one = make().start()
    before = read(one.evidence("payments").body, one.software())
    one.kill_daemon()
    assert one.evidence("payments", mode="delegated").code == "evidence.anchor-missing"
    after = read(one.evidence("payments").body, one.software())
    assert after.root == before.root
    assert after.epoch[5] != before.epoch[5]


def test_a_power_cut_loses_the_root_and_not_the_log(make: Callable[..., Trothd]) -> None:
    one = make().start()
    one.event("payments")
    one.kill()
    one.start()
    got = read(one.evidence("payments").body, one.software())
    assert (got.rooted, got.namespace[4][0], got.namespace[5]) == (False, 1, 1)


def test_the_crash_points_are_not_heeded_without_the_section(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    one = make(environment={"TROTH_CRASH_AT": f"epoch.frozen@{tmp_path / 'crashed'}"}).start()
    assert one.evidence("payments").status == 200
    assert not (tmp_path / "crashed").exists()


def test_events_acknowledged_before_a_kill_are_all_there(make: Callable[..., Trothd]) -> None:
    one = make().start()
    for round_ in range(3):
        for number in range(20):
            assert one.event("payments", f"{round_}.{number}").status == 200
        one.kill_daemon()
    assert one.status()["namespaces"][0]["count"] == 60
    assert one.status()["namespaces"][0]["gaps"] == 3


def test_sealed_models_and_forensic_points_survive(make: Callable[..., Trothd]) -> None:
    from tests.orchestrator.running import call  # noqa: PLC0415 - only here

    one = make().start()
    one.event("payments", "known")
    assert call(one.admin, "POST", "/v1/namespaces/payments/seal").status == 200
    assert one.event("payments", "outside").json["forensic"] == 1
    before = call(one.socket("payments"), "GET", "/v1/namespace").json["model"]
    one.kill_daemon()
    after = call(one.socket("payments"), "GET", "/v1/namespace").json["model"]
    assert after == before
    assert (after["phase"], after["points"], after["forensic"]) == ("sealed", 1, 1)


def test_a_foreign_extend_before_the_root_step_shows(make: Callable[..., Trothd]) -> None:
    one = make()
    one.extend(3, bytes(48))
    one.start()
    assert not read(one.evidence("payments").body, one.software()).rooted
    assert "root.unrooted" in one.log()


@contextlib.contextmanager
def small_disk(path: Path, options: str) -> Iterator[None]:
    """Mount a memory file system of a few kilobytes; skipped where we may not."""
    path.mkdir(parents=True)
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine lets us mount nothing")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", str(path)], check=True)


def test_a_full_run_directory_refuses_events_and_loses_none(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "t" / "run", "size=256k"):
        one = make().start()
        taken = 0
        while (answer := one.event("payments", "x" * 30_000)).status == 200:
            taken += 1
        assert (answer.status, answer.code) == (503, "state.write")
        assert taken > 0
        got = read(one.evidence("payments").body, one.software())
        assert got.namespace[4][0] == taken
        one.kill_daemon()
        assert one.status()["namespaces"][0]["count"] == taken
        one.kill()


def test_a_run_directory_that_becomes_read_only_refuses_events(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    run = tmp_path / "t" / "run"
    with small_disk(run, "size=1m"):
        one = make().start()
        assert one.event("payments").status == 200
        subprocess.run(["/bin/mount", "-o", "remount,ro", str(run)], check=False)
        if os.access(run, os.W_OK):
            pytest.skip("it cannot be made read-only while it is in use")
        assert one.event("payments").code == "state.write"
        assert read(one.evidence("payments").body, one.software()).namespace[4][0] == 1
        one.kill()
