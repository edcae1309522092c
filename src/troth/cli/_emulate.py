# SPDX-License-Identifier: Apache-2.0
"""`troth emulate`: software TEEs, for trying things and for tests."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click
from click.core import ParameterSource

from troth.errors import UsageError
from troth.infra.commands import DeferredCommand, LazyGroup

__all__ = ["emulate"]

KERNELS: Final = ("6.12", "7.3")  # those of troth.tsm.emulated.view, which is imported to be shown
_PROGRAM: Final = "troth.command"
# Of each command, which is in troth.cli._tdx, the first paragraph of its help.
_COMMANDS: Final = {
    "init": "Make a software TDX in DIRECTORY, which must be new or empty.",
    "quote": "Make a quote of the software TDX in DIRECTORY.",
    "extend": (
        "Extend a measurement register of the software TDX in DIRECTORY and print its new value."
    ),
}


class _ViewGroup(LazyGroup):
    """A group that also takes `-- COMMAND…`, which is kept for the view."""

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


@click.group()
def emulate() -> None:
    """Run software TEEs, each under a root of trust of its own.

    Their evidence parses and verifies everywhere, except that its root is not the vendor's: a
    verifier accepts it only where that root is named with --root. There is no protection in
    them; they are for development and tests.
    """


@emulate.group(cls=_ViewGroup, invoke_without_command=True)
@click.option(
    "--mount",
    metavar="DIR",
    help="Show the files at DIR, an empty directory, until SIGINT or SIGTERM.",
)
@click.option(
    "--tee",
    metavar="DIRECTORY",
    help="The software TDX that is shown. [default: a new one, removed at the end]",
)
@click.option(
    "--kernel",
    type=click.Choice(KERNELS),
    default="7.3",
    show_default=True,
    help="Whose files these are. 6.12 has no measurement registers, reports of up to 32 KiB, "
    "and an empty one where the host failed to make a quote.",
)
@click.option(
    "--latency-ms",
    type=click.IntRange(0, 60_000),
    default=0,
    show_default=True,
    help="How long a quote takes, at least; all others wait meanwhile, as for the kernel's lock.",
)
@click.option(
    "--fail", metavar="ERRNO", help="Have every quote fail with an errno, such as EBUSY or EIO."
)
@click.pass_context
def tdx(
    context: click.Context,
    mount: str | None,
    tee: str | None,
    kernel: str,
    latency_ms: int,
    fail: str | None,
) -> int:
    """A software TDX: TD, module, quoting enclave, PCK hierarchy and collateral.

    \b
      troth emulate tdx init td
      troth emulate tdx quote td --report-data 00ff --output quote.bin
      troth verify quote.bin --root td/root.pem --collateral td/collateral.json

    Without a command it shows the files in which the kernel shows a TDX guest: configfs-tsm, the
    measurement registers, and the firmware's event log (CCEL). Errors, waits and races are the
    kernel's. What FUSE cannot imitate is listed in docs/conformance/configfs-tsm.md.

    \b
      troth emulate tdx --tee td --mount /mnt/td
      troth emulate tdx -- sh -c 'mkdir /sys/kernel/config/tsm/report/x && ...'

    With --mount the tree of /sys appears below DIR. With -- PROGRAM it lies in /sys itself, in a
    mount namespace that only PROGRAM is in: root needs nothing for it, others a user namespace,
    in which PROGRAM appears to be root. Signals are passed on to PROGRAM, and its exit status
    is that of this command: 128 and the signal's number if one killed it, 127 if there is no
    such program, 126 if it cannot be executed. PROGRAM finds the directory of the software TDX,
    with root.pem and collateral.json, in $TROTH_EMULATED_TDX.
    """
    if context.invoked_subcommand is None:
        view = import_module("troth.cli._view")
        asked = view.View(
            command=context.meta.get(_PROGRAM),
            tee=tee,
            mount=mount,
            kernel=kernel,
            latency_ms=latency_ms,
            fail=fail,
        )
        status: int = view.show_view(context, asked)
        return status
    if any(context.get_parameter_source(one) != ParameterSource.DEFAULT for one in context.params):
        raise UsageError("usage.arguments", "options of the view go without a command behind them")
    return 0


for _name, _summary in _COMMANDS.items():
    tdx.add_command(DeferredCommand(_name, f"troth.cli._tdx:{_name}", _summary))
