# SPDX-License-Identifier: Apache-2.0
"""Steps 6, 7 and 8: the quoting enclave is certified, names the attestation key, and is Intel's."""

from __future__ import annotations

from typing import Final

from troth.crypto.digest import same, sha256
from troth.endorse.intel import CollateralSet
from troth.evidence.intel.layout import ENCLAVE_DEBUG
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import SignatureSection
from troth.verify.anchors import Anchor
from troth.verify.trace import Trace

__all__ = ["check_qe_identity", "check_qe_report", "check_qe_without_identity"]

_ZERO_HALF: Final = bytes(32)
TD_QE_ISV_PROD_ID: Final = 2  # of every TD_QE identity (PCS v4, "Get TD QE Identity")


def check_qe_report(
    section: SignatureSection, report: EnclaveReport, chain: PckChain, trace: Trace
) -> None:
    """Steps 6 and 7: the PCK signed the QE's report, and the report binds the attestation key.

    Intel compares the first half of REPORTDATA only; the other half must be zero, and here is.

    Raises:
        UntrustedError: `qe.report-signature` or `qe.binding`.
    """
    chain.leaf.key.verify(section.qe_report_signature, section.qe_report, "qe.report-signature")
    trace.held(
        "6.qe-report-signature",
        expected="signed by the PCK",
        got=chain.leaf,
        source="PCK certificate",
    )
    due = sha256(section.attestation_key + section.qe_auth_data) + _ZERO_HALF
    trace.check(
        "7.attestation-key",
        same(due, report.report_data),
        "qe.binding",
        expected=due,
        got=report.report_data,
        source="SHA-256 of attestation key and QE auth data",
    )


def check_qe_without_identity(report: EnclaveReport, anchor: Anchor, trace: Trace) -> None:
    """Step 8 without collateral: no debug enclave, and where the anchor says, its signer's.

    A PCE certifies any enclave of its platform, so without this the owner of one machine could
    write quotes of his own. Versions of the enclave cannot be judged without its identity.

    Raises:
        UntrustedError: `qe.identity`.
    """
    trace.check(
        "8.qe-debug",
        not report.attributes[0] & ENCLAVE_DEBUG,
        "qe.identity",
        expected="not under debug",
        got=report.attributes,
        source="Intel SDM, ATTRIBUTES",
    )
    if anchor.td_qe_mr_signer is None:
        trace.skipped("8.qe-mrsigner", why=f"nobody has fixed it for {anchor.name}")
        return
    for rule, due, got in (
        ("8.qe-mrsigner", anchor.td_qe_mr_signer, report.mr_signer),
        ("8.qe-isvprodid", TD_QE_ISV_PROD_ID, report.isv_prod_id),
    ):
        trace.check(rule, got == due, "qe.identity", expected=due, got=got, source=anchor.name)


def check_qe_identity(report: EnclaveReport, collateral: CollateralSet, trace: Trace) -> None:
    """Step 8: the report is of the enclave that the QE identity describes; its mask covers DEBUG.

    Raises:
        UntrustedError: `qe.identity`.
    """
    identity = collateral.qe_identity.value
    for rule, due, got in (
        (
            "8.qe-miscselect",
            identity.misc_select.to_bytes(4, "big"),
            (report.misc_select & identity.misc_select_mask).to_bytes(4, "big"),
        ),
        (
            "8.qe-attributes",
            identity.attributes,
            _masked(report.attributes, identity.attributes_mask),
        ),
        ("8.qe-mrsigner", identity.mr_signer, report.mr_signer),
        ("8.qe-isvprodid", identity.isv_prod_id, report.isv_prod_id),
    ):
        trace.check(
            rule, got == due, "qe.identity", expected=due, got=got, source=collateral.source
        )


def _masked(value: bytes, mask: bytes) -> bytes:
    return bytes(one & bits for one, bits in zip(value, mask, strict=True))
