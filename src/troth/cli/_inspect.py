# SPDX-License-Identifier: Apache-2.0
"""`troth inspect`: what evidence claims, with nothing verified."""

from __future__ import annotations

from typing import Any, Literal

import click

from troth.cli._bundle_claims import TITLES, bundle_claims
from troth.cli._printer import print_claims, print_groups, print_json
from troth.errors import TrothError
from troth.evidence.binding import Bundle
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.evidence.detect import TEES, Tee, detect_tee
from troth.infra.files import read_bounded
from troth.policy.bundle_judgement import is_bundle_evidence
from troth.policy.kinds import KINDS

__all__ = ["inspect"]


@click.command()
@click.argument("file")
@click.option(
    "--tee",
    type=click.Choice(["auto", *TEES]),
    default="auto",
    show_default=True,
    help="Kind of evidence; auto goes by its form.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: str, tee: Tee | Literal["auto"], as_json: bool) -> None:
    """Show what the evidence in FILE claims. Nothing is verified.

    No signature, chain, date or binding is looked at: whoever made the file chose every value that
    is shown. Use it to see what evidence is about, and troth verify to learn whether it is true.
    FILE holds evidence of any kind that troth verify takes, or an evidence bundle; - reads standard
    input.

    \b
    Exit status: 0 it could be read, 2 usage, 3 malformed.
    """
    data = read_bounded(file, BUNDLE_MAX_BYTES)
    if tee == "auto" and is_bundle_evidence(data):
        _show_bundle(Bundle.parse(data), as_json=as_json)
        return
    shown, what = _evidence(data, detect_tee(data) if tee == "auto" else tee)
    if as_json:
        print_json({"verified": False} | shown)
        return
    _headline(what)
    _print_evidence(shown)


def _evidence(data: bytes, tee: Tee) -> tuple[dict[str, Any], str]:
    claims = KINDS[tee].claims(data)
    shown = {
        "tee": tee,
        "facts": claims.facts,
        "pck_chain_error": claims.chain_error,
        "trailing_bytes": len(claims.tail),
        "trailing_zeros": not any(claims.tail),
    }
    return shown, claims.what


def _show_bundle(bundle: Bundle, *, as_json: bool) -> None:
    claims = bundle_claims(bundle)
    report: dict[str, Any] | None = None
    report_error = None
    try:
        outblob = bundle.report.outblob
        report, _ = _evidence(outblob, detect_tee(outblob))
    except TrothError as error:  # a bundle around a report that is not read here is still shown
        report_error = str(error)
    if as_json:
        told = {"verified": False, "bundle": claims, "report": report}
        print_json(told | {"report_error": report_error})
        return
    _headline("evidence bundle")
    for group, title in TITLES.items():
        if claims[group]:
            print_claims(title, claims[group])
    if report is None:
        click.echo(f"\nthe report cannot be read: {report_error}")
    else:
        _print_evidence(report)


def _headline(what: str) -> None:
    click.secho("NOTHING VERIFIED", fg="yellow", bold=True, nl=False)
    click.echo(f"  {what}; these are claims")


def _print_evidence(shown: dict[str, Any]) -> None:
    if shown["pck_chain_error"]:
        click.echo(f"  the PCK chain cannot be read: {shown['pck_chain_error']}")
    print_groups(shown["facts"], shown["tee"])
    if shown["trailing_bytes"]:
        kind = "zero bytes" if shown["trailing_zeros"] else "bytes, not all zero,"
        click.echo(f"\n{shown['trailing_bytes']} {kind} stand behind the quote")
