# SPDX-License-Identifier: Apache-2.0
"""A FUSE view of a software TEE, served by a process of its own, for tests of drivers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.tsm.standin import AT
from troth.tsm.emulated.tdx import SoftwareTdx, create_in

DEADLINE_S: Final = 60.0
_TOP: Final = Path(__file__).resolve().parents[2]
_SETTINGS: Final[dict[str, str | float | bool]] = {
    "provider": "tdx",
    "kernel": "7.3",
    "latency_s": 0.0,
    "fails_with": "",
    "everybody": False,
}


@contextmanager
def mounted(directory: Path, **settings: str | float | bool) -> Iterator[Path]:
    """Mount a view; see `served`. Yield the root of its sysfs."""
    with served(directory, **settings) as (point, _):
        yield point


@contextmanager
def served(
    directory: Path, **settings: str | float | bool
) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """Mount a view; yield the root of its sysfs and the process behind it.

    Args:
        directory: where a software TDX and the mount point are made.
        settings: `provider`, one of tdx, snp, svsm, or software-snp, -cca, -cove, of whose `tee`
            it is a view; `kernel`; `latency_s` of a quote;
            `fails_with`, the name of the errno that quotes end with; `everybody`, whether other
            users see the mount.
    """
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid() != 0:
        pytest.skip("mounting a view takes /dev/fuse and root")
    create_in(directory / "tee", SoftwareTdx.create(at=AT))
    point = Path(tempfile.mkdtemp(dir=directory))
    point.chmod(0o755)
    chosen = json.dumps(_SETTINGS | {"tee": str(directory / "tee")} | settings)
    command = [sys.executable, "-m", "tests.tsm.serving", str(point), chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_TOP) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            yield point, process
        finally:
            process.terminate()
            process.wait(DEADLINE_S)
            _unmount(point)


def _unmount(point: Path) -> None:
    """Take away what a killed process left mounted; such a mount point cannot be looked at."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    if f" {point} " in mounts:
        subprocess.run(["/bin/umount", "-l", str(point)], check=True)
