# SPDX-License-Identifier: Apache-2.0
"""The program `trothd`."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import Final

import click
import structlog

import troth
from troth.errors import TrothError, UsageError
from troth.infra import http, service
from troth.infra.http.server import stopped
from troth.infra.log import Event, start_log
from troth.infra.settings import Loaded
from troth.orchestrator.admin import admin_api
from troth.orchestrator.api import workload_api
from troth.orchestrator.boot import FD_NAME, Boot
from troth.orchestrator.configuration import Configuration, load_configuration
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.device import Device
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.namespaces import Namespaces
from troth.orchestrator.root_step import root_step
from troth.orchestrator.supervise import supervise
from troth.orchestrator.tsm import driver_of

__all__ = ["main"]

_PRIVATE: Final = 0o700
_RUN_MODE: Final = 0o755  # who may enter a namespace's directory is said there
_BUG: Final = 70  # EX_SOFTWARE of sysexits.h

_log = structlog.get_logger()

_CONFIG = click.option(
    "--config", "path", required=True, metavar="FILE", help="The configuration, TOML."
)
_CHECK = click.option(
    "--check-config", is_flag=True, help="Check the configuration and end; nothing is touched."
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
    if not check_config:
        run = _run_directory(loaded.value)
        lock = _lock(run / "lock")
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
    if check_config:
        return
    run = _run_directory(loaded.value)
    lock = _lock(run / "root.lock")
    driver = driver_of(loaded.value.tsm)
    held = service.handed_over(FD_NAME)
    boot = None if held is None else Boot.unseal(held)
    if loaded.value.trothd.root_register == "none":
        boot = boot or Boot.make(loaded.digest, None)
        descriptor = boot.seal()
    else:
        crash = CrashPoints(loaded.value)
        _, descriptor = root_step(driver, run, loaded.digest, boot, crash)
    driver.close()
    own = [sys.executable, "-m", "troth.orchestrator", "serve", "--config", path]
    status = supervise(list(command) or own, descriptor)
    os.close(lock)
    sys.exit(status)


def main() -> None:
    """Run the program and exit with the status of DECISIONS: 2 usage, 7 this machine, 70 a bug."""
    start_log()
    try:
        trothd.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(UsageError.exit_code)
    except click.Abort:
        sys.exit(130)
    except (TrothError, UsageError) as error:
        click.echo(f"trothd: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last resort: a bug becomes a status and a log line
        _log.error(Event.BUG, kind=type(error).__name__, exc_info=error)
        sys.exit(_BUG)


async def _serve(loaded: Loaded[Configuration], run: Path) -> None:
    configuration = loaded.value
    crash = CrashPoints(configuration)
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
    try:
        await daemon.start(server)
        await admin.listen(_admin_socket(configuration.trothd.admin_socket))
        _log.info(Event.READY, rooted=daemon.is_rooted)
        service.ready()
        await stop.wait()
        _log.info(Event.STOPPING)
    finally:  # in good order: no new caller, those in flight answered, then the rest
        await server.close()
        await admin.close()
        await daemon.stop()


def _admin_socket(path: str) -> socket.socket:
    try:
        Path(path).parent.mkdir(_PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None
    return http.bind_unix(Path(path))


def _run_directory(configuration: Configuration) -> Path:
    run = Path(configuration.trothd.run_directory)
    try:
        run.mkdir(_RUN_MODE, parents=True, exist_ok=True)
        (run / "ns").mkdir(_RUN_MODE, exist_ok=True)
    except OSError as error:
        raise UsageError("usage.file", f"{run}: {error.strerror}") from None
    return run


def _lock(path: Path) -> int:
    """Return a descriptor that holds a lock while it is open.

    Raises:
        UsageError: `usage.running`, another process holds it; `usage.file`.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError("usage.running", f"{path} is held by another trothd") from None
    return handle
