# SPDX-License-Identifier: Apache-2.0
"""The program `trothd`."""

from __future__ import annotations

from typing import NoReturn

import click

from troth.infra.commands import DeferredCommand, LazyGroup
from troth.infra.log import start_log
from troth.infra.program import run_command

__all__ = ["main"]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="troth", prog_name="trothd")
def trothd() -> None:
    """The trust orchestrator inside a confidential VM."""


trothd.add_command(
    DeferredCommand("serve", "troth.orchestrator._serve:serve", "Answer the workloads of this TVM.")
)
trothd.add_command(  # it becomes the supervisor, which stays without what only a server imports
    DeferredCommand(
        "root",
        "troth.orchestrator._root:root",
        "Do the root step of this boot, then run COMMAND and keep the boot key for it.",
    )
)


def main() -> NoReturn:
    """Run the program and exit with the status of DECISIONS: 2 usage, 7 this machine, 70 a bug."""
    start_log()
    run_command(trothd, "trothd")
