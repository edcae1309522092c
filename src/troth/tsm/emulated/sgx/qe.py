# SPDX-License-Identifier: Apache-2.0
"""The quoting enclave: a REPORT goes in, a quote of format 3, 4 or 5 comes out.

With `SgxQuoteChanges` a quote is made that is sound in everything but what is named. Sources:
Intel SGX ECDSA Quote Library Reference, appendix A.4; Intel TDX DCAP Quoting Library API,
appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from troth.crypto.p256 import PrivateKey
from troth.evidence.intel import EnclaveReport, QuoteHeader
from troth.evidence.intel.layout import TEE_SGX
from troth.evidence.sgx.quote import FORMAT_3, FORMAT_5, signed_part
from troth.tsm.emulated.sgx.report import SgxCpu
from troth.tsm.emulated.sgx.settings import QuoteVersion, SgxSettings
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.signing import Signer, SigningChanges, platform_id

__all__ = ["SgxQuoteChanges", "SgxQuotingEnclave"]


class SgxQuoteChanges(SigningChanges, total=False):
    """What is to be different in a quote, in the order in which it takes effect.

    Attributes:
        header: makes another header; its version does not decide the layout.
        body: makes another enclave report.
        signed: makes other bytes to be signed out of header, descriptor and body.

    What follows is as in `SigningChanges`.
    """

    header: Callable[[QuoteHeader], QuoteHeader]
    body: Callable[[EnclaveReport], EnclaveReport]
    signed: Callable[[bytes], bytes]


class SgxQuotingEnclave:
    """A QE with its attestation key, and the PCE beside it."""

    def __init__(
        self, settings: SgxSettings, cpu: SgxCpu, pki: Pki, attestation_key: PrivateKey
    ) -> None:
        """Take what the platform is, its CPU, its certificates, and the key that signs quotes."""
        self._settings = settings
        self._cpu = cpu
        self._signer = Signer(settings.qe, cpu.cpu_svn, pki, attestation_key)

    def quote(
        self, report: bytes, *, version: QuoteVersion, **changes: Unpack[SgxQuoteChanges]
    ) -> bytes:
        """Turn a REPORT of this machine into a quote.

        Args:
            report: 432 bytes.
            version: of the quote.
            changes: what is to be different from a sound quote.

        Raises:
            DriverError: `tsm.sgx-report`, it is not one of this machine.
        """
        body = self._cpu.check(report)
        header = self._header(version)
        if "header" in changes:
            header = changes["header"](header)
        if "body" in changes:
            body = changes["body"](body)
        signed = signed_part(header, body, described=version == FORMAT_5)
        if "signed" in changes:
            signed = changes["signed"](signed)
        section = self._signer.section(signed, changes)
        return signed + (section.build_flat() if version == FORMAT_3 else section.build())

    def _header(self, version: QuoteVersion) -> QuoteHeader:
        """Return a header; format 3 has the SVNs of QE and PCE in it, as others have zeros."""
        flat, own = version == FORMAT_3, self._settings
        return QuoteHeader(
            version=version,
            tee_type=TEE_SGX,
            qe_svn=own.qe.isv_svn if flat else 0,
            pce_svn=own.platform.pce_svn if flat else 0,
            user_data=platform_id(own.platform),
        )
