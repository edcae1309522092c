# SPDX-License-Identifier: Apache-2.0
"""`troth emulate tdx` without a command of its own: the files of a kernel with a TEE."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from troth.errors import UsageError
from troth.infra import clock
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, boot_log, booted, create_in
from troth.tsm.emulated.view import (
    KERNELS,
    Tree,
    demand_mount_point,
    private_namespace,
    run,
    serve,
    tdx_tree,
)

__all__ = ["View", "show_view"]

_TEE_VARIABLE: Final = "TROTH_EMULATED_TDX"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What was asked for.

    Attributes:
        command: the program that is to see it, with arguments; None if there was no `--`.
        tee: the directory of a software TDX; None for one that is made and removed.
        mount: where the files are to appear; None for a private mount namespace.
        kernel: a name of `KERNELS`.
        latency_ms: how long a quote takes, at least.
        fail: the name of the errno with which every quote fails.
    """

    command: tuple[str, ...] | None
    tee: str | None
    mount: str | None
    kernel: str
    latency_ms: int
    fail: str | None

    def tree(self, directory: Path) -> Tree:
        """Return what is to be shown of the software TDX in a directory."""
        return tdx_tree(
            directory,
            KERNELS[self.kernel],
            latency_s=self.latency_ms / 1000,
            fails_with=None if self.fail is None else _errno(self.fail),
        )


def show_view(context: click.Context, view: View) -> int:
    """Show a view at its mount point, or to a program, and return the exit status."""
    if view.tee == "" or view.mount == "":
        raise UsageError("usage.arguments", "--tee and --mount take a directory, not nothing")
    if view.command is None and view.mount is None:
        raise click.exceptions.NoArgsIsHelpError(context)
    if view.command is None:
        return _mounted(view, Path(view.mount or ""))
    if view.mount is not None:
        raise UsageError("usage.arguments", "--mount and -- PROGRAM are two ways; choose one")
    if not view.command:
        raise UsageError("usage.arguments", "name the program that is to run after --")
    return _inside(view, view.command)


def _mounted(view: View, mount_point: Path) -> int:
    demand_mount_point(mount_point)
    with _tee(view, None) as directory:
        tree = view.tree(directory)

        def ready() -> None:
            _say(f"software TDX of {directory} at {mount_point}; its root is {directory}/root.pem")
            _say(f"entries are made in {mount_point}/kernel/config/tsm/report")
            click.echo("READY")

        serve(tree, mount_point, ready=ready, everybody=os.geteuid() == 0)
    _say(f"unmounted {mount_point}")
    return 0


def _inside(view: View, command: Sequence[str]) -> int:
    with private_namespace() as namespace, _tee(view, namespace.scratch) as directory:
        how = "a user namespace, as root of it" if namespace.is_user else "root's rights"
        with namespace.showing(view.tree(directory)):
            _say(f"software TDX of {directory} in /sys, for this program; by {how}")
            return run(command, os.environ | {_TEE_VARIABLE: str(directory)}, namespace.mask)


@contextmanager
def _tee(view: View, scratch: Path | None) -> Iterator[Path]:
    """Give the directory that was named, or a new software TDX for the length of the block."""
    if view.tee is not None:
        if not Path(view.tee).is_dir():
            raise UsageError("usage.file", f"{view.tee}: no such directory; make one with init")
        yield Path(view.tee).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="troth-tdx-", dir=scratch) as directory:
        log = boot_log()
        made = SoftwareTdx.create(booted(Settings(), log), at=clock.now())
        create_in(Path(directory), made, boot_log=log)
        yield Path(directory)


def _say(what: str) -> None:
    click.echo(f"troth: {what}", err=True)


def _errno(name: str) -> int:
    code = getattr(errno, name, None) if name.startswith("E") else None
    if not isinstance(code, int):
        raise UsageError("usage.arguments", f"--fail {name}: no such errno; EIO is one")
    return code
