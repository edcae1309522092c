# SPDX-License-Identifier: Apache-2.0
"""The TD quoting enclave and the PCE: a TDREPORT goes in, a quote comes out.

With `QuoteChanges` a quote is made that is sound in everything but what is named. Source: Intel TDX
DCAP Quoting Library API, appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Unpack

from troth.crypto.p256 import PrivateKey
from troth.errors import DriverError
from troth.evidence.intel.layout import BODY_TYPE_1_0, BODY_TYPE_1_5
from troth.evidence.tdx import QuoteHeader, TdReportBody
from troth.evidence.tdx.quote import signed_part
from troth.tsm.emulated.tdx.cpu import Cpu
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.settings import Settings
from troth.tsm.emulated.tdx.signing import Signer, SigningChanges, platform_id
from troth.tsm.emulated.tdx.tdreport import VERSION_1_0, TdReport

__all__ = ["BodyVersion", "QuoteChanges", "QuotingEnclave"]

BodyVersion = Literal["1.0", "1.5"]

_FORMAT_5: Final = 5  # the first quote format with a body descriptor
_BODY_TYPES: Final[dict[BodyVersion, int]] = {"1.0": BODY_TYPE_1_0, "1.5": BODY_TYPE_1_5}


class QuoteChanges(SigningChanges, total=False):
    """What is to be different in a quote, in the order in which it takes effect.

    Attributes:
        header: makes another header; its version does not decide the layout.
        body: makes another TD report body.
        signed: makes other bytes to be signed out of header, descriptor and body.

    What follows is as in `SigningChanges`.
    """

    header: Callable[[QuoteHeader], QuoteHeader]
    body: Callable[[TdReportBody], TdReportBody]
    signed: Callable[[bytes], bytes]


class QuotingEnclave:
    """A QE with its attestation key, and the PCE beside it."""

    def __init__(self, settings: Settings, cpu: Cpu, pki: Pki, attestation_key: PrivateKey) -> None:
        """Take what the platform is, its CPU, its certificates, and the key that signs quotes."""
        self._settings = settings
        self._cpu = cpu
        self._signer = Signer(settings.qe, cpu.cpu_svn, pki, attestation_key)

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
        header = QuoteHeader(version=version, user_data=platform_id(self._settings.platform))
        body = _body(report, is_1_5=wanted == "1.5")
        body_type = _BODY_TYPES[wanted] if version == _FORMAT_5 else None
        if "header" in changes:
            header = changes["header"](header)
        if "body" in changes:
            body = changes["body"](body)
        signed = signed_part(header, body_type, body)
        if "signed" in changes:
            signed = changes["signed"](signed)
        return signed + self._signer.section(signed, changes).build()


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
