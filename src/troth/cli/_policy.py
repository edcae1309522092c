# SPDX-License-Identifier: Apache-2.0
"""`troth policy`: making policy files."""

from __future__ import annotations

from typing import Literal

import click

from troth.errors import UsageError
from troth.evidence.binding import Bundle
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.evidence.detect import TEES, Tee, detect_tee
from troth.infra.files import read_bounded, write_new
from troth.policy import parse_policy
from troth.policy.bundle_judgement import is_bundle_evidence
from troth.policy.bundle_template import bundle_policy_template, is_unrooted
from troth.policy.document import POLICY_MAX_BYTES
from troth.policy.kinds import KINDS

__all__ = ["policy"]


@click.group()
def policy() -> None:
    """Make and check policy files.

    A policy is a TOML file with version = 1 and one section for each kind of evidence that it
    accepts. Every key of a section is required; the string "any" is the only way to not compare.
    """


@policy.command()
@click.option(
    "--from",
    "source",
    metavar="FILE",
    required=True,
    help="Evidence whose values go into the policy; - reads standard input.",
)
@click.option(
    "--tee",
    type=click.Choice(["auto", *TEES]),
    default="auto",
    show_default=True,
    help="Kind of evidence; auto goes by its form.",
)
@click.option("--output", metavar="FILE", help="Write here, to a new file. [default: stdout]")
def init(source: str, tee: Tee | Literal["auto"], output: str | None) -> None:
    """Write a commented policy with the values that FILE shows.

    FILE holds evidence of any kind that troth verify takes, or a bundle.

    The values are claims: run troth verify on the same file before you rely on them.

    \b
      troth policy init --from quote.bin > td.toml
    """
    data = read_bounded(source, BUNDLE_MAX_BYTES)
    if tee == "auto" and is_bundle_evidence(data):
        bundle = Bundle.parse(data)
        text = bundle_policy_template(bundle, source)
        if is_unrooted(bundle):
            click.echo(
                'troth: unrooted bundles are accepted by this file: register = "none"', err=True
            )
    else:
        text = KINDS[detect_tee(data) if tee == "auto" else tee].template(data, source)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_new(output, text.encode())
        click.echo(f"troth: wrote {output}", err=True)


@policy.command()
@click.argument("file")
def check(file: str) -> None:
    """Say whether FILE is a policy; name file, key and line if it is not."""
    loaded = parse_policy(read_bounded(file, POLICY_MAX_BYTES), file)
    if not loaded.sections:
        raise UsageError("usage.policy", f"{file}: no section; all evidence would be denied")
    click.echo(f"{file}: version 1, sections: {' '.join(loaded.sections)}")
