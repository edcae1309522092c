# SPDX-License-Identifier: Apache-2.0
"""`trothd serve`: the daemon from its configuration to its last answer."""

from __future__ import annotations

import os
from pathlib import Path

import click
import structlog

from troth.errors import UsageError
from troth.infra import http, service
from troth.infra.http.server import stopped
from troth.infra.log import Event
from troth.infra.settings import Loaded
from troth.orchestrator._start import (
    check_configuration,
    check_option,
    config_option,
    demand_place,
)
from troth.orchestrator.admin import admin_api
from troth.orchestrator.api import workload_api
from troth.orchestrator.boot import FD_NAME, Boot
from troth.orchestrator.clones import GenerationWatch, Uevents
from troth.orchestrator.configuration import Configuration, load_configuration
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.device import Device
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.namespaces import Namespaces
from troth.orchestrator.preflight import demand_root_register
from troth.orchestrator.run_directory import admin_socket, lock_file
from troth.orchestrator.tsm import driver_of

__all__ = ["serve"]

_log = structlog.get_logger()


@click.command()
@config_option
@check_option
def serve(path: str, *, check_config: bool) -> None:
    """Answer the workloads of this TVM.

    Without a boot key from `trothd root` it serves unrooted, and every bundle shows it.
    """
    loaded = load_configuration(path)
    if check_config:
        click.echo(check_configuration(loaded, takes_root=False))
        return
    run = demand_place(loaded.value)
    lock = lock_file(run / "lock")
    try:
        http.run(lambda: _serve(loaded, run))
    finally:
        os.close(lock)


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
    driver = driver_of(configuration.tsm)
    demand_root_register(loaded, driver.provider)
    stop = stopped()
    namespaces = Namespaces(run)
    daemon = Daemon(configuration, boot, Device(driver), namespaces, crash)
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
