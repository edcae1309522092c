# SPDX-License-Identifier: Apache-2.0
"""A machine that breaks says so, with what its console said last; and where none can be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vm import machine
from tests.vm.debian import Kernel
from tests.vm.machine import Boot, missing, run
from tests.vm.places import built, checked


@pytest.fixture
def boot(kernel: Kernel, root_disk: Path, tmp_path: Path) -> Boot:
    """A boot whose job fails."""
    tree, disk = tmp_path / "tree", tmp_path / "payload.img"
    tree.mkdir()
    (tree / "job.sh").write_text("echo this is the job\nexit 3\n")
    checked(["mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "8M"])
    return Boot(kernel=kernel.image, root=root_disk, payload=disk)


def test_a_job_that_fails_is_told_with_its_words(boot: Boot, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)status 3;.*this is the job"):
        run(boot, tmp_path, deadline_s=300)


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
