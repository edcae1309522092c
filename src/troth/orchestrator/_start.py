# SPDX-License-Identifier: Apache-2.0
"""What `trothd root` and `trothd serve` share: their options, and what holds before either runs."""

from __future__ import annotations

from pathlib import Path

import click

from troth.infra.settings import Loaded
from troth.orchestrator.clones import demand_no_hibernation
from troth.orchestrator.configuration import ROOT_LIMITS, Configuration
from troth.orchestrator.room import demand_room
from troth.orchestrator.run_directory import make_run_directory
from troth.orchestrator.tsm import EmulatedSettings, TsmSettings

__all__ = ["check_option", "config_option", "demand_place", "summary"]

config_option = click.option(
    "--config", "path", required=True, metavar="FILE", help="The configuration, TOML."
)
check_option = click.option(
    "--check-config", is_flag=True, help="Say what would run and end; nothing is touched."
)


def summary(loaded: Loaded[Configuration]) -> str:
    """Return one line: what would run, and where it would be found."""
    value = loaded.value
    run = value.trothd.run_directory
    driver = value.tsm.__struct_config__.tag
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

    A software TDX is a TVM within a machine that is none, and that may hibernate. What stands for
    its own sysfs is in its directory; without one it is like a kernel without power management.
    """
    if not isinstance(settings, EmulatedSettings):
        demand_no_hibernation(Path(settings.sysfs))
    elif (own := Path(settings.directory) / "sys").exists():
        demand_no_hibernation(own)
