# SPDX-License-Identifier: Apache-2.0
"""`trothd root`: the root step, and the supervisor that it becomes; it serves nobody itself."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from troth.errors import UsageError
from troth.infra import service
from troth.orchestrator._start import (
    check_configuration,
    check_option,
    config_option,
    demand_place,
)
from troth.orchestrator.boot import FD_NAME, Boot
from troth.orchestrator.configuration import load_configuration
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.preflight import demand_root_register, demand_startable
from troth.orchestrator.root_step import root_step, will_extend
from troth.orchestrator.run_directory import lock_file
from troth.orchestrator.supervise import supervise
from troth.orchestrator.tsm import driver_of

__all__ = ["root"]


@click.command(context_settings={"ignore_unknown_options": True})
@config_option
@check_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def root(path: str, command: tuple[str, ...], *, check_config: bool) -> None:
    """Do the root step of this boot, then run COMMAND and keep the boot key for it.

    COMMAND is `trothd serve` with the same configuration if none is given. It finds the key as
    descriptor `troth-boot` (sd_listen_fds) and is started again when it crashes.
    """
    loaded = load_configuration(path)
    _demand_command(command, path)
    if check_config:
        click.echo(check_configuration(loaded, takes_root=True))
        return
    run = demand_place(loaded.value)
    lock = lock_file(run / "root.lock")
    driver = driver_of(loaded.value.tsm)
    demand_root_register(loaded, driver.provider)
    held = service.handed_over(FD_NAME)
    boot = None if held is None else Boot.unseal(held)
    if loaded.value.trothd.root_register == "none":
        boot = boot or Boot.make(loaded.digest, None)
        descriptor = boot.seal()
    else:
        if will_extend(driver, run, boot):  # which is not taken back
            demand_startable(loaded, run)
        crash = CrashPoints(loaded.value)
        _, descriptor = root_step(driver, run, loaded.digest, boot, crash)
    driver.close()
    own = [sys.executable, "-m", "troth.orchestrator", "serve", "--config", path]
    status = supervise(list(command) or own, descriptor)
    os.close(lock)
    sys.exit(status)


def _demand_command(command: tuple[str, ...], path: str) -> None:
    """Return if what is to run with the key can be started, and can read the configuration."""
    if command and shutil.which(command[0]) is None:
        raise UsageError("usage.file", f"{command[0]}: no such program")
    if not command and not Path(path).is_file():
        raise UsageError("usage.file", f"{path}: not a file, and trothd serve is to read it again")
