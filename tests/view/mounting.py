# SPDX-License-Identifier: Apache-2.0
"""Views as processes of their own, which leave no mount and no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.control import SocketControl
from tests.program import HEARS_SIGINT, PROGRAM, environment
from troth.tsm.emulated.view.syscalls import unmount

__all__ = [
    "Mounted",
    "is_mount",
    "kind_view",
    "mounted",
    "needs_fuse",
    "scripted_view",
    "tdx_view",
]

_HANG_S: Final = 60
_TOP: Final = Path(__file__).resolve().parents[2]

needs_fuse = pytest.mark.skipif(
    not (Path("/dev/fuse").exists() and os.geteuid() == 0),
    reason="mounting a view takes /dev/fuse and root",
)


@dataclass(frozen=True)
class Mounted:
    """A view and its daemon."""

    root: Path
    daemon: subprocess.Popen[str]
    socket: Path | None = None

    @property
    def control(self) -> SocketControl:
        """The parameters of a scripted provider."""
        assert self.socket is not None
        return SocketControl(self.socket)

    @property
    def report(self) -> Path:
        """Where entries are made."""
        return self.root / "kernel/config/tsm/report"

    @property
    def measurements(self) -> Path:
        """Where the registers are."""
        return self.root / "class/misc/tdx_guest/measurements"

    def entry(self, name: str = "x") -> Path:
        """Make an entry."""
        path = self.report / name
        path.mkdir()
        return path


@contextmanager
def mounted(
    command: Sequence[str | Path], root: Path, control: Path | None = None
) -> Iterator[Mounted]:
    """Start a daemon that says a line once it is ready; stop it and unmount at the end."""
    root.mkdir(exist_ok=True)
    daemon = subprocess.Popen(
        [*HEARS_SIGINT, *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=_TOP,
        env=environment(),
    )
    try:
        assert daemon.stdout is not None
        assert daemon.stdout.readline(), "the daemon ended before it was ready"
        yield Mounted(root, daemon, control)
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.communicate(timeout=_HANG_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.communicate()
        if is_mount(root):
            unmount(root)


def scripted_view(folder: Path, kernel: str = "7.3") -> AbstractContextManager[Mounted]:
    """Return a view with the scripted provider, not yet entered."""
    root, control = folder / "scripted", folder / "control"
    command = [sys.executable, "-m", "tests.view.daemon", str(root), str(control), kernel]
    return mounted(command, root, control)


def tdx_view(folder: Path, tee: Path, *options: str) -> AbstractContextManager[Mounted]:
    """Return a view of a software TDX by `troth emulate tdx --mount`, not yet entered."""
    return kind_view(folder, "tdx", tee, *options)


def kind_view(folder: Path, kind: str, tee: Path, *options: str) -> AbstractContextManager[Mounted]:
    """Return a view of a software TEE by `troth emulate KIND --mount`, not yet entered."""
    root = folder / kind
    return mounted([PROGRAM, "emulate", kind, "--tee", tee, "--mount", root, *options], root)


def is_mount(path: Path) -> bool:
    """Say whether something is mounted at a path, its daemon alive or dead."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return str(path) in {line.split()[4] for line in mounts}
