# SPDX-License-Identifier: Apache-2.0
"""`troth inspect`: what evidence claims, with nothing verified."""

from __future__ import annotations

import click

from troth.cli._printer import print_groups, print_json
from troth.errors import TrothError
from troth.evidence.detect import detect_tee
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.evidence.tdx import TdxQuote, describe_pck, describe_quote
from troth.infra.files import read_bounded

__all__ = ["inspect"]


@click.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: str, as_json: bool) -> None:
    """Show what the evidence in FILE claims. Nothing is verified.

    No signature, chain, date or binding is looked at: whoever made the file chose every value that
    is shown. Use it to see what a quote is about, and troth verify to learn whether it is true.
    FILE holds a TDX quote as raw bytes; - reads standard input.

    \b
    Exit status: 0 it could be read, 2 usage, 3 malformed.
    """
    data = read_bounded(file, QUOTE_MAX_BYTES)
    tee = detect_tee(data)
    quote = TdxQuote.parse(data)
    facts = describe_quote(quote)
    chain_error = None
    try:
        facts |= describe_pck(quote)
    except TrothError as error:
        chain_error = str(error)
    zeros = not any(quote.tail)
    if as_json:
        print_json(
            {
                "verified": False,
                "tee": tee,
                "facts": facts,
                "pck_chain_error": chain_error,
                "trailing_bytes": len(quote.tail),
                "trailing_zeros": zeros,
            }
        )
        return
    click.secho("NOTHING VERIFIED", fg="yellow", bold=True, nl=False)
    click.echo(f"  {tee.upper()} quote; these are claims")
    if chain_error:
        click.echo(f"  the PCK chain cannot be read: {chain_error}")
    print_groups(facts)
    if quote.tail:
        kind = "zero bytes" if zeros else "bytes, not all zero,"
        click.echo(f"\n{len(quote.tail)} {kind} stand behind the quote")
