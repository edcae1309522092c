# SPDX-License-Identifier: Apache-2.0
"""`troth verify`: the judgement of one piece of evidence."""

from __future__ import annotations

from typing import Final, Literal, Unpack

import click

from troth.cli import _arguments as arguments
from troth.cli import _inputs as inputs
from troth.cli._endorsements import Flags, demand_suitable, endorsed, endorsement_options
from troth.cli._judgement import print_judgement
from troth.errors import TrothError, UsageError
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.evidence.detect import TEES, Tee, detect_tee
from troth.evidence.tdx.layout import REPORT_DATA_BYTES
from troth.infra.files import read_bounded
from troth.policy import Judgement, JudgeOptions, judge
from troth.policy.bundle_judgement import BundleOptions, is_bundle_evidence, judge_bundle
from troth.policy.judgement import refusal
from troth.verify import Anchors, AnyValue, Tail, WithoutCollateral

__all__ = ["verify"]

NONCE_MIN_BYTES: Final = 16  # BINDING 4.4
NONCE_MAX_BYTES: Final = 64
_EXIT = {"accepted": 0, "genuine": 1, "malformed": 3, "untrusted": 4, "stale": 5, "denied": 6}


@click.command()
@click.argument("file")
@click.option(
    "--tee",
    type=click.Choice(["auto", *TEES]),
    default="auto",
    show_default=True,
    help="Kind of evidence; auto goes by its form.",
)
@endorsement_options
@click.option(
    "--at",
    metavar="TIME",
    help="Judge as of this instant: 2026-03-31T12:00:00Z, a date, or Unix seconds. [default: now]",
)
@click.option(
    "--report-data",
    metavar="HEX",
    help="Report data, or challenge, that is expected. Of fewer than 64 bytes, the rest must be "
    "zero; what a TPM quotes is compared as it is.",
)
@click.option("--policy", metavar="FILE", help="Appraise by this policy (see troth policy init).")
@click.option("--nonce", metavar="HEX", help="The nonce that a bundle must be for.")
@click.option(
    "--any-nonce",
    is_flag=True,
    help="Take a bundle for any nonce: what is judged may be a replay, an anchor of any age.",
)
@click.option(
    "--allow-trailing",
    is_flag=True,
    help="TDX, SGX: take any bytes behind the quote. Zero bytes are taken, and counted, in any "
    "case.",
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
    tee: Tee | Literal["auto"],
    at: str | None,
    report_data: str | None,
    policy: str | None,
    nonce: str | None,
    any_nonce: bool,
    allow_trailing: bool,
    genuine_is_enough: bool,
    trace: bool,
    as_json: bool,
    **flags: Unpack[Flags],
) -> int:
    """Judge the evidence in FILE: is it genuine, and does a policy accept it?

    FILE holds a TDX or SGX quote, an SNP report, a CCA or CoVE token as raw bytes, the quote of a
    TPM or the evidence of an Azure VM as JSON, or an evidence bundle, which needs --policy and
    --nonce (or --any-nonce); - reads standard input. Without a policy the best verdict is "genuine"
    and the exit status 1, because nothing about the workload has been checked then: a debug TD
    and one on an outdated platform are genuine too.

    \b
    Examples:
      troth verify quote.bin --collateral collateral/ --policy td.toml
      troth verify quote.bin --root td/root.pem --collateral td/collateral.json
      troth verify report.bin --collateral vcek-and-chain/ --policy snp.toml
      troth verify token.cbor --cpak cpak.json --report-data 00112233…
      troth verify bundle.cbor --collateral b.json --policy tvm.toml --nonce 00112233…

    The exit status tells the verdict: troth --help lists them.
    """
    collateral = flags["collateral"]
    _exclude("--collateral", collateral, "--without-collateral", flags["without_collateral"])
    _exclude("--policy", policy, "--genuine-is-enough", genuine_is_enough)
    _exclude("--nonce", nonce, "--any-nonce", any_nonce)
    others = (*collateral, *flags["root"], *flags["cpak"], *flags["ak"])
    arguments.one_reader_of_stdin(file, policy, *others)
    expected = None if report_data is None else _report_data(report_data)
    options = JudgeOptions(
        tee=tee,
        collateral=WithoutCollateral,
        anchors=Anchors(()),
        at=arguments.instant(at),
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
    judgement = _judge(evidence, options, flags, due)
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
    evidence: bytes, options: JudgeOptions, flags: Flags, nonce: bytes | type[AnyValue] | None
) -> Judgement:
    """Return the judgement of evidence, or of a bundle where a nonce is due.

    Args:
        evidence: either.
        options: without what vouches for the evidence.
        flags: where that is.
        nonce: what a bundle is held to; None for other evidence.
    """
    try:
        tee = _kind(evidence, options, is_bundle=nonce is not None)
        _demand_suitable(tee, flags, options)
        options = endorsed(evidence, tee, flags, options)
    except TrothError as error:
        return refusal(error, options.at)
    if nonce is None or options.policy is None:
        return judge(evidence, options)
    return judge_bundle(
        evidence,
        BundleOptions(
            collateral=options.collateral,
            anchors=options.anchors,
            at=options.at,
            nonce=nonce,
            channel=AnyValue,
            policy=options.policy,
            endorsements=options.endorsements,
        ),
    )


def _kind(evidence: bytes, options: JudgeOptions, *, is_bundle: bool) -> Tee:
    """Return the kind of evidence; of the report in a bundle, the policy's choice.

    Raises:
        UsageError: `usage.arguments`, a bundle without a policy.
        DeniedError: `policy.section`, a policy that has no kind for bundles.
        MalformedError: as `detect_tee`.
    """
    if is_bundle:
        if options.policy is None:
            raise UsageError("usage.arguments", "a bundle needs --policy; see troth policy init")
        return options.policy.bundle_tee
    return detect_tee(evidence) if options.tee == "auto" else options.tee


def _demand_suitable(tee: Tee, flags: Flags, options: JudgeOptions) -> None:
    demand_suitable(tee, flags, has_policy=options.policy is not None)
    if options.tail is Tail.ANYTHING and tee not in ("tdx", "sgx"):
        raise UsageError(
            "usage.arguments", f"--allow-trailing is not for {tee} evidence, only for tdx and sgx"
        )
