# SPDX-License-Identifier: Apache-2.0
"""`troth event`: an event of the application, for its namespace's log and model."""

from __future__ import annotations

import click

from troth.cli import _peers as peers
from troth.cli._printer import print_json
from troth.client import Trothd
from troth.errors import DeniedError

__all__ = ["event"]


@click.command()
@click.argument("domain")
@click.argument("operation")
@click.argument("content")
@click.option(
    "--in-model",
    is_flag=True,
    help="Exit with 6 if the namespace has left its sealed model, by this event or an earlier one.",
)
@peers.socket_option
@peers.timeout_option
@peers.as_json_option
def event(
    domain: str,
    operation: str,
    content: str,
    in_model: bool,
    socket: str,
    timeout: float,
    as_json: bool,
) -> int:
    """Append an event to the log of this namespace. It cannot be taken back.

    In a sealed model an event that the model does not know is forensic: every later statement
    counts it, and the namespace loses its tokens and secrets.

    \b
    Example:
      troth event database connect primary
    """
    receipt = Trothd(socket, timeout_s=timeout).event(domain, operation, content)
    if as_json:
        print_json(receipt)
    else:
        click.echo(f"event {receipt.count}  head {receipt.head}  forensic {receipt.forensic}")
    return DeniedError.exit_code if in_model and receipt.forensic else 0
