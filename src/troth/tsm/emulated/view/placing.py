# SPDX-License-Identifier: Apache-2.0
"""Putting a view's files over those of `/sys`, in a mount namespace of our own.

What the machine has is mounted over. What it has not needs a directory in which it can lie: there
a small file system takes the place of the deepest directory that exists, with everything that was
in it, and read-only once it is complete.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from troth.tsm.emulated.view.syscalls import (
    MS_BIND,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    mount,
)

__all__ = ["Plan", "place", "planned"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, by paths below `/sys`.

    Attributes:
        covered: what exists, and is mounted over.
        widened: directories that exist, each with the names that it gets.
    """

    covered: list[Path] = field(default_factory=list)
    widened: Mapping[Path, set[str]] = field(default_factory=dict)


def planned(targets: Iterable[Path], sysfs: Path) -> Plan:
    """Say what has to be done so that each target is there.

    Args:
        targets: paths below `sysfs`, relative.
        sysfs: where they are to appear.
    """
    covered: list[Path] = []
    widened: defaultdict[Path, set[str]] = defaultdict(set)
    for target in targets:
        if (sysfs / target).is_symlink():
            continue  # it leads to where another target is put
        if (sysfs / target).exists():
            covered.append(target)
            continue
        missing = target
        while not (sysfs / missing.parent).exists():
            missing = missing.parent
        widened[missing.parent].add(missing.name)
    return Plan(covered, dict(sorted(widened.items())))  # outer directories first


def place(view: Path, targets: Iterable[Path], *, sysfs: Path, scratch: Path) -> None:
    """Make targets appear below `sysfs`, for this mount namespace.

    Args:
        view: where the files are.
        targets: paths below it, relative.
        sysfs: usually `/sys`.
        scratch: an empty directory, which is used from now on.

    Raises:
        OSError: a mount failed.
    """
    plan = planned(targets, sysfs)
    for number, (directory, names) in enumerate(plan.widened.items()):
        saved = scratch / str(number)
        saved.mkdir()
        _widen(sysfs / directory, {name: view / directory / name for name in names}, saved)
    for target in plan.covered:
        mount(view / target, sysfs / target, flags=MS_BIND)


def _widen(directory: Path, added: Mapping[str, Path], saved: Path) -> None:
    mount(directory, saved, flags=MS_BIND | MS_REC)
    mount("troth", directory, "tmpfs")
    directory.chmod(0o755)
    for was in saved.iterdir():
        _appear(was, directory / was.name)
    for name, source in added.items():
        _appear(source, directory / name)
    mount("troth", directory, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def _appear(source: Path, target: Path) -> None:
    """Make what lies at `source` appear at `target`, where nothing is."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    mount(source, target, flags=MS_BIND | MS_REC)
