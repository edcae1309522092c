# SPDX-License-Identifier: Apache-2.0
"""The option that every command of `troth-broker` has."""

from __future__ import annotations

import click

from troth.broker.initial import CONFIGURATION

__all__ = ["config_option"]

config_option = click.option(
    "--config",
    "-c",
    metavar="FILE",
    default=CONFIGURATION,
    show_default=True,
    envvar="TROTH_BROKER_CONFIG",
    help="The broker's configuration.",
)
