# SPDX-License-Identifier: Apache-2.0
"""`troth emulate KIND` without a command of its own: the files of a kernel with a TEE."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

import click

from troth.cli._software import demand_kind
from troth.errors import UsageError
from troth.infra import clock
from troth.tsm.emulated import cca, cove, snp, tdx
from troth.tsm.emulated.view import (
    KERNELS,
    Kernel,
    Tree,
    cca_tree,
    cove_tree,
    demand_mount_point,
    private_namespace,
    run,
    serve,
    snp_tree,
    tdx_tree,
)

__all__ = ["Asked", "show_view"]


class _TreeOf(Protocol):
    def __call__(
        self, directory: Path, kernel: Kernel, *, latency_s: float, fails_with: int | None
    ) -> Tree: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind: its name, the anchor of its evidence, how it is shown, and how one is made."""

    name: str
    anchor: str
    tree: _TreeOf
    make: Callable[[Path, datetime, bool], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for.

    Attributes:
        kind: of the software TEE.
        command: the program that is to see it, with arguments; None if there was no `--`.
        tee: the directory of a software TEE; None for one that is made and removed.
        mount: where the files are to appear; None for a private mount namespace.
        kernel: a name of `KERNELS`.
        latency_ms: how long a report takes, at least.
        fail: the name of the errno with which every report fails.
        svsm: whether the SNP guest that is made is to have an SVSM below it.
    """

    kind: Literal["tdx", "snp", "cca", "cove"]
    command: tuple[str, ...] | None
    tee: str | None
    mount: str | None
    kernel: str
    latency_ms: int
    fail: str | None
    svsm: bool = False

    def tree(self, directory: Path) -> Tree:
        """Return what is to be shown of the software TEE in a directory."""
        return _KINDS[self.kind].tree(
            directory,
            KERNELS[self.kernel],
            latency_s=self.latency_ms / 1000,
            fails_with=None if self.fail is None else _errno(self.fail),
        )


def show_view(context: click.Context, asked: Asked) -> int:
    """Show a view at its mount point, or to a program, and return the exit status."""
    if asked.tee == "" or asked.mount == "":
        raise UsageError("usage.arguments", "--tee and --mount take a directory, not nothing")
    if asked.svsm and asked.tee is not None:
        raise UsageError("usage.arguments", "--svsm is for a new guest: make one with init --svsm")
    if asked.command is None and asked.mount is None:
        raise click.exceptions.NoArgsIsHelpError(context)
    if asked.command is None:
        return _mounted(asked, Path(asked.mount or ""))
    if asked.mount is not None:
        raise UsageError("usage.arguments", "--mount and -- PROGRAM are two ways; choose one")
    if not asked.command:
        raise UsageError("usage.arguments", "name the program that is to run after --")
    return _inside(asked, asked.command)


def _mounted(asked: Asked, mount_point: Path) -> int:
    kind = _KINDS[asked.kind]
    demand_mount_point(mount_point)
    with _tee(asked, None) as directory:
        tree = asked.tree(directory)

        def ready() -> None:
            anchor = f"trust it by {directory}/{kind.anchor}"
            _say(f"software {kind.name} of {directory} at {mount_point}; {anchor}")
            _say(f"entries are made in {mount_point}/kernel/config/tsm/report")
            click.echo("READY")

        serve(tree, mount_point, ready=ready, everybody=os.geteuid() == 0)
    _say(f"unmounted {mount_point}")
    return 0


def _inside(asked: Asked, command: Sequence[str]) -> int:
    name = _KINDS[asked.kind].name
    with private_namespace() as namespace, _tee(asked, namespace.scratch) as directory:
        how = "a user namespace, as root of it" if namespace.is_user else "root's rights"
        variable = {f"TROTH_EMULATED_{asked.kind.upper()}": str(directory)}
        with namespace.showing(asked.tree(directory)):
            _say(f"software {name} of {directory} in /sys, for this program; by {how}")
            return run(command, os.environ | variable, namespace.mask)


@contextmanager
def _tee(asked: Asked, scratch: Path | None) -> Iterator[Path]:
    """Give the directory that was named, or a new software TEE for the length of the block."""
    if asked.tee is not None:
        demand_kind(asked.tee, asked.kind)
        yield Path(asked.tee).absolute()
        return
    with tempfile.TemporaryDirectory(prefix=f"troth-{asked.kind}-", dir=scratch) as directory:
        _KINDS[asked.kind].make(Path(directory), clock.now(), asked.svsm)
        yield Path(directory)


def _make_tdx(directory: Path, at: datetime, _svsm: bool) -> None:
    log = tdx.boot_log()
    made = tdx.SoftwareTdx.create(tdx.booted(tdx.Settings(), log), at=at)
    tdx.create_in(directory, made, boot_log=log)


def _make_snp(directory: Path, at: datetime, svsm: bool) -> None:
    settings = snp.Settings.under_svsm() if svsm else snp.Settings()
    snp.create_in(directory, snp.SoftwareSnp.create(settings, at=at))


def _make_cca(directory: Path, at: datetime, _svsm: bool) -> None:
    cca.create_in(directory, cca.SoftwareCca.create(at=at))


def _make_cove(directory: Path, at: datetime, _svsm: bool) -> None:
    cove.create_in(directory, cove.SoftwareCove.create(at=at))


_KINDS: Final = {
    "tdx": _Kind("TDX", "root.pem", tdx_tree, _make_tdx),
    "snp": _Kind("SNP", "root.pem", snp_tree, _make_snp),
    "cca": _Kind("CCA", "cpak.json", cca_tree, _make_cca),
    "cove": _Kind("CoVE", "roots.json", cove_tree, _make_cove),
}


def _say(what: str) -> None:
    click.echo(f"troth: {what}", err=True)


def _errno(name: str) -> int:
    code = getattr(errno, name, None) if name.startswith("E") else None
    if not isinstance(code, int):
        raise UsageError("usage.arguments", f"--fail {name}: no such errno; EIO is one")
    return code
