# SPDX-License-Identifier: Apache-2.0
"""`troth completion`: a script for the user's shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from troth.errors import UsageError

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    \b
      eval "$(troth completion bash)"                     in ~/.bashrc
      eval "$(troth completion zsh)"                      in ~/.zshrc
      troth completion fish > ~/.config/fish/completions/troth.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError("usage.arguments", f"no completion for {shell}")
    script = kind(context.find_root().command, {}, "troth", "_TROTH_COMPLETE")
    click.echo(script.source())
