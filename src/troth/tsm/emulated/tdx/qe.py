# SPDX-License-Identifier: Apache-2.0
"""The TD quoting enclave and the PCE: a TDREPORT goes in, a quote comes out.

    quote = sign(attestation key, header ‖ [descriptor] ‖ body)
    QE report, REPORTDATA = SHA-256(attestation key ‖ auth data) ‖ 0, signed with the PCK key

With `QuoteChanges` a quote is made that is sound in everything but what is named: a change before
a signature is signed for, a change behind it is not. Source: Intel TDX DCAP Quoting Library API,
appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypedDict, Unpack

from troth.crypto.digest import sha256
from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError
from troth.evidence.intel import EnclaveReport, SignatureSection
from troth.evidence.intel.layout import CERT_PCK_CHAIN
from troth.evidence.tdx import QuoteHeader, TdReportBody
from troth.evidence.tdx.layout import BODY_TYPE_1_0, BODY_TYPE_1_5
from troth.evidence.tdx.quote import signed_part
from troth.tsm.emulated.tdx.cpu import Cpu
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.settings import Settings
from troth.tsm.emulated.tdx.tdreport import VERSION_1_0, TdReport

__all__ = ["BodyVersion", "QuoteChanges", "QuotingEnclave"]

BodyVersion = Literal["1.0", "1.5"]

_FORMAT_5: Final = 5  # the first quote format with a body descriptor
_BODY_TYPES: Final[dict[BodyVersion, int]] = {"1.0": BODY_TYPE_1_0, "1.5": BODY_TYPE_1_5}


class QuoteChanges(TypedDict, total=False):
    """What is to be different in a quote, in the order in which it takes effect.

    Attributes:
        header: makes another header; its version does not decide the layout.
        body: makes another TD report body.
        signed: makes other bytes to be signed out of header, descriptor and body.
        attestation_key: the key that signs and is carried, while the QE vouches for its own.
        vouched: the key (x‖y) that the QE vouches for.
        auth_data: the QE's authentication data, at most 65,535 bytes.
        qe_report: makes another QE report, which the PCK key then signs.
        pck_key: the key that signs the QE report.
        chain: certification data in place of the PCK chain.
        section: makes another signature section; nothing is signed again.
    """

    header: Callable[[QuoteHeader], QuoteHeader]
    body: Callable[[TdReportBody], TdReportBody]
    signed: Callable[[bytes], bytes]
    attestation_key: PrivateKey
    vouched: bytes
    auth_data: bytes
    qe_report: Callable[[EnclaveReport], EnclaveReport]
    pck_key: PrivateKey
    chain: bytes
    section: Callable[[SignatureSection], SignatureSection]


class QuotingEnclave:
    """A QE with its attestation key, and the PCE beside it."""

    def __init__(self, settings: Settings, cpu: Cpu, pki: Pki, attestation_key: PrivateKey) -> None:
        """Take what the platform is, its CPU, its certificates, and the key that signs quotes."""
        self._settings = settings
        self._cpu = cpu
        self._pki = pki
        self.attestation_key = attestation_key

    def quote(
        self,
        tdreport: bytes,
        *,
        version: Literal[4, 5],
        body_version: BodyVersion | None = None,
        **changes: Unpack[QuoteChanges],
    ) -> bytes:
        """Turn a TDREPORT of this machine into a quote.

        Args:
            tdreport: 1024 bytes.
            version: of the quote. Version 4 always carries a body 1.0.
            body_version: for version 5; by the TDREPORT's own where it is None.
            changes: what is to be different from a sound quote.

        Raises:
            DriverError: `tsm.tdreport`, it is not one of this machine, or does not have what the
                body needs.
        """
        report = self._cpu.check(tdreport)
        own: BodyVersion = "1.0" if report.version == VERSION_1_0 else "1.5"
        wanted = (body_version or own) if version == _FORMAT_5 else "1.0"
        if wanted > own:
            raise DriverError("tsm.tdreport", f"no body {wanted} of a TDREPORT {own}")
        header = QuoteHeader(version=version, user_data=self._platform_id())
        body = _body(report, is_1_5=wanted == "1.5")
        body_type = _BODY_TYPES[wanted] if version == _FORMAT_5 else None
        if "header" in changes:
            header = changes["header"](header)
        if "body" in changes:
            body = changes["body"](body)
        signed = signed_part(header, body_type, body)
        if "signed" in changes:
            signed = changes["signed"](signed)
        section = self._section(signed, changes)
        if "section" in changes:
            section = changes["section"](section)
        return signed + section.build()

    def _section(self, signed: bytes, changes: QuoteChanges) -> SignatureSection:
        key = changes.get("attestation_key", self.attestation_key)
        vouched = changes.get("vouched", self.attestation_key.public.raw)
        auth_data = changes.get("auth_data", bytes.fromhex(self._settings.qe.auth_data))
        qe_report = self._report(sha256(vouched + auth_data))
        if "qe_report" in changes:
            qe_report = changes["qe_report"](qe_report)
        content = qe_report.build()
        return SignatureSection(
            signature=key.sign(signed),
            attestation_key=key.public.raw,
            qe_report=content,
            qe_report_signature=changes.get("pck_key", self._pki.keys["pck"]).sign(content),
            qe_auth_data=auth_data,
            certification_type=CERT_PCK_CHAIN,
            certification_data=changes.get("chain", self._pki.pck_chain()),
        )

    def _report(self, binding: bytes) -> EnclaveReport:
        qe = self._settings.qe
        return EnclaveReport(
            cpu_svn=self._cpu.cpu_svn,
            misc_select=qe.misc_select,
            reserved1=bytes(28),
            attributes=bytes.fromhex(qe.attributes),
            mr_enclave=bytes.fromhex(qe.mr_enclave),
            reserved2=bytes(32),
            mr_signer=bytes.fromhex(qe.mr_signer),
            reserved3=bytes(96),
            isv_prod_id=qe.isv_prod_id,
            isv_svn=qe.isv_svn,
            reserved4=bytes(60),
            report_data=binding + bytes(32),
        )

    def _platform_id(self) -> bytes:
        """Return the QE's name for the platform: sixteen bytes, and four of zero."""
        return sha256(bytes.fromhex(self._settings.platform.ppid or ""))[:16] + bytes(4)


def _body(report: TdReport, *, is_1_5: bool) -> TdReportBody:
    tcb, td = report.tcb_info, report.td_info
    return TdReportBody(
        tee_tcb_svn=tcb.tee_tcb_svn,
        mr_seam=tcb.mr_seam,
        mr_signer_seam=tcb.mr_signer_seam,
        seam_attributes=tcb.seam_attributes,
        td_attributes=td.attributes,
        xfam=td.xfam,
        mr_td=td.mr_td,
        mr_config_id=td.mr_config_id,
        mr_owner=td.mr_owner,
        mr_owner_config=td.mr_owner_config,
        rtmr0=td.rtmr0,
        rtmr1=td.rtmr1,
        rtmr2=td.rtmr2,
        rtmr3=td.rtmr3,
        report_data=report.report_data,
        tee_tcb_svn2=tcb.tee_tcb_svn2 if is_1_5 else None,
        mr_service_td=td.mr_service_td if is_1_5 else None,
    )
