# SPDX-License-Identifier: Apache-2.0
"""`troth emulate tdx`, the commands: make a software TDX, have it quote, extend its registers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

import click
from msgspec.structs import replace

from troth.cli import _arguments as arguments
from troth.cli._software import demand_kind
from troth.endorse.intel.fields import PLATFORM_STATUSES
from troth.errors import UsageError
from troth.evidence.tdx.layout import MEASUREMENT_BYTES, REPORT_DATA_BYTES
from troth.infra.files import write_new
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, boot_log, booted, create_in, load, opened

__all__ = ["tdx_extend", "tdx_init", "tdx_quote"]

_DEBUG_BIT: Final = 1
_STATUSES: Final = (*sorted(PLATFORM_STATUSES - {"Revoked"}), "Revoked")


@click.command("init")
@click.argument("directory")
@click.option(
    "--at",
    metavar="TIME",
    help="The instant for which certificates and collateral are issued; they hold from a day "
    "before, collateral for 30 days. [default: now]",
)
@click.option("--mr-td", metavar="HEX", help="MRTD, 48 bytes. [default: one of troth's own]")
@click.option("--debug", is_flag=True, help="Launch the TD under debug.")
@click.option(
    "--status",
    type=click.Choice(_STATUSES),
    metavar="STATUS",
    default="UpToDate",
    show_default=True,
    help=f"What the collateral says of the platform's newest TCB level: {', '.join(_STATUSES)}.",
)
@click.option(
    "--ca",
    type=click.Choice(["platform", "processor"]),
    default="platform",
    show_default=True,
    help="Which CA issues the PCK certificate.",
)
@click.option(
    "--quote-version",
    type=click.Choice(["4", "5"]),
    default="4",
    show_default=True,
    help="Version of the quotes it makes.",
)
def tdx_init(
    directory: str,
    at: str | None,
    mr_td: str | None,
    debug: bool,
    status: str,
    ca: Literal["platform", "processor"],
    quote_version: str,
) -> None:
    """Make a software TDX in DIRECTORY, which must be new or empty.

    The directory then holds root.pem (the anchor to name with --root), collateral.json (the bundle
    to give with --collateral), tee.json (settings and registers), boot.log (the firmware's event
    log, whose replay gives the registers) and private keys of mode 0600.
    """
    settings = Settings().with_status(platform=status)
    td = settings.td
    if mr_td is not None:
        td = replace(td, mr_td=_measurement(mr_td, "--mr-td").hex())
    if debug:
        bits = bytes.fromhex(td.attributes)
        td = replace(td, attributes=bytes((bits[0] | _DEBUG_BIT, *bits[1:])).hex())
    settings = replace(
        settings,
        td=td,
        platform=replace(settings.platform, ca=ca),
        quote_version=5 if quote_version == "5" else 4,
    )
    log = boot_log()
    try:
        tee = SoftwareTdx.create(booted(settings, log), at=arguments.instant(at))
    except (OverflowError, ValueError):
        raise UsageError(
            "usage.time", f"{at}: certificates cannot be issued for so early or late an instant"
        ) from None
    try:
        create_in(Path(directory), tee, boot_log=log)
    except FileExistsError:
        raise UsageError("usage.file", f"{directory}: not empty; name a new one") from None
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    click.echo(f"troth: software TDX in {directory}; its root is {directory}/root.pem", err=True)


@click.command("quote")
@click.argument("directory")
@click.option(
    "--report-data",
    metavar="HEX",
    required=True,
    help="What the quote is for: up to 64 bytes, zeros are put behind.",
)
@click.option("--output", metavar="FILE", help="Write here, to a new file. [default: stdout]")
def tdx_quote(directory: str, report_data: str, output: str | None) -> None:
    """Make a quote of the software TDX in DIRECTORY."""
    data = arguments.hex_bytes(report_data, "--report-data", REPORT_DATA_BYTES)
    demand_kind(directory, "tdx")
    if output is None and sys.stdout.isatty():
        raise UsageError("usage.arguments", "a quote is binary: give --output, or redirect stdout")
    made = load(Path(directory)).quote(data.ljust(REPORT_DATA_BYTES, b"\0"))
    if output is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    else:
        write_new(output, made)


@click.command("extend")
@click.argument("directory")
@click.option("--index", type=click.IntRange(0, 3), required=True, help="Which RTMR.")
@click.option("--digest", metavar="HEX", required=True, help="What to extend it with, 48 bytes.")
def tdx_extend(directory: str, index: int, digest: str) -> None:
    """Extend a measurement register of the software TDX in DIRECTORY and print its new value."""
    raw = _measurement(digest, "--digest")
    demand_kind(directory, "tdx")
    with opened(Path(directory)) as tee:
        tee.extend(index, raw)
        value = tee.registers()[index]
    click.echo(value.hex())


def _measurement(text: str, option: str) -> bytes:
    return arguments.hex_bytes(text, option, MEASUREMENT_BYTES, least=MEASUREMENT_BYTES)
