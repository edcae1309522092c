# SPDX-License-Identifier: Apache-2.0
"""The program `trothd`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import click
import structlog

import troth
from troth.errors import UsageError
from troth.infra import http, service
from troth.infra.http.server import stopped
from troth.infra.log import Event, start_log
from troth.infra.program import run_command
from troth.infra.settings import Loaded
from troth.orchestrator.admin import admin_api
from troth.orchestrator.api import workload_api
from troth.orchestrator.boot import FD_NAME, Boot
from troth.orchestrator.clones import GenerationWatch, Uevents, demand_no_hibernation
from troth.orchestrator.configuration import (
    ROOT_LIMITS,
    Configuration,
    load_configuration,
)
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.device import Device
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.namespaces import Namespaces
from troth.orchestrator.preflight import demand_named, demand_startable
from troth.orchestrator.room import demand_room
from troth.orchestrator.root_step import root_step, will_extend
from troth.orchestrator.run_directory import admin_socket, lock_file, make_run_directory
from troth.orchestrator.supervise import supervise
from troth.orchestrator.tsm import EmulatedSettings, TsmSettings, driver_of

__all__ = ["main"]

_log = structlog.get_logger()

_CONFIG = click.option(
    "--config", "path", required=True, metavar="FILE", help="The configuration, TOML."
)
_CHECK = click.option(
    "--check-config", is_flag=True, help="Say what would run and end; nothing is touched."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(troth.__version__, prog_name="trothd")
def trothd() -> None:
    """The trust orchestrator inside a confidential VM."""


@trothd.command()
@_CONFIG
@_CHECK
def serve(path: str, *, check_config: bool) -> None:
    """Answer the workloads of this TVM.

    Without a boot key from `trothd root` it serves unrooted, and every bundle shows it.
    """
    loaded = load_configuration(path)
    if check_config:
        demand_named(loaded)
        click.echo(_summary(loaded))
        return
    run = _demand_place(loaded.value)
    lock = lock_file(run / "lock")
    try:
        http.run(lambda: _serve(loaded, run))
    finally:
        os.close(lock)


@trothd.command(context_settings={"ignore_unknown_options": True})
@_CONFIG
@_CHECK
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def root(path: str, command: tuple[str, ...], *, check_config: bool) -> None:
    """Do the root step of this boot, then run COMMAND and keep the boot key for it.

    COMMAND is `trothd serve` with the same configuration if none is given. It finds the key as
    descriptor `troth-boot` (sd_listen_fds) and is started again when it crashes.
    """
    loaded = load_configuration(path)
    _demand_command(command, path)
    if check_config:
        demand_named(loaded)
        click.echo(_summary(loaded))
        return
    run = _demand_place(loaded.value)
    lock = lock_file(run / "root.lock")
    driver = driver_of(loaded.value.tsm)
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


def main() -> NoReturn:
    """Run the program and exit with the status of DECISIONS: 2 usage, 7 this machine, 70 a bug."""
    start_log()
    run_command(trothd, "trothd")


async def _serve(loaded: Loaded[Configuration], run: Path) -> None:
    configuration = loaded.value
    crash = CrashPoints(configuration)
    uevents = Uevents.open()
    held = service.handed_over(FD_NAME)
    boot = Boot.make(loaded.digest, None) if held is None else Boot.unseal(held)
    if boot.root.configuration != loaded.digest:
        raise UsageError(
            "usage.configuration",
            f"{loaded.name}: not the configuration that this boot's root statement names",
        )
    stop = stopped()
    namespaces = Namespaces(run)
    daemon = Daemon(configuration, boot, Device(driver_of(configuration.tsm)), namespaces, crash)
    server = http.HttpServer(
        workload_api(daemon), most_connections=configuration.trothd.maximum_connections
    )
    admin = http.HttpServer(admin_api(daemon))
    watch = GenerationWatch(uevents, daemon.generation_changed)
    try:
        await daemon.start(server)
        await admin.listen(admin_socket(configuration.trothd.admin_socket))
        _log.info(Event.READY, rooted=daemon.is_rooted)
        service.ready()
        await stop.wait()
        _log.info(Event.STOPPING)
    finally:  # in good order: no new caller, those in flight answered, then the rest
        watch.close()
        await server.close()
        await admin.close()
        await daemon.stop()


def _summary(loaded: Loaded[Configuration]) -> str:
    """Return one line: what would run, and where it would be found."""
    value = loaded.value
    run = value.trothd.run_directory
    driver = value.tsm.__struct_config__.tag
    sockets = [f"{one.label} at {run}/ns/{one.label}/troth.sock" for one in value.namespace]
    return (
        f"{loaded.name}: driver {driver}, root register {value.trothd.root_register},"
        f" administrator at {value.trothd.admin_socket}, {', '.join(sockets) or 'no namespace'}: ok"
    )


def _demand_place(configuration: Configuration) -> Path:
    """Return the run directory, if it is large enough, of a TVM that cannot hibernate."""
    _demand_no_hibernation(configuration.tsm)
    run = make_run_directory(configuration.trothd.run_directory)
    demand_room(run, [ROOT_LIMITS, *(one.limits for one in configuration.namespace)])
    return run


def _demand_command(command: tuple[str, ...], path: str) -> None:
    """Return if what is to run with the key can be started, and can read the configuration."""
    if command and shutil.which(command[0]) is None:
        raise UsageError("usage.file", f"{command[0]}: no such program")
    if not command and not Path(path).is_file():
        raise UsageError("usage.file", f"{path}: not a file, and trothd serve is to read it again")


def _demand_no_hibernation(settings: TsmSettings) -> None:
    """Return if this TVM cannot hibernate.

    A software TDX is a TVM within a machine that is none, and that may hibernate. What stands for
    its own sysfs is in its directory; without one it is like a kernel without power management.
    """
    if not isinstance(settings, EmulatedSettings):
        demand_no_hibernation(Path(settings.sysfs))
    elif (own := Path(settings.directory) / "sys").exists():
        demand_no_hibernation(own)
