# SPDX-License-Identifier: Apache-2.0
"""The disk that a boot is given: the job, and what the job is about."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from tests.vm.places import HERE, ROOT, checked

__all__ = ["our_program", "our_tests", "write_payload"]

_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.jsonl", "*.pyc")


def write_payload(scratch: Path, job: str, *files: Path) -> Path:
    """Write the disk for a job.

    Args:
        scratch: a folder for it.
        job: the name of a script in guest/.
        files: what else goes to the disk's top, files and folders.
    """
    tree = scratch / "payload"
    tree.mkdir()
    shutil.copy(HERE / "guest" / job, tree / "job.sh")
    for file in files:
        if file.is_dir():
            shutil.copytree(file, tree / file.name, ignore=_LEFT_OUT)
        else:
            shutil.copy(file, tree)
    disk = scratch / "payload.img"
    checked(["mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "128M"])
    return disk


def our_program(scratch: Path) -> Path:
    """Build our wheel, and return the folder `python` in which it is installed."""
    wheels, target = scratch / "wheels", scratch / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ("--no-deps", "--no-build-isolation", "--no-index")
    checked([*pip, "wheel", "-q", *build, "-w", wheels, ROOT])
    (wheel,) = wheels.iterdir()
    checked([*pip, "install", "-q", "--no-deps", "--no-index", "--target", target, wheel])
    return target


def our_tests() -> tuple[Path, ...]:
    """Return what tests in the guest need beside the program.

    That is themselves, the system calls that a driver is measured against, and pytest's settings.
    """
    return ROOT / "tests", ROOT / "benchmarks", ROOT / "pyproject.toml"
