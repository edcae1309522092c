# SPDX-License-Identifier: Apache-2.0
"""What the commands of software TEEs have in common: make one, ask it, extend a register."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import click

from troth.cli import _arguments as arguments
from troth.errors import TrothError, UsageError
from troth.infra.files import write_new
from troth.tsm.emulated.files import kind_in

__all__ = ["AT", "Software", "attest_command", "demand_kind", "extend_command", "make"]

T = TypeVar("T")

_REPORT_DATA_BYTES: Final = 64
_DIGEST_MAX_BYTES: Final = 64
_ANY_SIZE: Final = "1 to 64 bytes"

AT: Final = click.option(
    "--at",
    metavar="TIME",
    help="The instant for which it is made, certificates and collateral included. [default: now]",
)


class Registers(Protocol):
    """A software TEE with registers."""

    def registers(self) -> tuple[bytes, ...]: ...

    def extend(self, index: int, digest: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Software(Generic[T]):
    """A kind of software TEE: its word, its name, the file to trust it by, how one is read."""

    kind: str
    name: str
    anchor: str
    load: Callable[[Path], T]


def make(
    software: Software[T],
    directory: str,
    at: str | None,
    create: Callable[[datetime], T],
    create_in: Callable[[Path, T], None],
) -> None:
    """Make one in a new or empty directory.

    Raises:
        UsageError: `usage.time`, `usage.file`.
    """
    try:
        tee = create(arguments.instant(at))
    except (OverflowError, ValueError):
        raise UsageError(
            "usage.time", f"{at}: certificates cannot be issued for so early or late an instant"
        ) from None
    try:
        create_in(Path(directory), tee)
    except FileExistsError:
        raise UsageError("usage.file", f"{directory}: not empty; name a new one") from None
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    anchor = f"{directory}/{software.anchor}"
    click.echo(f"troth: software {software.name} in {directory}; trust it by {anchor}", err=True)


def attest_command(
    software: Software[T],
    word: str,
    ask: Callable[[T, bytes], bytes],
    *,
    is_json: bool = False,
) -> click.Command:
    """Return the command that makes evidence, which is called `word`.

    Args:
        software: the kind.
        word: the command, and what it makes.
        ask: makes it, for bytes of the user's.
        is_json: it is text, and for these very bytes: none are put behind them.
    """
    what = word if is_json else f"a {word}"
    padding = "" if is_json else ", zeros are put behind"

    @click.command(word, help=f"Make {what} of the software {software.name} in DIRECTORY.")
    @click.argument("directory")
    @click.option(
        "--report-data",
        metavar="HEX",
        required=True,
        help=f"What the {word} is for: up to 64 bytes{padding}.",
    )
    @click.option("--output", metavar="FILE", help="Write here, to a new file. [default: stdout]")
    def attest(directory: str, report_data: str, output: str | None) -> None:
        data = arguments.hex_bytes(report_data, "--report-data", _REPORT_DATA_BYTES)
        demand_kind(directory, software.kind)
        if output is None and sys.stdout.isatty() and not is_json:
            raise UsageError(
                "usage.arguments", f"a {word} is binary: give --output, or redirect stdout"
            )
        due = data if is_json else data.ljust(_REPORT_DATA_BYTES, b"\0")
        made = ask(software.load(Path(directory)), due)
        if output is None:
            sys.stdout.buffer.write(made)
            sys.stdout.buffer.flush()
        else:
            write_new(output, made)

    return attest


def extend_command(
    software: Software[T],
    register: str,
    opened: Callable[[Path], AbstractContextManager[Registers]],
    *,
    highest: int = 3,
    sizes: str | None = None,
) -> click.Command:
    """Return the command that extends one of the registers.

    Args:
        software: the kind.
        register: what one is called.
        opened: holds a directory.
        highest: the number of the last one.
        sizes: that of a digest, in words, where it must be the register's own; else 1 to 64 bytes.
    """
    said = f"Extend a {register} of the software {software.name} in DIRECTORY; print its new value."

    @click.command("extend", help=said)
    @click.argument("directory")
    @click.option(
        "--index", type=click.IntRange(0, highest), required=True, help=f"Which {register}."
    )
    @click.option(
        "--digest",
        metavar="HEX",
        required=True,
        help=f"What to extend it with: {sizes or _ANY_SIZE}.",
    )
    def extend(directory: str, index: int, digest: str) -> None:
        raw = arguments.hex_bytes(digest, "--digest", _DIGEST_MAX_BYTES)
        demand_kind(directory, software.kind)
        with opened(Path(directory)) as tee:
            if sizes is not None:
                _demand_size(raw, len(tee.registers()[index]))
            tee.extend(index, raw)
            value = tee.registers()[index]
        click.echo(value.hex())

    return extend


def demand_kind(directory: str, kind: str) -> None:
    """Return if a directory holds a software TEE of a kind, whole or not.

    Raises:
        UsageError: `usage.file`.
    """
    make = f"make one with troth emulate {kind} init"
    if not Path(directory).is_dir():
        raise UsageError("usage.file", f"{directory}: no such directory; {make}")
    try:
        found = kind_in(Path(directory))
    except FileNotFoundError:
        raise UsageError("usage.file", f"{directory}: no software TEE; {make}") from None
    except (OSError, ValueError, TrothError):
        return  # whoever loads it says what is wrong with its state
    if found != kind:
        raise UsageError("usage.file", f"{directory}: a software TEE of kind {found}, not {kind}")


def _demand_size(digest: bytes, due: int) -> None:
    if len(digest) != due:
        raise UsageError("usage.hex", f"--digest: {len(digest)} bytes, {due} are due")
