# SPDX-License-Identifier: Apache-2.0
"""Judgements for people: the verdict first, then what decided it, then the facts in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from troth.cli._groups import spelt
from troth.cli._printer import print_groups, print_json, print_line
from troth.errors import CODES
from troth.policy.judgement import BundleView, Judgement
from troth.verify import TraceEntry

__all__ = ["print_judgement"]

_COLOURS: Final = {"accepted": "green", "genuine": "cyan"}
_HINTS: Final = {
    "chain.root": "give the root with --root, if another one is meant",
    "cove.root": "give the platform's root of trust with --root roots.json",
    "cpak.unknown": "give the platform's key with --cpak",
}
_MARKS: Final = {"held": ("+", "green"), "failed": ("x", "red"), "skipped": ("-", "yellow")}


def print_judgement(judgement: Judgement, *, as_json: bool, whole_trace: bool) -> None:
    """Print a judgement; what a genuine one does not say goes to standard error."""
    if judgement.verdict == "genuine":
        said = "nothing about the workload was checked: no policy was given"
        if isinstance(judgement.bundle, BundleView):
            said = "nothing about the boot was checked: the policy has no reference values"
        click.echo(f"troth: genuine, and {said}", err=True)
    elif judgement.verdict == "accepted":
        _warn_of_age(judgement)
    if judgement.verdict in _COLOURS:
        _warn_of_root(judgement)
    if as_json:
        print_json(judgement)
        return
    _print_verdict(judgement)
    _print_trace(judgement.trace, whole=whole_trace)
    if isinstance(judgement.bundle, BundleView):
        _print_bundle(judgement.bundle)
    if judgement.tcb is not None or judgement.collateral is not None:
        _print_tcb(judgement)
    if judgement.facts is not None:
        print_groups(judgement.facts, judgement.tee or "")
        if judgement.trailing_bytes is not None:
            print_line("trailing_bytes", judgement.trailing_bytes)


def _warn_of_age(judgement: Judgement) -> None:
    is_bundle = isinstance(judgement.bundle, BundleView)
    if (_is_replayable if is_bundle else _is_undated)(judgement.trace):
        due = "nonce" if is_bundle else "report data"
        click.echo(f"troth: accepted, and no {due} was expected: the evidence may be old", err=True)


def _warn_of_root(judgement: Judgement) -> None:
    if isinstance(judgement.bundle, BundleView) and judgement.bundle.root == "none":
        said = "whatever code reached the report device in this boot could have made the bundle"
        click.echo(f"troth: {judgement.verdict}, and unrooted: {said}", err=True)


def _is_replayable(trace: Sequence[TraceEntry]) -> bool:
    """Say whether the caller held a bundle to no nonce."""
    return any(one.rule == "11.nonce" and one.verdict == "skipped" for one in trace)


def _is_undated(trace: Sequence[TraceEntry]) -> bool:
    """Say whether neither the caller nor the policy held the evidence to anything of theirs."""
    is_asked = not any(
        one.rule.endswith((".report-data", ".challenge")) and one.verdict == "skipped"
        for one in trace
    )
    is_held = any(
        one.rule in ("policy.report_data", "policy.challenge") and one.expected != "any"
        for one in trace
    )
    return not is_asked and not is_held


def _print_verdict(judgement: Judgement) -> None:
    colour = _COLOURS.get(judgement.verdict, "red")
    click.secho(judgement.verdict.upper(), fg=colour, bold=True, nl=False)
    click.echo(f"  {_summary(judgement)}")
    if judgement.code:
        step = f" (step {judgement.step})" if isinstance(judgement.step, int) else ""
        click.echo(f"  {judgement.code}{step}: {judgement.detail or ''}".rstrip(": "))
        hint = _hint(judgement.code, judgement.tee)
        if hint:
            click.echo(f"  {hint}")
    click.echo(f"  judged as of {judgement.judged_at}")


def _hint(code: str, tee: str | None) -> str:
    """Return what a user can do about a refusal, or nothing."""
    if code == "collateral.missing":
        way_out = ", or say --without-collateral" if tee in ("tdx", "sgx") else ""
        return f"give it with --collateral{way_out}"
    if code == "chain.root" and tee == "tpm":
        return "give the TPM's root with --root, or its attestation key with --ak"
    return _HINTS.get(code, "")


def _summary(judgement: Judgement) -> str:
    if judgement.anchor is None:
        return _meaning(judgement)
    said = f"{spelt(judgement.tee or '')} evidence under {judgement.anchor}"
    if judgement.tcb is not None:
        said += f", TCB status {judgement.tcb.status}"
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
        print_line(name, value)


def _print_tcb(judgement: Judgement) -> None:
    tcb, used = judgement.tcb, judgement.collateral
    click.secho("\nCollateral" if tcb is None else "\nTCB", bold=True)
    if tcb is not None:
        print_line("status", tcb.status)
    if tcb is not None and tcb.parts is not None:
        print_line("date", tcb.date)
        for name in tcb.parts.__struct_fields__:
            value = getattr(tcb.parts, name)
            if value is not None:
                print_line(f"  {name}", value)
        print_line("advisories", tcb.advisories or "none")
        print_line("evaluation_number", tcb.evaluation_number)
    if used is not None:
        print_line("collateral", used.source)
        print_line("  valid", f"{used.valid_from} to {used.valid_until}")
        print_line("  sha256", used.sha256)
