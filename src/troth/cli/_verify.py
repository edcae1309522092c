# SPDX-License-Identifier: Apache-2.0
"""`troth verify`: the judgement of one piece of evidence."""

from __future__ import annotations

from typing import Literal

import click

from troth.cli import _arguments as arguments
from troth.cli._printer import print_judgement
from troth.errors import TrothError, UsageError
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.evidence.tdx.layout import REPORT_DATA_BYTES
from troth.infra.files import read_bounded
from troth.policy import JudgeOptions, judge
from troth.policy.judgement import refusal
from troth.verify import AnyValue, Tail, WithoutCollateral

__all__ = ["verify"]

_EXIT = {"accepted": 0, "genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5, "denied": 6}


@click.command()
@click.argument("file")
@click.option(
    "--tee",
    type=click.Choice(["auto", "tdx"]),
    default="auto",
    show_default=True,
    help="Kind of evidence; auto goes by its first bytes.",
)
@click.option(
    "--collateral",
    metavar="PATH",
    multiple=True,
    help="Collateral bundle, or a directory of such. May be given several times: the set is "
    "chosen by TEE, FMSPC and CA; of those valid, the highest evaluation number.",
)
@click.option(
    "--without-collateral",
    is_flag=True,
    help="Do not ask whether the platform is up to date or revoked, nor which build of the "
    'quoting enclave made the quote. The TCB status is "unknown", and the trace lists what was '
    "not checked.",
)
@click.option(
    "--at",
    metavar="TIME",
    help="Judge as of this instant: 2026-03-31T12:00:00Z, a date, or Unix seconds. [default: now]",
)
@click.option(
    "--report-data",
    metavar="HEX",
    help="Report data that is expected. Of fewer than 64 bytes, the rest must be zero.",
)
@click.option("--policy", metavar="FILE", help="Appraise by this policy (see troth policy init).")
@click.option(
    "--root",
    metavar="PEM",
    multiple=True,
    help="Trust this root certificate's key instead of the vendors'. May be given several times.",
)
@click.option(
    "--allow-trailing",
    is_flag=True,
    help="Take any bytes behind the quote. Zero bytes are taken, and counted, in any case.",
)
@click.option(
    "--genuine-is-enough",
    is_flag=True,
    help="Exit with 0 for genuine evidence although no policy has looked at it.",
)
@click.option("--trace", is_flag=True, help="Print every rule, not only those that decided.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, trace included.")
def verify(
    file: str,
    tee: Literal["auto", "tdx"],
    collateral: tuple[str, ...],
    without_collateral: bool,
    at: str | None,
    report_data: str | None,
    policy: str | None,
    root: tuple[str, ...],
    allow_trailing: bool,
    genuine_is_enough: bool,
    trace: bool,
    as_json: bool,
) -> int:
    """Judge the evidence in FILE: is it genuine, and does a policy accept it?

    FILE holds a TDX quote (version 4 or 5) as raw bytes; - reads standard input. Without a policy
    the best verdict is "genuine" and the exit status 1, because nothing about the workload has been
    checked then: a debug TD and one on an outdated platform are genuine too.

    \b
    Examples:
      troth verify quote.bin --collateral collateral/ --policy td.toml
      troth verify quote.bin --collateral b.json --at 2026-03-31 --json | jq .tcb
      troth verify quote.bin --root td/root.pem --collateral td/collateral.json

    The exit status tells the verdict: troth --help lists them.
    """
    _exclude("--collateral", collateral, "--without-collateral", without_collateral)
    _exclude("--policy", policy, "--genuine-is-enough", genuine_is_enough)
    instant = arguments.instant(at)
    expected = (
        AnyValue
        if report_data is None
        else arguments.hex_bytes(report_data, "--report-data", REPORT_DATA_BYTES)
    )
    loaded = arguments.load_policy(policy)
    roots = arguments.anchors(root)
    evidence = read_bounded(file, QUOTE_MAX_BYTES)
    try:
        sets = arguments.collateral_sets(collateral)
    except TrothError as error:
        judgement = refusal(error, instant)
    else:
        judgement = judge(
            evidence,
            JudgeOptions(
                tee=tee,
                collateral=WithoutCollateral if without_collateral else sets,
                anchors=roots,
                at=instant,
                report_data=expected,
                policy=loaded,
                tail=Tail.ANYTHING if allow_trailing else Tail.ZEROS,
            ),
        )
    print_judgement(judgement, as_json=as_json, whole_trace=trace)
    enough = genuine_is_enough and judgement.verdict == "genuine"
    return 0 if enough else _EXIT[judgement.verdict]


def _exclude(left: str, is_left: object, right: str, is_right: object) -> None:
    if is_left and is_right:
        raise UsageError("usage.arguments", f"{left} and {right} exclude one another")
