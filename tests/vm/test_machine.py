# SPDX-License-Identifier: Apache-2.0
"""A machine that breaks says so, with what its console said last; and where none can be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vm import machine
from tests.vm.debian import Kernel
from tests.vm.machine import TAIL_BYTES, Boot, logs, missing, run
from tests.vm.places import built, checked

FAILED = r"(?s)status 3;.*this is the job.*--- thing\.log, its end:\nwhy it failed"


@pytest.fixture
def boot(kernel: Kernel, root_disk: Path, tmp_path: Path) -> Boot:
    """A boot whose job fails."""
    tree, disk = tmp_path / "tree", tmp_path / "payload.img"
    tree.mkdir()
    (tree / "job.sh").write_text(
        "echo this is the job\necho why it failed >/run/results/thing.log\nexit 3\n"
    )
    checked(["mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "8M"])
    return Boot(kernel=kernel.image, root=root_disk, payload=disk)


def test_a_job_that_fails_is_told_with_its_words(boot: Boot, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=FAILED):
        run(boot, tmp_path, deadline_s=300)


def test_the_tails_of_logs_are_told_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "trothd.log").write_bytes(b"early" + b"." * TAIL_BYTES + b"\xff late")
    (tmp_path / "relay.log").write_text("its cause\n")
    (tmp_path / "firmware.log").write_bytes(bytes(100))
    (tmp_path / "operations.jsonl").write_text("many lines\n")
    told = logs(tmp_path)
    assert "--- relay.log, its end:\nits cause\n" in told
    assert told.endswith("\N{REPLACEMENT CHARACTER} late")
    for other in ("early", "firmware", "many lines"):
        assert other not in told


def test_a_panic_is_told_with_the_consoles_end(boot: Boot, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)left no results.*Kernel panic"):
        run(replace(boot, words="init=/no/such/program"), tmp_path, deadline_s=300)


def test_a_guest_that_hangs_is_ended(boot: Boot, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"hung for 0\.5 s"):
        run(boot, tmp_path, deadline_s=0.5)


def test_an_old_qemu_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / machine.QEMU
    old.write_text("#!/bin/sh\necho 'QEMU emulator version 7.2.22 (Debian)'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "QEMU 10 is needed" in str(missing())
    old.unlink()
    assert "is missing" in str(missing())


def test_what_is_built_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROTH_VM_CACHE", str(tmp_path))

    def breaks(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        built("thing", "1", breaks)
    assert list(tmp_path.glob("thing-*")) == []
    made = [built("thing", content, lambda folder: (folder / "f").touch()) for content in "12345"]
    assert made[-1].name == "thing-5"
    assert len(list(tmp_path.glob("thing-*"))) == 3
