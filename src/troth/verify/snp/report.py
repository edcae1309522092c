# SPDX-License-Identifier: Apache-2.0
"""The appraisal of an SNP report, in the order of the project's notes.

 1. the report is well-formed for its version
 2. the kind of key that it names decides which certificate is due: VCEK, or VLEK
 3. that certificate hangs from a pinned ARK, in the place of its kind, is current and, where a
    list is given or due, not revoked; report, certificate and ARK are of one product
 4. its key signed the report
 5. it is for the reported TCB, part by part; this comes before 4, because each TCB has a key of
    its own: under the certificate of another one no signature holds, and a later one may help
 6. it is the certificate of the chip that the report names
 7. the TCBs are in their order: reported, committed, current; launch, current
 8. the report data is what the caller expects

Everything else about the guest (privilege level, debug, measurement, how new a TCB must be) is
policy. AMD publishes no status of a TCB: a minimum in the policy is the only one there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from troth.crypto.digest import same
from troth.endorse.amd import LeafCertificate, LeafKind, SnpCollateral, choose_snp
from troth.errors import TrothError, UntrustedError
from troth.evidence.snp import Product, SigningKey, SnpReport
from troth.evidence.snp.layout import SIGNED
from troth.verify.anchors import Anchors
from troth.verify.cache import Cache, cache_of
from troth.verify.options import AnyValue, ChipId, NoCache, Revocation
from troth.verify.snp.chain import check_snp_chain
from troth.verify.snp.facts import SnpFacts
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_snp"]

_FIRMWARE_ABI: Final = "AMD 56860, ATTESTATION_REPORT"
_ES384: Final = -35  # ECDSA with SHA-384, by its COSE number
_REPORT_DATA_BYTES: Final = 64
_KINDS: Final = {SigningKey.VCEK: LeafKind.VCEK, SigningKey.VLEK: LeafKind.VLEK}


def verify_snp(  # noqa: PLR0913 - every input of a judgement is named
    evidence: bytes,
    *,
    collateral: Iterable[SnpCollateral],
    anchors: Anchors,
    at: datetime,
    report_data: bytes | type[AnyValue],
    revocation: Revocation,
    chip: ChipId,
    cache: Cache | type[NoCache] = NoCache,
    trace: Trace | None = None,
) -> Verified[SnpFacts]:
    """Return the facts of a genuine SNP report, judged at `at`.

    Args:
        evidence: the report, 1184 bytes.
        collateral: the sets to choose from, by kind of key, chip or product, and reported TCB.
        anchors: the root keys to trust.
        at: the one instant (aware) that everything is judged at.
        report_data: the 64 bytes that are expected; of fewer, the rest must be zero. Under an SVSM
            these are SHA-512 of what was asked for and the manifest.
        revocation: whether a list of the ARK is due.
        chip: whether the report must name its chip.
        cache: what was found to hold before; the answer is the same with any, and with none.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: privilege level, guest policy, measurement, minimum TCB (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    report = _well_formed(evidence, trace)  # (1)
    chosen = _chosen(report, collateral, at, trace)  # (2)
    anchor = check_snp_chain(chosen, anchors, at, revocation, cache_of(cache), trace)  # (3)
    _check_product(report, chosen.leaf, trace)  # (3)
    _check_tcb(report, chosen.leaf, trace)  # (5)
    _check_signature(report, evidence[SIGNED], chosen.leaf, trace)  # (4)
    _check_chip(report, chosen.leaf, chip, trace)  # (6)
    _check_order(report, trace)  # (7)
    _check_report_data(report, report_data, trace)  # (8)
    return seal(SnpFacts(report=report, anchor=anchor, at=at, collateral=chosen))


def _well_formed(evidence: bytes, trace: Trace) -> SnpReport:
    """Step 1."""
    try:
        report = SnpReport.parse(evidence)
    except TrothError as error:
        trace.failed("1.format", error, expected="an SNP report", source=_FIRMWARE_ABI)
        raise
    trace.held(
        "1.format",
        expected="an SNP report",
        got=("version", report.version),
        source=_FIRMWARE_ABI,
    )
    return report


def _chosen(
    report: SnpReport, collateral: Iterable[SnpCollateral], at: datetime, trace: Trace
) -> SnpCollateral:
    """Step 2."""
    key = report.signing_key
    trace.check(
        "2.signing-key",
        key in _KINDS,
        "snp.unsigned",
        expected="VCEK or VLEK",
        got=key.name,
        source=_FIRMWARE_ABI,
    )
    try:
        chosen = choose_snp(
            collateral,
            kind=_KINDS[key],
            product=report.product,
            chip_id=report.chip_id,
            tcb=report.reported_tcb,
            at=at,
        )
    except TrothError as error:
        trace.failed("2.collateral", error, expected=f"a {key.name}", source="caller")
        raise
    trace.held("2.collateral", expected=f"a {key.name}", got=chosen.source, source="caller")
    return chosen


def _check_product(report: SnpReport, leaf: LeafCertificate, trace: Trace) -> None:
    """Step 3: a report of version 2 does not say, and its layout is of those before Turin."""
    before_turin, said = "Milan or Genoa", report.product
    trace.check(
        "3.product",
        leaf.product is (said or leaf.product)
        and (said is not None or leaf.product is not Product.TURIN),
        "snp.product",
        expected=before_turin if said is None else said.value,
        got=leaf.product.value,
        source="CPUID in the report",
    )


def _check_signature(report: SnpReport, signed: bytes, leaf: LeafCertificate, trace: Trace) -> None:
    """Step 4."""
    expected, source = ("signed by the", leaf.kind.name), leaf.certificate.common_name
    try:
        key = leaf.certificate.endorsement_key
        key.verify(_ES384, report.signature, signed, "snp.signature")
    except TrothError as error:
        trace.failed("4.signature", error, expected=expected, source=source)
        raise
    trace.held("4.signature", expected=expected, got="it is", source=source)


def _check_tcb(report: SnpReport, leaf: LeafCertificate, trace: Trace) -> None:
    """Step 5. A key is derived from the TCB that the host has chosen to report."""
    trace.check(
        "5.tcb",
        leaf.tcb == report.reported_tcb,
        "collateral.tcb",
        expected=report.reported_tcb,
        got=leaf.tcb,
        source="reported TCB",
    )


def _check_chip(report: SnpReport, leaf: LeafCertificate, chip: ChipId, trace: Trace) -> None:
    """Step 6. Under a VLEK the chip may well be unnamed: the provider vouches for it.

    That is another thing than a chip whose key is masked, which is refused unless asked for.
    """
    masked = report.is_chip_key_masked
    trace.check(
        "6.chip-masked",
        not masked or chip is ChipId.MASKED,
        "snp.chip-masked",
        expected=chip.value,
        got="masked" if masked else "named",
        source="caller",
    )
    if leaf.kind is LeafKind.VLEK and not masked:
        trace.skipped("6.chip-id", why="a VLEK is for no single chip")
        return
    due = bytes(len(report.chip_id)) if masked else leaf.chip_id or b""
    trace.check(
        "6.chip-id",
        same(due, report.chip_id),
        "snp.chip-id",
        expected=due,
        got=report.chip_id,
        source="nothing, as masked" if masked else "VCEK certificate",
    )


def _check_order(report: SnpReport, trace: Trace) -> None:
    """Step 7. Committed need not be current: firmware is tried before it is committed."""
    for rule, newer, older in (
        ("7.committed-covers-reported", report.committed_tcb, report.reported_tcb),
        ("7.current-covers-committed", report.current_tcb, report.committed_tcb),
        ("7.current-covers-launch", report.current_tcb, report.launch_tcb),
    ):
        trace.check(
            rule,
            newer.covers(older),
            "snp.tcb-order",
            expected=("at least", older),
            got=newer,
            source=_FIRMWARE_ABI,
        )


def _check_report_data(report: SnpReport, expected: bytes | type[AnyValue], trace: Trace) -> None:
    """Step 8. A short expectation is never a prefix match: the rest must be zero."""
    if isinstance(expected, type):
        trace.skipped("8.report-data", why="no value is expected by the caller")
        return
    if len(expected) > _REPORT_DATA_BYTES:
        error = UntrustedError("snp.report-data", f"{len(expected)} bytes are expected, 64 exist")
        trace.failed("8.report-data", error, expected=expected, source="caller")
        raise error
    due = expected.ljust(_REPORT_DATA_BYTES, b"\0")
    trace.check(
        "8.report-data",
        same(due, report.report_data),
        "snp.report-data",
        expected=due,
        got=report.report_data,
        source="caller",
    )
