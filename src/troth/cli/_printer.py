# SPDX-License-Identifier: Apache-2.0
"""Judgements for people: the verdict first, then what decided it, then the facts in groups."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import click

from troth.errors import CODES, TrothError, UsageError
from troth.policy.judgement import BundleView, Judgement, bug, refusal
from troth.verify import TraceEntry
from troth.wire import json

__all__ = [
    "GROUPS",
    "print_bug",
    "print_claims",
    "print_error",
    "print_groups",
    "print_json",
    "print_judgement",
    "without_colour",
]

_COLOURS: Final = {"accepted": "green", "genuine": "cyan"}
_MARKS: Final = {"held": ("+", "green"), "failed": ("x", "red"), "skipped": ("-", "yellow")}
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

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "Trust domain": (
        "mr_td",
        "td_attributes",
        "attributes_set",
        "debug",
        "sept_ve_disable",
        "xfam",
        "mr_config_id",
        "mr_owner",
        "mr_owner_config",
        "mr_service_td",
    ),
    "Registers": ("rtmr0", "rtmr1", "rtmr2", "rtmr3", "report_data"),
    "TDX module": (
        "tee_tcb_svn",
        "tee_tcb_svn2",
        "mr_seam",
        "mr_signer_seam",
        "seam_attributes",
    ),
    "Platform": ("fmspc", "pck_ca", "pck_not_before", "pck_not_after", "cpu_svn", "pce_svn"),
    "Quote": ("version", "body_type", "cert_data_type", "quote_bytes"),
}


def print_judgement(judgement: Judgement, *, as_json: bool, whole_trace: bool) -> None:
    """Print a judgement; what a genuine one does not say goes to standard error."""
    if judgement.verdict == "genuine":
        said = "nothing about the workload was checked: no policy was given"
        if isinstance(judgement.bundle, BundleView):
            said = "nothing about the boot was checked: the policy has no reference values"
        click.echo(f"troth: genuine, and {said}", err=True)
    elif judgement.verdict == "accepted" and _is_undated(judgement.trace):
        click.echo(
            "troth: accepted, and no report data was expected: the quote may be an old one",
            err=True,
        )
    if as_json:
        print_json(judgement)
        return
    _print_verdict(judgement)
    _print_trace(judgement.trace, whole=whole_trace)
    if isinstance(judgement.bundle, BundleView):
        _print_bundle(judgement.bundle)
    if judgement.tcb is not None:
        _print_tcb(judgement)
    if judgement.facts is not None:
        print_groups(judgement.facts)
        _line("trailing_bytes", judgement.trailing_bytes)


def print_error(error: TrothError | UsageError, *, as_json: bool) -> None:
    """Print an error that ended a command: text on standard error, or JSON on standard output."""
    if as_json:
        print_json(refusal(error, None))
        return
    _headline(f"troth: {error.verdict}: {error.meaning}")
    click.echo(f"  {error}", err=True)
    if error.code in _NEXT:
        click.echo(f"  try: {_NEXT[error.code]}", err=True)


def print_bug(error: Exception, *, as_json: bool) -> None:
    """Print what is said of an error that is our own, behind its traceback."""
    _headline("troth: this is a bug; please report it with the lines above")
    if as_json:
        print_json(bug(error))


def without_colour() -> bool:
    """Say whether the environment asks for no colour (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def print_json(value: object) -> None:
    """Print one JSON value and a newline."""
    click.echo(json.encode(value).decode())


def _headline(text: str) -> None:
    # No command is running any more, so that nothing but this knows of NO_COLOR.
    click.secho(text, fg="red", err=True, color=False if without_colour() else None)


def print_groups(facts: Mapping[str, object]) -> None:
    """Print facts under headings; those that are not there are left out."""
    for title, names in GROUPS.items():
        present = {name: facts[name] for name in names if name in facts}
        if present:
            print_claims(title, present)


def print_claims(title: str, claims: Mapping[str, object]) -> None:
    """Print claims under one heading."""
    click.secho(f"\n{title}", bold=True)
    for name, value in claims.items():
        _line(name, value)


def _is_undated(trace: Sequence[TraceEntry]) -> bool:
    """Say whether neither the caller nor the policy held the report data to anything."""
    return any(one.rule == "policy.report_data" and one.expected == "any" for one in trace) and any(
        one.rule == "11.report-data" and one.verdict == "skipped" for one in trace
    )


def _print_verdict(judgement: Judgement) -> None:
    colour = _COLOURS.get(judgement.verdict, "red")
    click.secho(judgement.verdict.upper(), fg=colour, bold=True, nl=False)
    click.echo(f"  {_summary(judgement)}")
    if judgement.code:
        step = f" (step {judgement.step})" if isinstance(judgement.step, int) else ""
        click.echo(f"  {judgement.code}{step}: {judgement.detail or ''}".rstrip(": "))
        if judgement.code == "collateral.missing":
            click.echo("  give it with --collateral, or say --without-collateral")
    click.echo(f"  judged as of {judgement.judged_at}")


def _summary(judgement: Judgement) -> str:
    if judgement.anchor is None or judgement.tcb is None:
        return _meaning(judgement)
    tee = (judgement.tee or "").upper()
    said = f"{tee} evidence under {judgement.anchor}, TCB status {judgement.tcb.status}"
    return said if judgement.code is None else f"{_meaning(judgement)}; {said}"


def _meaning(judgement: Judgement) -> str:
    return CODES[judgement.code][1] if judgement.code else ""


def _print_trace(trace: Sequence[TraceEntry], *, whole: bool) -> None:
    if not trace:
        return
    counts = {verdict: sum(one.verdict == verdict for one in trace) for verdict in _MARKS}
    click.secho("\nDecided by", bold=True)
    told = ", ".join(
        f"{number} rule{'s' * (number > 1)} {verdict}"
        for verdict, number in counts.items()
        if number
    )
    click.echo(f"  {told}" + ("" if whole else " (--trace lists all)"))
    for entry in trace:
        if whole or entry.verdict != "held":
            _print_entry(entry)


def _print_entry(entry: TraceEntry) -> None:
    mark, colour = _MARKS[entry.verdict]
    click.echo("  " + click.style(mark, fg=colour) + f" {entry.rule}")
    if entry.verdict == "skipped":
        click.echo(f"      {entry.expected}: {entry.got}")
    else:
        click.echo(f"      expected {entry.expected}  ({entry.source})")
        click.echo(f"      got      {entry.got}")


def _print_bundle(bundle: BundleView) -> None:
    click.secho("\nBundle", bold=True)
    for name in bundle.__struct_fields__:
        value = getattr(bundle, name)
        if isinstance(value, dict):
            value = [f"{part}: {status}" for part, status in value.items()]
        _line(name, value)


def _print_tcb(judgement: Judgement) -> None:
    tcb, used = judgement.tcb, judgement.collateral
    if tcb is None:
        return
    click.secho("\nTCB", bold=True)
    _line("status", tcb.status)
    if tcb.parts is not None:
        _line("date", tcb.date)
        for name in tcb.parts.__struct_fields__:
            value = getattr(tcb.parts, name)
            if value is not None:
                _line(f"  {name}", value)
        _line("advisories", tcb.advisories or "none")
        _line("evaluation_number", tcb.evaluation_number)
    if used is not None:
        _line("collateral", used.source)
        _line("  valid", f"{used.valid_from} to {used.valid_until}")
        _line("  sha256", used.sha256)


def _line(name: str, value: object) -> None:
    click.echo(f"  {name:{_WIDTH}}{_spell(value)}")


def _spell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return " ".join(str(one) for one in value) or "none"
    return str(value)
