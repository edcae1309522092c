# SPDX-License-Identifier: Apache-2.0
"""A judgement as one value: verdict, reason, facts and trace, for printing and for JSON.

The functions below raise inside and return outside: an error becomes a verdict here and nowhere
else. A refusal carries no facts, so that nobody can read fields of evidence that is not genuine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from troth.errors import DeniedError, TrothError, UsageError, printable
from troth.evidence.detect import Tee, detect_tee
from troth.policy.inputs import Endorsements, JudgeOptions
from troth.policy.kinds import KINDS
from troth.policy.views import CollateralView, Fact, FactsView, Parts, TcbView
from troth.verify import Trace, TraceEntry
from troth.wire.text import format_instant

__all__ = [
    "BundleView",
    "CollateralView",
    "Endorsements",
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
    facts: Mapping[str, Fact] | None
    tcb: TcbView | None
    trailing_bytes: int | None
    trace: tuple[TraceEntry, ...]
    collateral: CollateralView | None
    step: int | msgspec.UnsetType = msgspec.UNSET
    bundle: BundleView | msgspec.UnsetType = msgspec.UNSET


def judge(evidence: bytes, options: JudgeOptions) -> Judgement:
    """Return the judgement of `evidence`: verified, then appraised if there is a policy."""
    trace = Trace()
    tee: Tee | None = None if options.tee == "auto" else options.tee
    shown: FactsView | None = None
    try:
        tee = detect_tee(evidence) if tee is None else tee
        kind = KINDS[tee]
        verified = kind.verify(evidence, options, trace)
        shown = kind.view(verified.value)
        if options.policy is not None:
            kind.appraise(verified, options.policy, trace)
    except TrothError as error:
        # A denial is about genuine facts, so they are shown; any other error leaves none.
        denied = isinstance(error, DeniedError)
        return _judged(shown if denied else None, error, tee, options, trace)
    return _judged(shown, None, tee, options, trace)


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


def _judged(
    shown: FactsView | None,
    error: TrothError | None,
    tee: str | None,
    options: JudgeOptions,
    trace: Iterable[TraceEntry],
) -> Judgement:
    return judgement_of(
        shown,
        error,
        tee=tee,
        at=options.at,
        trace=trace,
        verdict="genuine" if options.policy is None else "accepted",
        has_policy=options.policy is not None,
    )


def judgement_of(
    shown: FactsView | None,
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
        shown: what may be shown of the evidence.
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
        appraised=shown is not None and has_policy,
        tee=tee,
        judged_at=format_instant(at),
        anchor=shown.anchor if shown else None,
        facts=shown.facts if shown else None,
        tcb=shown.tcb if shown else None,
        trailing_bytes=shown.trailing_bytes if shown else None,
        trace=tuple(trace),
        collateral=shown.collateral if shown else None,
    )
