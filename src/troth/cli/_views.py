# SPDX-License-Identifier: Apache-2.0
"""`troth emulate KIND` without a command behind it: what is said and taken of a view, by kind.

What shows a view is in `troth.cli._view`, and is imported when one is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Final

import click
from click.core import ParameterSource

from troth.errors import UsageError
from troth.infra.commands import LazyGroup

__all__ = ["KERNELS", "UnseenGroup", "View", "ViewGroup"]

KERNELS: Final = ("6.12", "7.3")  # those of troth.tsm.emulated.view, which is imported to be shown
_PROGRAM: Final = "troth.command"
_OF_VIEWS: Final = frozenset({"--", "--mount", "--tee", "--kernel", "--latency-ms", "--fail"})
_LAST_WORDS: Final = """
With --mount the tree of /sys appears below DIR. With -- PROGRAM it lies in /sys itself, in a
mount namespace that only PROGRAM is in: root needs nothing for it, others a user namespace, in
which PROGRAM appears to be root. Signals are passed on to PROGRAM, and its exit status is that of
this command: 128 and the signal's number if one killed it, 127 if there is no such program, 126
if it cannot be executed. PROGRAM finds the directory of the software {name}, with {anchor}, in
${variable}.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a group says and takes of the view of its kind.

    Attributes:
        word: the kind, as commands and directories spell it.
        name: the same, as people do.
        evidence: what is made, as a word in a sentence.
        anchor: by which files of the directory its evidence is verified.
        kernels: which ones can be imitated.
        difference: what the older of them has not.
        options: those of this kind alone.
    """

    word: str
    name: str
    evidence: str
    anchor: str
    kernels: tuple[str, ...] = KERNELS
    difference: str
    options: tuple[click.Option, ...] = ()

    @property
    def variable(self) -> str:
        """The variable in which a program finds the directory."""
        return f"TROTH_EMULATED_{self.word.upper()}"


class ViewGroup(LazyGroup):
    """A group that also takes `-- COMMAND…` and options, which are kept for the view."""

    def __init__(self, view: View, text: str) -> None:
        """Say `text` of the group, and behind it what all views have in common.

        Args:
            view: of its kind.
            text: the help of the group, as far as it is this kind's own.
        """
        words = {"name": view.name, "anchor": view.anchor, "variable": view.variable}
        super().__init__(
            view.word,
            params=[*_options(view), *view.options],
            callback=click.pass_context(_shown),
            help=text.strip() + "\n\n" + _LAST_WORDS.format(**words).strip(),
            invoke_without_command=True,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split off what follows `--`, unless a command of the group comes first."""
        if "--" in args:
            head = args[: args.index("--")]
            _, rest, _ = self.make_parser(ctx).parse_args(list(head))
            if not rest:
                ctx.meta[_PROGRAM] = tuple(args[len(head) + 1 :])
                args = head
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say the three forms, a line each."""
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...")
        for form in ("[OPTIONS] --mount DIR", "[OPTIONS] -- PROGRAM [ARGS]..."):
            formatter.write_usage(ctx.command_path, form, prefix="       ")


class UnseenGroup(LazyGroup):
    """A group of a kind that has no view, and says so where one is asked for."""

    def __init__(self, word: str, text: str, why: str) -> None:
        """Take the kind, its help, and why there is no view of it."""
        super().__init__(word, help=text.strip())
        self._why = why

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse what the groups with a view take."""
        if args and args[0].partition("=")[0] in _OF_VIEWS:
            raise UsageError("usage.arguments", f"there is no view of it: {self._why}")
        return super().parse_args(ctx, args)


def _options(view: View) -> list[click.Parameter]:
    return [
        click.Option(
            ["--mount"],
            metavar="DIR",
            help="Show the files at DIR, an empty directory, until SIGINT or SIGTERM.",
        ),
        click.Option(
            ["--tee"],
            metavar="DIRECTORY",
            help=f"The software {view.name} that is shown. "
            "[default: a new one, removed at the end]",
        ),
        click.Option(
            ["--kernel"],
            type=click.Choice(view.kernels),
            default="7.3",
            show_default=True,
            help=f"Whose files these are. {view.difference}",
        ),
        click.Option(
            ["--latency-ms"],
            type=click.IntRange(0, 60_000),
            default=0,
            show_default=True,
            help=f"How long a {view.evidence} takes, at least; all others wait meanwhile, as for "
            "the kernel's lock.",
        ),
        click.Option(
            ["--fail"],
            metavar="ERRNO",
            help=f"Have every {view.evidence} fail with an errno, such as EBUSY or EIO.",
        ),
    ]


def _shown(context: click.Context, /, **options: object) -> int:
    if context.invoked_subcommand is None:
        return _show(context, options)
    if any(context.get_parameter_source(one) != ParameterSource.DEFAULT for one in context.params):
        raise UsageError("usage.arguments", "options of the view go without a command behind them")
    return 0


def _show(context: click.Context, options: dict[str, object]) -> int:
    group = context.command
    view = import_module("troth.cli._view")
    asked = view.Asked(kind=group.name, command=context.meta.get(_PROGRAM), **options)
    status: int = view.show_view(context, asked)
    return status
