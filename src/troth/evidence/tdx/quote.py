# SPDX-License-Identifier: Apache-2.0
"""A TDX quote: header, body and signature section, with the bytes that are signed.

Source: Intel TDX DCAP Quoting Library API, appendix A.3 (formats 4 and 5).
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.intel import layout as intel
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import SignatureSection
from troth.evidence.tdx.body import TdReportBody
from troth.evidence.tdx.layout import (
    BODY_1_0_BYTES,
    BODY_1_5_BYTES,
    BODY_1_5_EX_BYTES,
    BODY_TYPE_1_0,
    BODY_TYPE_1_5,
    BODY_TYPE_1_5_EX,
    BODY_TYPE_SGX,
    DESCRIPTOR,
)
from troth.wire.reader import Reader

__all__ = ["QuoteHeader", "TdxQuote"]

_BODY_BYTES = {
    BODY_TYPE_SGX: intel.ENCLAVE_REPORT_BYTES,
    BODY_TYPE_1_0: BODY_1_0_BYTES,
    BODY_TYPE_1_5: BODY_1_5_BYTES,
    BODY_TYPE_1_5_EX: BODY_1_5_EX_BYTES,
}


class QuoteHeader(msgspec.Struct, frozen=True):
    """The first 48 bytes. SVNs here decide nothing: the QE report and the PCK certificate do."""

    version: int
    key_type: int = intel.KEY_TYPE_P256
    tee_type: int = intel.TEE_TDX
    qe_svn: int = 0
    pce_svn: int = 0
    qe_vendor_id: bytes = intel.QE_VENDOR_INTEL
    user_data: bytes = bytes(20)

    def build(self) -> bytes:
        """Return the 48 bytes of this header."""
        return intel.HEADER.pack(*msgspec.structs.astuple(self))


class TdxQuote(msgspec.Struct, frozen=True, dict=True):
    """A parsed quote. Claims, not facts: only `troth.verify.tdx` turns one into the other."""

    header: QuoteHeader
    body_type: int | None
    body: TdReportBody
    signed: bytes
    section: SignatureSection
    size: int
    tail: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one quote off the front of `data`; what stands behind it is kept in `tail`.

        Args:
            data: at most 64 KiB.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`, `unsupported.*` or `quote.*`.
        """
        if len(data) > intel.QUOTE_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {intel.QUOTE_MAX_BYTES} bytes")
        reader = Reader(data)
        header = _header(reader.take(intel.HEADER_BYTES, "quote header"))
        body_type, size = _descriptor(reader, header)
        body = TdReportBody.parse(reader.take(size, "TD report body"))
        signed = data[: reader.at]
        section = SignatureSection.parse(reader)
        return cls(header, body_type, body, signed, section, reader.at, data[reader.at :])

    def build(self) -> bytes:
        """Return the quote's bytes without the tail."""
        return self.signed + self.section.build()

    @cached_property
    def qe_report(self) -> EnclaveReport:
        """The quoting enclave's report."""
        return EnclaveReport.parse(self.section.qe_report)

    @cached_property
    def pck_chain(self) -> PckChain:
        """The certificate chain of the key that signed the QE report.

        Raises:
            MalformedError, UntrustedError: as `PckChain.parse`.
        """
        return PckChain.parse(self.section.certification_data)


def signed_part(header: QuoteHeader, body_type: int | None, body: TdReportBody) -> bytes:
    """Return what the attestation key signs: header, descriptor in format 5, body."""
    content = body.build()
    descriptor = b"" if body_type is None else DESCRIPTOR.pack(body_type, len(content))
    return header.build() + descriptor + content


def _header(raw: bytes) -> QuoteHeader:
    header = QuoteHeader(*intel.HEADER.unpack(raw))
    if header.version not in (4, 5):
        raise MalformedError("unsupported.version", f"quote version {header.version}; 4 and 5 are")
    if header.key_type != intel.KEY_TYPE_P256:
        raise MalformedError("unsupported.key-type", f"{header.key_type}; 2, P-256, is")
    if header.tee_type == intel.TEE_SGX:
        raise MalformedError("unsupported.tee", "an SGX quote; TDX quotes are")
    if header.tee_type != intel.TEE_TDX:
        raise MalformedError("quote.tee-type", f"TEE type {header.tee_type:#x}")
    if header.qe_vendor_id != intel.QE_VENDOR_INTEL:
        raise MalformedError("quote.vendor-id", header.qe_vendor_id.hex())
    return header


def _descriptor(reader: Reader, header: QuoteHeader) -> tuple[int | None, int]:
    """Return the body's type (None in format 4) and size."""
    if header.version == 4:  # noqa: PLR2004 - the format's own number
        return None, BODY_1_0_BYTES
    kind, size = DESCRIPTOR.unpack(reader.take(DESCRIPTOR.size, "body descriptor"))
    if _BODY_BYTES.get(kind) != size:
        raise MalformedError("quote.body-type", f"body type {kind} of {size} bytes")
    if kind == BODY_TYPE_SGX:
        raise MalformedError("quote.body-type", "an SGX body under a TDX header")
    if kind == BODY_TYPE_1_5_EX:
        raise MalformedError("unsupported.body-type", "TD report 1.5Ex")
    return kind, size
