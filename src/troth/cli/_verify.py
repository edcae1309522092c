# SPDX-License-Identifier: Apache-2.0
"""`troth verify`: the judgement of one piece of evidence."""

from __future__ import annotations

from typing import Final, Literal

import click
from msgspec.structs import replace

from troth.cli import _arguments as arguments
from troth.cli import _inputs as inputs
from troth.cli._judgement import print_judgement
from troth.errors import TrothError, UsageError
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.evidence.tdx.layout import REPORT_DATA_BYTES
from troth.infra.files import read_bounded
from troth.policy import Judgement, JudgeOptions, judge
from troth.policy.bundle_judgement import BundleOptions, is_bundle_evidence, judge_bundle
from troth.policy.judgement import refusal
from troth.verify import AnyValue, Tail, WithoutCollateral

__all__ = ["verify"]

NONCE_MIN_BYTES: Final = 16  # BINDING 4.4
NONCE_MAX_BYTES: Final = 64
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
@click.option("--nonce", metavar="HEX", help="The nonce that a bundle must be for.")
@click.option(
    "--any-nonce",
    is_flag=True,
    help="Take a bundle for any nonce: what is judged may be a replay, an anchor of any age.",
)
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
    nonce: str | None,
    any_nonce: bool,
    root: tuple[str, ...],
    allow_trailing: bool,
    genuine_is_enough: bool,
    trace: bool,
    as_json: bool,
) -> int:
    """Judge the evidence in FILE: is it genuine, and does a policy accept it?

    FILE holds a TDX quote (version 4 or 5) as raw bytes, or an evidence bundle, which needs
    --policy and --nonce (or --any-nonce); - reads standard input. For a quote without a policy
    the best verdict is "genuine" and the exit status 1, because nothing about the workload has been
    checked then: a debug TD and one on an outdated platform are genuine too.

    \b
    Examples:
      troth verify quote.bin --collateral collateral/ --policy td.toml
      troth verify quote.bin --collateral b.json --at 2026-03-31 --json | jq .tcb
      troth verify bundle.cbor --collateral b.json --policy tvm.toml --nonce 00112233…
      troth verify quote.bin --root td/root.pem --collateral td/collateral.json

    The exit status tells the verdict: troth --help lists them.
    """
    _exclude("--collateral", collateral, "--without-collateral", without_collateral)
    _exclude("--policy", policy, "--genuine-is-enough", genuine_is_enough)
    _exclude("--nonce", nonce, "--any-nonce", any_nonce)
    arguments.one_reader_of_stdin(file, policy, *collateral, *root)
    instant = arguments.instant(at)
    expected = None if report_data is None else _report_data(report_data)
    options = JudgeOptions(
        tee=tee,
        collateral=WithoutCollateral,
        anchors=inputs.anchors(root),
        at=instant,
        report_data=AnyValue if expected is None else expected,
        policy=inputs.load_policy(policy),
        tail=Tail.ANYTHING if allow_trailing else Tail.ZEROS,
    )
    evidence = read_bounded(file, BUNDLE_MAX_BYTES)
    is_bundle = tee == "auto" and is_bundle_evidence(evidence)
    _suit(
        is_bundle,
        for_quotes=expected is not None or allow_trailing,
        for_bundles=nonce is not None or any_nonce,
    )
    due = None if not is_bundle else AnyValue if nonce is None else _nonce(nonce)
    judgement = _judge(evidence, options, None if without_collateral else collateral, due)
    print_judgement(judgement, as_json=as_json, whole_trace=trace)
    enough = genuine_is_enough and judgement.verdict == "genuine"
    return 0 if enough else _EXIT[judgement.verdict]


def _exclude(left: str, is_left: object, right: str, is_right: object) -> None:
    if is_left and is_right:
        raise UsageError("usage.arguments", f"{left} and {right} exclude one another")


def _suit(is_bundle: bool, *, for_quotes: bool, for_bundles: bool) -> None:
    """Return if the options suit the kind of evidence.

    Raises:
        UsageError: `usage.arguments`.
    """
    if not is_bundle and for_bundles:
        raise UsageError("usage.arguments", "--nonce and --any-nonce are for bundles")
    if is_bundle and for_quotes:
        raise UsageError("usage.arguments", "--report-data and --allow-trailing are for quotes")
    if is_bundle and not for_bundles:
        raise UsageError("usage.arguments", "a bundle needs --nonce, or --any-nonce by name")


def _nonce(text: str) -> bytes:
    nonce = arguments.hex_bytes(text, "--nonce", NONCE_MAX_BYTES)
    if len(nonce) < NONCE_MIN_BYTES:
        raise UsageError("usage.hex", f"--nonce: {len(nonce)} bytes, at least {NONCE_MIN_BYTES}")
    return nonce


def _report_data(text: str) -> bytes:
    return arguments.hex_bytes(text, "--report-data", REPORT_DATA_BYTES)


def _judge(
    evidence: bytes,
    options: JudgeOptions,
    collateral: tuple[str, ...] | None,
    nonce: bytes | type[AnyValue] | None,
) -> Judgement:
    """Return the judgement of a quote, or of a bundle where a nonce is due.

    Args:
        evidence: either.
        options: without collateral.
        collateral: where it is; None asks for none.
        nonce: what a bundle is held to; None for a quote.
    """
    if collateral is not None:
        try:
            options = replace(options, collateral=inputs.collateral_sets(collateral))
        except TrothError as error:
            return refusal(error, options.at)
    if nonce is None:
        return judge(evidence, options)
    if options.policy is None:
        raise UsageError("usage.arguments", "a bundle needs --policy; see troth policy init")
    return judge_bundle(
        evidence,
        BundleOptions(
            collateral=options.collateral,
            anchors=options.anchors,
            at=options.at,
            nonce=nonce,
            channel=AnyValue,
            policy=options.policy,
        ),
    )
