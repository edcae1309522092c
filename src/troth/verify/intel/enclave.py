# SPDX-License-Identifier: Apache-2.0
"""Steps 6, 7 and 8: the quoting enclave is certified, names the attestation key, and is Intel's."""

from __future__ import annotations

from typing import Final

from troth.crypto.digest import same, sha256
from troth.endorse.intel import CollateralSet
from troth.errors import TrothError
from troth.evidence.intel.layout import ENCLAVE_DEBUG
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import SignatureSection
from troth.verify.anchors import Anchor
from troth.verify.trace import Trace

__all__ = ["check_qe_identity", "check_qe_report", "check_qe_without_identity"]

_ZERO_HALF: Final = bytes(32)
# Of every TD_QE and QE identity (PCS v4, "Get TD QE Identity", "Get SGX QE Identity").
_QE_ISV_PROD_ID: Final = {"TDX": 2, "SGX": 1}


def check_qe_report(
    section: SignatureSection, report: EnclaveReport, chain: PckChain, trace: Trace
) -> None:
    """Steps 6 and 7: the PCK signed the QE's report, and the report binds the attestation key.

    Intel compares the first half of REPORTDATA only; the other half must be zero, and here is.

    Raises:
        UntrustedError: `qe.report-signature` or `qe.binding`.
    """
    rule, expected, source = "6.qe-report-signature", "signed by the PCK", "PCK certificate"
    try:
        chain.leaf.key.verify(section.qe_report_signature, section.qe_report, "qe.report-signature")
    except TrothError as error:
        trace.failed(rule, error, expected=expected, source=source)
        raise
    trace.held(rule, expected=expected, got=chain.leaf, source=source)
    due = sha256(section.attestation_key + section.qe_auth_data) + _ZERO_HALF
    trace.check(
        "7.attestation-key",
        same(due, report.report_data),
        "qe.binding",
        expected=due,
        got=report.report_data,
        source="SHA-256 of attestation key and QE auth data",
    )


def check_qe_without_identity(
    report: EnclaveReport, anchor: Anchor, tee: str, trace: Trace
) -> None:
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
    signer = anchor.td_qe_mr_signer if tee == "TDX" else anchor.sgx_qe_mr_signer
    if signer is None:
        trace.skipped("8.qe-mrsigner", why=f"nobody has fixed it for {anchor.name}")
        return
    for rule, due, got in (
        ("8.qe-mrsigner", signer, report.mr_signer),
        ("8.qe-isvprodid", _QE_ISV_PROD_ID[tee], report.isv_prod_id),
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
    masked = int.from_bytes(value, "big") & int.from_bytes(mask, "big")
    return masked.to_bytes(len(value), "big")
