# SPDX-License-Identifier: Apache-2.0
"""The appraisal of an SGX quote, in Intel's order and with the numbers of `troth.verify.tdx`.

 1. the quote is well-formed, and nothing but zeros stands behind it
 2. the PCK chain hangs from a pinned root key, is current and not revoked
 3. the collateral is signed by the TCB signing certificate and current
 4. the collateral is for this TEE and platform, and not rolled back
 6. the PCK signed the quoting enclave's report
 7. that report names the attestation key
 8. the quoting enclave is the one that the QE identity describes
 9. the attestation key signed header, descriptor and body
10. platform and quoting enclave match TCB levels that are not revoked
11. the report data is what the caller expects

There is no step 5: SGX has no module. Everything else about the enclave (who signed it, debug,
which statuses are good enough) is policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from troth.endorse.intel import CollateralSet
from troth.errors import TrothError
from troth.evidence.sgx import SgxQuote
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
from troth.verify.sgx.facts import SgxFacts
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_sgx"]

_NO_COLLATERAL: Final = "no collateral, by the caller's word"


def verify_sgx(  # noqa: PLR0913 - every input of a judgement is named
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
) -> Verified[SgxFacts]:
    """Return the facts of a genuine SGX quote, judged at `at`.

    Args:
        evidence: the quote's bytes, at most 64 KiB.
        collateral: the sets to choose from, by TEE, platform and instant.
        anchors: the root keys to trust.
        at: the one instant (aware) that everything is judged at.
        report_data: the 64 bytes that are expected; of fewer, the rest must be zero.
        evaluation_floor: the lowest tcbEvaluationDataNumber that is not a roll-back.
        tail: what may stand behind the quote.
        cache: what was found to hold before; the answer is the same with any, and with none.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: enclave and signer, attributes, debug, TCB status (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    known = cache_of(cache)
    quote = check_well_formed(  # (1)
        SgxQuote,
        evidence,
        expected="an SGX quote",
        tail=tail,
        code="sgx.trailing",
        cache=known,
        trace=trace,
    )
    chain = quote.pck_chain
    anchor = check_pck_chain(chain, anchors, at, known, trace)  # (2), revocation below
    if isinstance(collateral, type):
        _without_collateral(quote, anchor, trace)
        facts = SgxFacts(quote, anchor, at, None, None)
    else:
        chosen = chosen_collateral(collateral, chain, tee="SGX", at=at, trace=trace)
        terms = Terms(anchors, evaluation_floor, at)
        outcome = _with_collateral(quote, chosen, terms, known, trace)
        facts = SgxFacts(quote, anchor, at, outcome, chosen)
    check_report_data(quote.body.report_data, report_data, "sgx.report-data", trace)  # (11)
    return seal(facts)


def _with_collateral(
    quote: SgxQuote, chosen: CollateralSet, terms: Terms, cache: Cache, trace: Trace
) -> tcb.TcbOutcome:
    """Steps 2 (revocation) to 10; return what follows from the set that was chosen."""
    seen = Seen(
        platform_key(quote, chosen, terms, b"SGX"),  # nothing of the body
        lambda: platform_window(quote.pck_chain, chosen),
        terms.at,
        trace,
    )
    return judge_platform(
        quote,
        seen,
        cache.platforms,
        lambda: _attestation_key(quote, chosen, terms, cache, trace),  # (2) to (8)
        lambda: _tcb(quote, chosen, trace),  # (10)
        trace,
    )


def _attestation_key(
    quote: SgxQuote, chosen: CollateralSet, terms: Terms, cache: Cache, trace: Trace
) -> AttestationKey:
    """Steps 2 (revocation) to 8; nothing of the quote's body is read here."""
    chain, report = quote.pck_chain, quote.qe_report
    check_collateral(chosen, chain, tee="SGX", terms=terms, cache=cache, trace=trace)  # (2) to (4)
    check_qe_report(quote.section, report, chain, trace)  # (6), (7)
    check_qe_identity(report, chosen, trace)  # (8)
    return AttestationKey(quote.section.attestation_key)


def _without_collateral(quote: SgxQuote, anchor: Anchor, trace: Trace) -> None:
    """Steps 6, 7 and 9, and of 8 what can be known: the rest is noted as not checked."""
    for rule in ("2.revocation", "3.collateral", "4.platform"):
        trace.skipped(rule, why=_NO_COLLATERAL)
    check_qe_report(quote.section, quote.qe_report, quote.pck_chain, trace)  # (6), (7)
    trace.skipped("8.qe-identity", why=_NO_COLLATERAL)
    check_qe_without_identity(quote.qe_report, anchor, "SGX", trace)  # (8)
    key = AttestationKey(quote.section.attestation_key)
    check_quote_signature(quote, key, trace)  # (9)
    trace.skipped("10.tcb", why=_NO_COLLATERAL)


def _tcb(quote: SgxQuote, collateral: CollateralSet, trace: Trace) -> tcb.TcbOutcome:
    """Step 10: sixteen components and PCESVN of the PCK certificate, ISVSVN of the QE."""
    extension = quote.pck_chain.extension
    try:
        platform = tcb.platform_level(
            collateral.tcb_info.value, extension.components, extension.pce_svn, None
        )
        qe = tcb.qe_level(collateral.qe_identity.value, quote.qe_report.isv_svn)
    except TrothError as error:
        trace.failed("10.tcb", error, expected="a TCB level", source=collateral.source)
        raise
    judged = tcb.Judged(tcb.converge(platform.status, [qe.status]), platform, None, qe)
    outcome = tcb.TcbOutcome(judged, None, collateral.evaluation_number)
    trace.check(
        "10.tcb",
        outcome.status != tcb.REVOKED,
        "tcb.revoked",
        expected="a TCB level that is not revoked",
        got=outcome.status,
        source=collateral.source,
    )
    return outcome
