# SPDX-License-Identifier: Apache-2.0
"""A judgement as one value: verdict, reason, facts and trace, for printing and for JSON.

The functions below raise inside and return outside: an error becomes a verdict here and nowhere
else. A refusal carries no facts, so that nobody can read fields of evidence that is not genuine.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from troth.endorse.intel import CollateralSet
from troth.errors import DeniedError, TrothError, UsageError, printable
from troth.evidence.detect import detect_tee
from troth.evidence.tdx import Claim, describe_pck, describe_quote
from troth.policy.document import Policy
from troth.policy.tdx import appraise_tdx
from troth.verify import Anchors, AnyValue, Tail, Trace, TraceEntry, Verified, WithoutCollateral
from troth.verify.intel.tcb import Judged, TcbOutcome
from troth.verify.tdx import TdxFacts, verify_tdx
from troth.wire.text import format_instant

__all__ = [
    "BundleView",
    "CollateralView",
    "JudgeOptions",
    "Judgement",
    "Parts",
    "TcbView",
    "bug",
    "judge",
    "judgement_of",
    "refusal",
]

Verdict = Literal["accepted", "genuine", "malformed", "untrusted", "stale", "denied", "error"]


class Parts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Statuses before they converge; a part that does not exist is absent."""

    platform: str
    platform_tcb_date: str
    qe: str
    module: str | None = None
    current: str | None = None


class TcbView(msgspec.Struct, frozen=True, kw_only=True):
    """The TCB's status and what it follows from; `unknown` without collateral."""

    status: str
    date: str | None
    advisories: tuple[str, ...]
    parts: Parts | None
    evaluation_number: int | None


class CollateralView(msgspec.Struct, frozen=True, kw_only=True):
    """Which collateral was used: its name, the digest of all its bytes, and when it counts."""

    source: str
    sha256: str
    valid_from: str
    valid_until: str
    evaluation_number: int


class BundleView(msgspec.Struct, frozen=True, kw_only=True):
    """What an authentic bundle says; byte strings in lower-case hex.

    Attributes:
        mode: fresh or delegated.
        root: the register that holds the root statement, or none.
        image: the name of the boot's reference values; null where there are none.
        audience: whom the statement is for.
        namespace_id: of its namespace.
        label: what the namespace is called.
        origin: who created it.
        count: length of its log.
        head: head of its log.
        forensic: forensic points of its model; null without a model.
        gaps: interruptions of its event sources.
        alarms: alarms of this boot.
        statement: SHA-256 of the statement.
        status: for each part, the tier of its trust vector; null where policy denied.
    """

    mode: str
    root: str
    image: str | None
    audience: str
    namespace_id: str
    label: str
    origin: str
    count: int
    head: str
    forensic: int | None
    gaps: int
    alarms: int
    statement: str
    status: dict[str, str] | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What came out. The published schema of `troth verify --json`.

    `step` is there where a bundle was refused at a step of BINDING 4.9, `bundle` where one was
    authentic; both are absent, not null, in all other judgements.
    """

    verdict: Verdict
    error_class: str | None = msgspec.field(name="class")
    code: str | None
    detail: str | None
    appraised: bool
    tee: str | None
    judged_at: str | None
    anchor: str | None
    facts: dict[str, Claim] | None
    tcb: TcbView | None
    trailing_bytes: int | None
    trace: tuple[TraceEntry, ...]
    collateral: CollateralView | None
    step: int | msgspec.UnsetType = msgspec.UNSET
    bundle: BundleView | msgspec.UnsetType = msgspec.UNSET


class JudgeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the evidence that a judgement depends on."""

    tee: Literal["auto", "tdx"] = "auto"
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral]
    anchors: Anchors
    at: datetime
    report_data: bytes | type[AnyValue]
    policy: Policy | None
    tail: Tail = Tail.ZEROS


def judge(evidence: bytes, options: JudgeOptions) -> Judgement:
    """Return the judgement of `evidence`: verified, then appraised if there is a policy."""
    trace = Trace()
    tee: str | None = None if options.tee == "auto" else options.tee
    verified: Verified[TdxFacts] | None = None
    try:
        tee = detect_tee(evidence) if options.tee == "auto" else options.tee
        verified = verify_tdx(
            evidence,
            collateral=options.collateral,
            anchors=options.anchors,
            at=options.at,
            report_data=options.report_data,
            tail=options.tail,
            trace=trace,
        )
        if options.policy is not None:
            _appraise(verified, options.policy, trace)
    except TrothError as error:
        # A denial is about genuine facts, so they are shown; any other error leaves none.
        denied = isinstance(error, DeniedError)
        return _view(verified if denied else None, error, tee, options, trace)
    return _view(verified, None, tee, options, trace)


def refusal(error: TrothError | UsageError, at: datetime | None) -> Judgement:
    """Return the judgement that an error outside `judge` amounts to, such as bad collateral."""
    return _without_facts(
        verdict=error.verdict,  # type: ignore[arg-type]  # a class variable, one of the literals
        error_class=type(error).__name__,
        code=error.code,
        detail=error.detail,
        at=at,
    )


def bug(error: Exception) -> Judgement:
    """Return what is said, in the form of a judgement, of an error that is our own."""
    detail = printable(f"{type(error).__name__}: {error}")
    return _without_facts(verdict="error", error_class=None, code="bug", detail=detail, at=None)


def _without_facts(
    *,
    verdict: Verdict,
    error_class: str | None,
    code: str,
    detail: str,
    at: datetime | None,
) -> Judgement:
    return Judgement(
        verdict=verdict,
        error_class=error_class,
        code=code,
        detail=detail or None,
        appraised=False,
        tee=None,
        judged_at=None if at is None else format_instant(at),
        anchor=None,
        facts=None,
        tcb=None,
        trailing_bytes=None,
        trace=(),
        collateral=None,
    )


def _appraise(verified: Verified[TdxFacts], policy: Policy, trace: Trace) -> None:
    rule, expected = "policy.section", "a section [tdx]"
    if policy.tdx is None:
        error = DeniedError("policy.section", f"{policy.name} has no section [tdx]")
        trace.failed(rule, error, expected=expected, source=policy.name)
        raise error
    trace.held(rule, expected=expected, got="one", source=policy.name)
    appraise_tdx(verified, policy.tdx, name=policy.name, trace=trace)


def _view(
    verified: Verified[TdxFacts] | None,
    error: TrothError | None,
    tee: str | None,
    options: JudgeOptions,
    trace: Iterable[TraceEntry],
) -> Judgement:
    """Return the judgement of a quote."""
    return judgement_of(
        verified.value if verified else None,
        error,
        tee=tee,
        at=options.at,
        trace=trace,
        verdict="genuine" if options.policy is None else "accepted",
        has_policy=options.policy is not None,
    )


def judgement_of(
    facts: TdxFacts | None,
    error: TrothError | None,
    *,
    tee: str | None,
    at: datetime,
    trace: Iterable[TraceEntry],
    verdict: Verdict,
    has_policy: bool,
) -> Judgement:
    """Return a judgement as one value.

    Args:
        facts: what may be shown of the report.
        error: what ended it, if anything did.
        tee: the kind of evidence, if it is known.
        at: the instant of the judgement.
        trace: every rule.
        verdict: if no error ended it.
        has_policy: whether a policy was tried.
    """
    return Judgement(
        verdict=error.verdict if error else verdict,  # type: ignore[arg-type]  # as in refusal
        error_class=type(error).__name__ if error else None,
        code=error.code if error else None,
        detail=(error.detail or None) if error else None,
        appraised=facts is not None and has_policy,
        tee=tee,
        judged_at=format_instant(at),
        anchor=facts.anchor.name if facts else None,
        facts=None if facts is None else _facts(facts),
        tcb=None if facts is None else _tcb(facts.tcb),
        trailing_bytes=facts.trailing_bytes if facts else None,
        trace=tuple(trace),
        collateral=_collateral(facts.collateral) if facts and facts.collateral else None,
    )


def _facts(facts: TdxFacts) -> dict[str, Claim]:
    return describe_quote(facts.quote) | describe_pck(facts.quote)


def _tcb(tcb: TcbOutcome | None) -> TcbView:
    if tcb is None:
        return TcbView(
            status="unknown", date=None, advisories=(), parts=None, evaluation_number=None
        )
    return TcbView(
        status=tcb.status,
        date=format_instant(tcb.date),
        advisories=tcb.advisories,
        parts=_parts(tcb.launch, tcb.current),
        evaluation_number=tcb.evaluation_number,
    )


def _parts(launch: Judged, current: Judged | None) -> Parts:
    return Parts(
        platform=launch.platform.status,
        platform_tcb_date=format_instant(launch.platform.date),
        qe=launch.qe.status,
        module=launch.module.status if launch.module else None,
        current=current.status if current else None,
    )


def _collateral(used: CollateralSet) -> CollateralView:
    return CollateralView(
        source=used.source,
        sha256=used.sha256.hex(),
        valid_from=format_instant(used.window.start),
        valid_until=format_instant(used.window.end),
        evaluation_number=used.evaluation_number,
    )
