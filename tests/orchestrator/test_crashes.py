# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at each step of the root step and of an epoch, and what is there afterwards."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Answer, Trothd, call, until
from troth.orchestrator.journal import Journal, Kind
from troth.tsm.emulated.driver import EmulatedDriver

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


LATE = {
    "label": "late",
    "cgroup": "any",
    "capabilities": ["evidence", "extend"],
    "model": "A1",
    "limits": {"log_entries": 3},
}


def admin(one: Trothd, target: str, body: object = None) -> Answer:
    return call(one.admin, "POST", f"/v1/namespaces{target}", body)


def test_what_the_administrator_made_is_there_after_a_kill(make: Callable[..., Trothd]) -> None:
    one = make().start()
    made = admin(one, "", LATE)
    assert made.status == 201
    one.event("late", "known")
    assert admin(one, "/late/seal").status == 200
    for _ in range(2):  # restored from what was restored
        one.kill_daemon()
    got = read(one.evidence("late").body, one.software())
    assert got.namespace[1].hex() == made.json["id"]
    assert (got.namespace[3], got.namespace[4][0], got.namespace[5]) == (2, 1, 2)
    assert got.namespace[7][2] == 1  # sealed
    # Capabilities and limits are the ones that it was made with.
    view = call(one.socket("late"), "GET", "/v1/namespace").json
    assert view["capabilities"] == ["evidence", "extend"]
    assert one.evidence("late", log_since=0).code == "capability.missing"
    assert [one.event("late", "known").status for _ in range(3)] == [200, 200, 403]


@pytest.mark.parametrize("label", ["late", "reports"])
def test_what_was_closed_stays_closed_after_a_kill(make: Callable[..., Trothd], label: str) -> None:
    one = make().start()
    assert admin(one, "", LATE).status == 201
    assert admin(one, f"/{label}/close").status == 200
    left = {each["label"]: each["id"] for each in one.status()["namespaces"]}
    assert label not in left
    one.kill_daemon()
    assert {each["label"]: each["id"] for each in one.status()["namespaces"]} == left
    assert not one.socket(label).exists()


def test_killed_between_the_closing_record_and_the_removal_it_stays_closed(
    make: Callable[..., Trothd],
) -> None:
    one = make().start()
    made = admin(one, "", LATE).json
    path = one.run / "state" / f"{made['id']}.journal"
    one.kill()
    journal, _ = Journal.reopen(path)
    journal.append(Kind.CLOSED)
    journal.close()
    one.start()
    assert [each["label"] for each in one.status()["namespaces"]] == ["payments", "reports"]
    assert not path.exists()


def test_what_cannot_be_restored_keeps_no_other_from_its_own(make: Callable[..., Trothd]) -> None:
    token = {"audience": "urn:broker"}
    settings = LATE | {"label": "kept", "capabilities": ["token:urn:broker"], "token": [token]}
    one = make(tail='[verifier]\nurl = "unix:/nowhere"\naudience = "x"').start(program="serve")
    assert admin(one, "", settings).status == 201
    assert admin(one, "", LATE).status == 201
    one.kill()
    text = one.config.read_text()
    one.config.write_text(text[: text.index("[verifier]")])
    one.start(program="serve")
    labels = [each["label"] for each in one.status()["namespaces"]]
    assert labels == ["payments", "reports", "late"]
    assert "there is no [verifier]" in one.log()
    assert len(list((one.run / "state").glob("*.journal"))) == 4  # and the root namespace's


FULL = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend"]
limits = { log_entries = 1, log_bytes = 1024 }
"""


def journals(one: Trothd) -> int:
    """Return how many bytes the journals of a trothd take."""
    return sum(path.stat().st_size for path in (one.run / "state").glob("*.journal"))


def test_events_refused_are_counted_in_no_more_room_and_across_kills(
    make: Callable[..., Trothd],
) -> None:
    one = make(FULL).start()
    assert one.event("payments").status == 200
    size = journals(one)
    refused = 0
    for round_ in range(3):
        for _ in range(200):
            assert one.event("payments").code == "log.full"
            refused += 1
        one.kill_daemon()
        # What was refused, and a gap for each restart: no fewer, and here no more.
        assert one.status()["namespaces"][0]["gaps"] == refused + round_ + 1
    assert journals(one) == size


def test_killed_while_events_are_refused_no_gap_is_lost(make: Callable[..., Trothd]) -> None:
    one = make(FULL).start()
    assert one.event("payments").status == 200
    refused = 0
    stop = threading.Event()

    def hammer() -> None:
        nonlocal refused
        while not stop.is_set():
            with contextlib.suppress(OSError, HTTPException):
                refused += one.event("payments").status == 403

    thread = threading.Thread(target=hammer)
    thread.start()
    try:
        for _ in range(3):
            before = refused
            until(lambda before=before: refused > before + 20)
            one.kill_daemon()
    finally:
        stop.set()
        thread.join()
    assert one.status()["namespaces"][0]["gaps"] >= refused + 3


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


SMALL = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend"]
limits = { log_entries = 100, log_bytes = 1048576 }
"""


def test_a_run_directory_that_logs_could_outgrow_is_refused(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "t" / "run", "size=3m"):
        two = make(SMALL + SMALL.replace("payments", "reports"))
        for program in ("root", "serve"):
            done = subprocess.run(
                [sys.executable, "-m", "troth.orchestrator", program, "--config", str(two.config)],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert (done.returncode, "state.room" in done.stderr) == (7, True)
            assert "lower log_bytes" in done.stderr
        assert EmulatedDriver(two.tee).registers()[3] == bytes(48)  # before the root step
        one = make(SMALL).start()
        late = LATE | {"limits": {"log_entries": 100, "log_bytes": 1048576}}
        refused = admin(one, "", late)
        assert (refused.status, refused.code) == (503, "state.room")
        assert (
            admin(one, "", LATE | {"limits": {"log_bytes": 1024, "log_entries": 1}}).status == 201
        )
        one.kill_daemon()  # what fitted is there again, whatever it shares the room with
        assert [each["label"] for each in one.status()["namespaces"]] == ["payments", "late"]
        one.kill()


def test_a_full_run_directory_refuses_events_and_loses_none(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "t" / "run", "size=3m"):
        one = make(SMALL).start()
        found = os.statvfs(one.run)  # somebody else takes nearly all of it
        (one.run / "other").write_bytes(bytes(found.f_bavail * found.f_frsize - 200_000))
        taken = 0
        while (answer := one.event("payments", "x" * 30_000)).status == 200:
            taken += 1
        assert (answer.status, answer.code) == (503, "state.write")
        assert taken > 0
        got = read(one.evidence("payments").body, one.software())
        assert (got.namespace[4][0], got.namespace[5]) == (taken, 1)
        one.kill_daemon()
        left = one.status()["namespaces"][0]
        assert (left["count"], left["gaps"]) == (taken, 2)  # the refusal, and the restart
        admin(one, "/payments/close")
        one.kill_daemon()
        assert one.status()["namespaces"] == []  # nor does a full disk open it again
        one.kill()


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Cover a directory with itself, read-only. What is open below stays open, as it would be."""
    subprocess.run(["/bin/mount", "--bind", str(path), str(path)], check=True)
    try:
        options = ["-o", "remount,bind,ro"]
        subprocess.run(["/bin/mount", *options, str(path)], check=True)
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", str(path)], check=True)


def test_a_run_directory_that_becomes_read_only_takes_no_namespace_and_no_start(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    run = tmp_path / "t" / "run"
    with small_disk(run, "size=3m"):
        one = make(SMALL).start()
        with read_only(run):
            assert not os.access(run, os.W_OK)
            limits = {"log_bytes": 1024, "log_entries": 1}
            refused = admin(one, "", LATE | {"limits": limits})
            assert (refused.status, refused.code) == (503, "state.write")
            assert [each["label"] for each in one.status()["namespaces"]] == ["payments"]
            # The journal is open, and the kernel lets no file system go under it.
            assert one.event("payments").status == 200
            assert read(one.evidence("payments").body, one.software()).namespace[4][0] == 1
            # It cannot be taken away either: it would be back after a restart, and that is said.
            closed = admin(one, "/payments/close")
            assert (closed.status, closed.code) == (503, "state.write")
            assert one.status()["namespaces"] == []
            os.kill(one.daemon_pid(), signal.SIGKILL)
            assert one.process is not None
            assert one.process.wait(60) == 2  # and is not started again for ever
            assert "usage.file" in one.log()
        one.kill()


def test_a_read_only_run_directory_is_refused_before_the_root_step(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    run = tmp_path / "t" / "run"
    with small_disk(run, "size=3m"):
        one = make(SMALL)
        (run / "ns").mkdir()
        for name in ("lock", "root.lock"):  # those that an earlier trothd left
            (run / name).touch()
        with read_only(run):
            one.start(wait=False)
            assert one.process is not None
            assert one.process.wait(60) == 2
        assert "usage.file" in one.log()
        assert EmulatedDriver(one.tee).registers()[3] == bytes(48)


def test_a_disk_that_is_full_at_the_start_is_seen_before_the_root_step(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    run = tmp_path / "t" / "run"
    with small_disk(run, "size=3m"):
        one = make(SMALL)
        with contextlib.suppress(OSError), (run / "other").open("wb", 0) as other:
            while True:
                other.write(bytes(4096))
        one.start(wait=False)
        assert one.process is not None
        assert one.process.wait(60) == 7
        assert "state.write" in one.log()
        assert EmulatedDriver(one.tee).registers()[3] == bytes(48)
        one.kill()
        (run / "other").unlink()
        one.start()
        assert one.status()["rooted"]
        one.kill()


def test_a_journal_that_takes_no_more_refuses_events_and_counts_a_gap(
    make: Callable[..., Trothd],
) -> None:
    """The kernel refuses each write at the journal's end, as a failing disk would."""
    one = make(SMALL).start()
    assert one.event("payments").status == 200
    size = max(path.stat().st_size for path in (one.run / "state").glob("*.journal"))
    # Python ignores SIGXFSZ, so that the write fails with EFBIG.
    resource.prlimit(one.daemon_pid(), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    refused = one.event("payments", "y" * 500)
    assert (refused.status, refused.code) == (503, "state.write")
    resource.prlimit(one.daemon_pid(), resource.RLIMIT_FSIZE, (-1, -1))
    got = read(one.evidence("payments").body, one.software())
    assert (got.namespace[4][0], got.namespace[5]) == (1, 1)
    assert one.event("payments").json["count"] == 2
