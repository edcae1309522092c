# SPDX-License-Identifier: Apache-2.0
"""What every command prints: JSON, errors, and facts in groups."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Final

import click

from troth.cli._groups import grouped
from troth.errors import TrothError, UsageError
from troth.wire import json

__all__ = [
    "print_bug",
    "print_claims",
    "print_error",
    "print_groups",
    "print_json",
    "print_line",
    "without_colour",
]

_WIDTH: Final = 20
_DOCTOR: Final = (
    "troth doctor, with the same --socket, --verifier and --broker: it asks each of them"
)
_NEXT: Final = {
    "usage.arguments": "troth --help, or --help behind the command",
    "client.unreachable": _DOCTOR,
    "client.timeout": f"again with a longer --timeout, or {_DOCTOR}",
    "token.keys-missing": _DOCTOR,
    "token.status-missing": _DOCTOR,
}


def print_error(error: TrothError | UsageError, *, as_json: bool) -> None:
    """Print an error that ended a command: text on standard error, or JSON on standard output."""
    if as_json:
        print_json(_judgements().refusal(error, None))
        return
    _headline(f"troth: {error.verdict}: {error.meaning}")
    click.echo(f"  {error}", err=True)
    if error.code in _NEXT:
        click.echo(f"  try: {_NEXT[error.code]}", err=True)


def print_bug(error: Exception, *, as_json: bool) -> None:
    """Print what is said of an error that is our own, behind its traceback."""
    _headline("troth: this is a bug; please report it with the lines above")
    if as_json:
        print_json(_judgements().bug(error))


def without_colour() -> bool:
    """Say whether the environment asks for no colour (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def print_json(value: object) -> None:
    """Print one JSON value and a newline."""
    click.echo(json.encode(value).decode())


def print_groups(facts: Mapping[str, object], tee: str) -> None:
    """Print facts under the headings of their kind; those that are not there are left out."""
    for title, present in grouped(facts, tee).items():
        print_claims(title, present)


def print_claims(title: str, claims: Mapping[str, object]) -> None:
    """Print claims under one heading."""
    click.secho(f"\n{title}", bold=True)
    for name, value in claims.items():
        print_line(name, value)


def print_line(name: str, value: object) -> None:
    """Print one claim: its name, and its value as a person reads it."""
    click.echo(f"  {name:{_WIDTH - 1}} {_spell(value)}")


def _judgements() -> ModuleType:
    """Import what makes an error a judgement: JSON alone needs it, and it is half of troth."""
    return import_module("troth.policy.judgement")


def _headline(text: str) -> None:
    # No command is running any more, so that nothing but this knows of NO_COLOR.
    click.secho(text, fg="red", err=True, color=False if without_colour() else None)


def _spell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(f"{part}={_spell(one)}" for part, one in value.items()) or "none"
    if isinstance(value, Iterable):
        return " ".join(str(one) for one in value) or "none"
    return str(value)
