# SPDX-License-Identifier: Apache-2.0
"""Commands that are imported when they are run: help and completion only read what they are called.

    @click.group(cls=LazyGroup)
    def troth() -> None: ...

    troth.add_command(DeferredCommand("verify", "troth.cli._verify:verify", "Judge the evidence."))

A program has many commands and a process runs one, so that what only the others import is not paid
for at every start.
"""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["DeferredCommand", "LazyGroup"]


class DeferredCommand(click.Command):
    """The name and the summary of a command that is somewhere else."""

    def __init__(self, name: str, place: str, summary: str) -> None:
        """Remember where the command is.

        Args:
            name: of the command in its group.
            place: module and attribute, as `troth.cli._verify:verify`.
            summary: the first paragraph of the command's help, on one line.
        """
        super().__init__(name, help=summary)
        self.place = place

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            ImportError, AttributeError: it is not there.
            TypeError: what is there is no command.
        """
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{self.place} is no command")
        return found


class LazyGroup(click.Group):
    """A group that imports a deferred command when it is the one to run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, DeferredCommand):
            command = command.load()
        return name, command, rest
