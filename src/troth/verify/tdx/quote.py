# SPDX-License-Identifier: Apache-2.0
"""The appraisal of a TDX quote, in Intel's order.

The steps, numbered as in the project's notes on Intel's quote verification library; what each is
against is in `docs/past-holes.md`:

 1. the quote is well-formed, and nothing but zeros stands behind it
 2. the PCK chain hangs from a pinned root key, is current and not revoked
 3. the collateral is signed by the TCB signing certificate and current
 4. the collateral is for this TEE and platform, and not rolled back
 5. the TDX module is one that the TCB info knows
 6. the PCK signed the quoting enclave's report
 7. that report names the attestation key
 8. the quoting enclave is the one that the QE identity describes
 9. the attestation key signed header, descriptor and body
10. platform, module and quoting enclave match TCB levels that are not revoked
11. the report data is what the caller expects

Everything else about the TD (measurements, debug, which statuses are good enough) is policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from troth.endorse.intel import CollateralSet
from troth.errors import TrothError
from troth.evidence.intel.pck import PckExtension
from troth.evidence.tdx import TdReportBody, TdxQuote
from troth.verify.anchors import Anchor, Anchors
from troth.verify.cache import Cache, Seen, cache_of
from troth.verify.intel import tcb
from troth.verify.intel.collateral import check_collateral
from troth.verify.intel.enclave import check_qe_identity, check_qe_report, check_qe_without_identity
from troth.verify.intel.pck import check_pck_chain
from troth.verify.intel.quote import (
    check_quote_signature,
    check_report_data,
    check_well_formed,
    chosen_collateral,
    judge_platform,
)
from troth.verify.intel.seen import AttestationKey, Terms, platform_key, platform_window
from troth.verify.options import AnyValue, NoCache, Tail, WithoutCollateral
from troth.verify.tdx.facts import TdxFacts
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_tdx"]

_ZERO_ATTRIBUTES: Final = bytes(8)
_NO_COLLATERAL: Final = "no collateral, by the caller's word"


def verify_tdx(  # noqa: PLR0913 - every input of a judgement is named
    evidence: bytes,
    *,
    collateral: Iterable[CollateralSet] | type[WithoutCollateral],
    anchors: Anchors,
    at: datetime,
    report_data: bytes | type[AnyValue],
    evaluation_floor: int = 0,
    tail: Tail = Tail.ZEROS,
    cache: Cache | type[NoCache] = NoCache,
    trace: Trace | None = None,
) -> Verified[TdxFacts]:
    """Return the facts of a genuine TDX quote, judged at `at`.

    Args:
        evidence: the quote's bytes, at most 64 KiB.
        collateral: the sets to choose from, by platform and instant.
        anchors: the root keys to trust.
        at: the one instant (aware) that everything is judged at.
        report_data: the 64 bytes that are expected; of fewer, the rest must be zero.
        evaluation_floor: the lowest tcbEvaluationDataNumber that is not a roll-back.
        tail: what may stand behind the quote.
        cache: what was found to hold before; the answer is the same with any, and with none.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: measurements, registers, TD attributes, TCB status (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    known = cache_of(cache)
    quote = check_well_formed(  # (1)
        TdxQuote,
        evidence,
        expected="a TDX quote",
        tail=tail,
        code="tdx.trailing",
        cache=known,
        trace=trace,
    )
    chain = quote.pck_chain
    anchor = check_pck_chain(chain, anchors, at, known, trace)  # (2), revocation below
    if isinstance(collateral, type):
        _without_collateral(quote, anchor, trace)
        facts = TdxFacts(quote, anchor, at, None, None)
    else:
        chosen = chosen_collateral(collateral, chain, tee="TDX", at=at, trace=trace)
        terms = Terms(anchors, evaluation_floor, at)
        outcome = _with_collateral(quote, chosen, terms, known, trace)
        facts = TdxFacts(quote, anchor, at, outcome, chosen)
    check_report_data(quote.body.report_data, report_data, "tdx.report-data", trace)  # (11)
    return seal(facts)


def _with_collateral(
    quote: TdxQuote, chosen: CollateralSet, terms: Terms, cache: Cache, trace: Trace
) -> tcb.TcbOutcome:
    """Steps 2 (revocation) to 10; return what follows from the set that was chosen."""
    body = quote.body
    seen = Seen(
        platform_key(quote, chosen, terms, _said(body)),
        lambda: platform_window(quote.pck_chain, chosen),
        terms.at,
        trace,
    )
    return judge_platform(
        quote,
        seen,
        cache.platforms,
        lambda: _attestation_key(quote, chosen, terms, cache, trace),  # (2) to (8)
        lambda: _tcb(
            body, quote.pck_chain.extension, quote.qe_report.isv_svn, chosen, trace
        ),  # (10)
        trace,
    )


def _attestation_key(
    quote: TdxQuote, chosen: CollateralSet, terms: Terms, cache: Cache, trace: Trace
) -> AttestationKey:
    """Steps 2 (revocation) to 8; `_said` has what they read of the body."""
    chain, report = quote.pck_chain, quote.qe_report
    check_collateral(chosen, chain, tee="TDX", terms=terms, cache=cache, trace=trace)  # (2) to (4)
    _check_module(quote.body, chosen, trace)  # (5)
    check_qe_report(quote.section, report, chain, trace)  # (6), (7)
    check_qe_identity(report, chosen, trace)  # (8)
    return AttestationKey(quote.section.attestation_key)


def _said(body: TdReportBody) -> bytes:
    """Return what steps 5 and 10 read of a body: fields of fixed sizes, the last or none."""
    return b"".join(
        (
            b"TDX",
            body.tee_tcb_svn,
            body.mr_signer_seam,
            body.seam_attributes,
            body.tee_tcb_svn2 or b"",
        )
    )


def _without_collateral(quote: TdxQuote, anchor: Anchor, trace: Trace) -> None:
    """Steps 6, 7 and 9, and of 5 and 8 what can be known: the rest is noted as not checked."""
    for rule in ("2.revocation", "3.collateral", "4.platform"):
        trace.skipped(rule, why=_NO_COLLATERAL)
    check_qe_report(quote.section, quote.qe_report, quote.pck_chain, trace)  # (6), (7)
    trace.skipped("8.qe-identity", why=_NO_COLLATERAL)
    check_qe_without_identity(quote.qe_report, anchor, "TDX", trace)  # (8)
    key = AttestationKey(quote.section.attestation_key)
    check_quote_signature(quote, key, trace)  # (9)
    _check_module_without_identity(quote.body, trace)  # (5)
    trace.skipped("10.tcb", why=_NO_COLLATERAL)


def _check_module_without_identity(body: TdReportBody, trace: Trace) -> None:
    """Step 5 as far as it goes without collateral: all of Intel's modules have zeros here."""
    trace.skipped("5.module", why=_NO_COLLATERAL)
    for rule, code, got in (
        ("5.module-signer", "tdx.module-signer", body.mr_signer_seam),
        ("5.module-attributes", "tdx.module-attributes", body.seam_attributes),
    ):
        due = bytes(len(got))
        trace.check(rule, got == due, code, expected=due, got=got, source="Intel PCS v4")


def _check_module(body: TdReportBody, collateral: CollateralSet, trace: Trace) -> None:
    """Step 5. Intel demands the identity's attributes and zero; the mask is not used."""
    info = collateral.tcb_info.value
    try:
        identity = tcb.module_identity(info, body.tee_tcb_svn)
    except TrothError as error:
        trace.failed("5.module", error, expected="a known version", source=collateral.source)
        raise
    trace.held(
        "5.module",
        expected="a known version",
        got=f"{identity.identifier} for version {body.tee_tcb_svn[1]}",
        source=collateral.source,
    )
    trace.check(
        "5.module-signer",
        body.mr_signer_seam == identity.mr_signer,
        "tdx.module-signer",
        expected=identity.mr_signer,
        got=body.mr_signer_seam,
        source=collateral.source,
    )
    trace.check(
        "5.module-attributes",
        body.seam_attributes == identity.attributes == _ZERO_ATTRIBUTES,
        "tdx.module-attributes",
        expected=identity.attributes,
        got=body.seam_attributes,
        source=collateral.source,
    )


def _tcb(
    body: TdReportBody,
    extension: PckExtension,
    qe_isv_svn: int,
    collateral: CollateralSet,
    trace: Trace,
) -> tcb.TcbOutcome:
    """Step 10: judged as launched, and once more as it is now where the report says."""
    try:
        launch = _judge(body.tee_tcb_svn, extension, qe_isv_svn, collateral)
        now = body.tee_tcb_svn2
        current = None if now is None else _judge(now, extension, qe_isv_svn, collateral)
    except TrothError as error:
        trace.failed("10.tcb", error, expected="a TCB level", source=collateral.source)
        raise
    outcome = tcb.TcbOutcome(launch, current, collateral.evaluation_number)
    trace.check(
        "10.tcb",
        outcome.status != tcb.REVOKED,
        "tcb.revoked",
        expected="a TCB level that is not revoked",
        got=outcome.status,
        source=collateral.source,
    )
    return outcome


def _judge(
    tee_tcb_svn: bytes, extension: PckExtension, qe_isv_svn: int, collateral: CollateralSet
) -> tcb.Judged:
    info = collateral.tcb_info.value
    platform = tcb.platform_level(info, extension.components, extension.pce_svn, tee_tcb_svn)
    module = tcb.module_level(tcb.module_identity(info, tee_tcb_svn), tee_tcb_svn[0])
    qe = tcb.qe_level(collateral.qe_identity.value, qe_isv_svn)
    parts = [qe.status] if module is None else [qe.status, module.status]
    return tcb.Judged(tcb.converge(platform.status, parts), platform, module, qe)
