# SPDX-License-Identifier: Apache-2.0
"""`troth namespace`: who trothd takes the caller for."""

from __future__ import annotations

import click

from troth.cli import _peers as peers
from troth.cli._printer import print_json
from troth.client import Trothd

__all__ = ["namespace"]


@click.command()
@peers.socket_option
@peers.timeout_option
@peers.as_json_option
def namespace(socket: str, timeout: float, as_json: bool) -> None:
    """Show the namespace that trothd takes this process for: id, log, model, capabilities."""
    found = Trothd(socket, timeout_s=timeout).namespace()
    if as_json:
        print_json(found)
        return
    for line in _lines(found, ""):
        click.echo(line)


def _lines(found: dict[str, object], indent: str) -> list[str]:
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, f"{indent}  ")]
        else:
            shown = ", ".join(str(one) for one in value) if isinstance(value, list) else value
            lines.append(f"{indent}{name:{20 - len(indent)}}{shown}")
    return lines
