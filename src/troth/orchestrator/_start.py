# SPDX-License-Identifier: Apache-2.0
"""What `trothd root` and `trothd serve` share: their options, and what holds before either runs."""

from __future__ import annotations

from pathlib import Path

import click

from troth.infra.settings import Loaded
from troth.orchestrator.clones import demand_no_hibernation
from troth.orchestrator.configuration import ROOT_LIMITS, Configuration
from troth.orchestrator.preflight import demand_named, demand_root_register, demand_root_taken
from troth.orchestrator.room import demand_room
from troth.orchestrator.run_directory import make_run_directory
from troth.orchestrator.tsm import EmulatedSettings, TsmSettings, driver_of, named_provider

__all__ = ["check_configuration", "check_option", "config_option", "demand_place"]

config_option = click.option(
    "--config", "path", required=True, metavar="FILE", help="The configuration, TOML."
)
check_option = click.option(
    "--check-config",
    is_flag=True,
    help="Say what would run and end; nothing is touched. A software TEE is looked at as at the "
    "start, a real TSM is not asked.",
)


def check_configuration(loaded: Loaded[Configuration], *, takes_root: bool) -> str:
    """Return one line, what would run and where it would be found, of what can be looked at.

    A software TEE is held to what the start holds it to. A real TSM is not asked, since the file
    may be checked on another machine, and a report may cost a place in a queue; the line says so.

    Args:
        loaded: the configuration.
        takes_root: whether what would run is the root step.

    Raises:
        UsageError: `usage.configuration`.
        DriverError: `identity.cgroup`, `clone.hibernation`; `tsm.*`, as a software TEE's driver.
    """
    demand_named(loaded)
    tsm = loaded.value.tsm
    provider = named_provider(tsm)
    if isinstance(tsm, EmulatedSettings):
        _demand_no_hibernation(tsm)
        driver = driver_of(tsm)
        provider = driver.provider
        demand_root_register(loaded, provider)
        if takes_root and loaded.value.trothd.root_register != "none":
            demand_root_taken(driver)
        driver.close()
    elif provider is not None:
        demand_root_register(loaded, provider)
    return _summary(loaded)


def _summary(loaded: Loaded[Configuration]) -> str:
    value = loaded.value
    run = value.trothd.run_directory
    driver = str(value.tsm.__struct_config__.tag)
    if not isinstance(value.tsm, EmulatedSettings):
        driver += " (the TSM was not asked)"
    sockets = [f"{one.label} at {run}/ns/{one.label}/troth.sock" for one in value.namespace]
    return (
        f"{loaded.name}: driver {driver}, root register {value.trothd.root_register},"
        f" administrator at {value.trothd.admin_socket}, {', '.join(sockets) or 'no namespace'}: ok"
    )


def demand_place(configuration: Configuration) -> Path:
    """Return the run directory, if it is large enough, of a TVM that cannot hibernate."""
    _demand_no_hibernation(configuration.tsm)
    run = make_run_directory(configuration.trothd.run_directory)
    demand_room(run, [ROOT_LIMITS, *(one.limits for one in configuration.namespace)])
    return run


def _demand_no_hibernation(settings: TsmSettings) -> None:
    """Return if this TVM cannot hibernate.

    A software TEE is a TVM within a machine that is none, and that may hibernate. What stands for
    its own sysfs is in its directory; without one it is like a kernel without power management.
    """
    if not isinstance(settings, EmulatedSettings):
        demand_no_hibernation(Path(settings.sysfs))
    elif (own := Path(settings.directory) / "sys").exists():
        demand_no_hibernation(own)
