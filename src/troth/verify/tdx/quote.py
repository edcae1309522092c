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

from troth.crypto.digest import same
from troth.crypto.p256 import PublicKey
from troth.endorse.intel import CollateralSet, choose
from troth.errors import TrothError, UntrustedError
from troth.evidence.intel.pck import PckExtension
from troth.evidence.tdx import TdReportBody, TdxQuote
from troth.evidence.tdx.layout import REPORT_DATA_BYTES
from troth.verify.anchors import Anchor, Anchors
from troth.verify.intel import tcb
from troth.verify.intel.collateral import check_collateral
from troth.verify.intel.enclave import check_qe_identity, check_qe_report, check_qe_without_identity
from troth.verify.intel.pck import check_pck_chain
from troth.verify.options import AnyValue, Tail, WithoutCollateral
from troth.verify.tdx.facts import TdxFacts
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_tdx"]

_ZERO_ATTRIBUTES: Final = bytes(8)
_NO_COLLATERAL: Final = "no collateral, by the caller's word"


def verify_tdx(
    evidence: bytes,
    *,
    collateral: Iterable[CollateralSet] | type[WithoutCollateral],
    anchors: Anchors,
    at: datetime,
    report_data: bytes | type[AnyValue],
    evaluation_floor: int = 0,
    tail: Tail = Tail.ZEROS,
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
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: measurements, registers, TD attributes, TCB status (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    quote = _well_formed(evidence, tail, trace)  # (1)
    anchor = check_pck_chain(quote.pck_chain, anchors, at, trace)  # (2), revocation below
    if isinstance(collateral, type):
        _without_collateral(quote, anchor, trace)
        facts = TdxFacts(quote, anchor, at, None, None)
    else:
        chosen, outcome = _with_collateral(quote, collateral, evaluation_floor, at, trace)
        facts = TdxFacts(quote, anchor, at, outcome, chosen)
    _check_report_data(quote.body, report_data, trace)  # (11)
    return seal(facts)


def _with_collateral(
    quote: TdxQuote, collateral: Iterable[CollateralSet], floor: int, at: datetime, trace: Trace
) -> tuple[CollateralSet, tcb.TcbOutcome]:
    """Steps 2 (revocation) to 10; return the set that was chosen and what follows from it."""
    chain, report = quote.pck_chain, quote.qe_report
    fmspc = chain.extension.fmspc
    try:
        chosen = choose(collateral, tee="TDX", fmspc=fmspc, ca=chain.intermediate, at=at)
    except TrothError as error:
        trace.failed("3.collateral", error, expected="a set for this platform", source="caller")
        raise
    check_collateral(chosen, chain, tee="TDX", floor=floor, at=at, trace=trace)  # (2), (3), (4)
    _check_module(quote.body, chosen, trace)  # (5)
    check_qe_report(quote.section, report, chain, trace)  # (6), (7)
    check_qe_identity(report, chosen, trace)  # (8)
    _check_signature(quote, trace)  # (9)
    outcome = _tcb(quote.body, chain.extension, report.isv_svn, chosen, trace)  # (10)
    return chosen, outcome


def _without_collateral(quote: TdxQuote, anchor: Anchor, trace: Trace) -> None:
    """Steps 6, 7 and 9, and of 5 and 8 what can be known: the rest is noted as not checked."""
    for rule in ("2.revocation", "3.collateral", "4.platform"):
        trace.skipped(rule, why=_NO_COLLATERAL)
    check_qe_report(quote.section, quote.qe_report, quote.pck_chain, trace)  # (6), (7)
    trace.skipped("8.qe-identity", why=_NO_COLLATERAL)
    check_qe_without_identity(quote.qe_report, anchor, trace)  # (8)
    _check_signature(quote, trace)  # (9)
    _check_module_without_identity(quote.body, trace)  # (5)
    trace.skipped("10.tcb", why=_NO_COLLATERAL)


def _well_formed(evidence: bytes, tail: Tail, trace: Trace) -> TdxQuote:
    """Step 1."""
    try:
        quote = TdxQuote.parse(evidence)
        _ = quote.pck_chain
    except TrothError as error:
        trace.failed("1.format", error, expected="a TDX quote", source="Intel DCAP, appendix A")
        raise
    trace.held(
        "1.format",
        expected="a TDX quote",
        got=f"version {quote.header.version}, {quote.size} bytes",
        source="Intel DCAP, appendix A",
    )
    trace.check(
        "1.tail",
        tail is Tail.ANYTHING or not any(quote.tail),
        "tdx.trailing",
        expected=tail.value,
        got=f"{len(quote.tail)} bytes",
        source="caller",
    )
    return quote


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


def _check_signature(quote: TdxQuote, trace: Trace) -> None:
    """Step 9."""
    expected = "signed by the attestation key"
    source = "QE report"
    try:
        key = PublicKey.from_raw(quote.section.attestation_key, "quote.key")
        key.verify(quote.section.signature, quote.signed, "quote.signature")
    except TrothError as error:
        trace.failed("9.quote-signature", error, expected=expected, source=source)
        raise
    trace.held("9.quote-signature", expected=expected, got="it is", source=source)


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


def _check_report_data(body: TdReportBody, expected: bytes | type[AnyValue], trace: Trace) -> None:
    """Step 11. A short expectation is never a prefix match: the rest must be zero."""
    if isinstance(expected, type):
        trace.skipped("11.report-data", why="no value is expected by the caller")
        return
    if len(expected) > REPORT_DATA_BYTES:
        raise UntrustedError("tdx.report-data", f"{len(expected)} bytes are expected, 64 exist")
    due = expected.ljust(REPORT_DATA_BYTES, b"\0")
    trace.check(
        "11.report-data",
        same(due, body.report_data),
        "tdx.report-data",
        expected=due,
        got=body.report_data,
        source="caller",
    )
