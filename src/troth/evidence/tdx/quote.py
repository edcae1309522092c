# SPDX-License-Identifier: Apache-2.0
"""A TDX quote: header, body and signature section, with the bytes that are signed.

Source: Intel TDX DCAP Quoting Library API, appendix A.3 (formats 4 and 5).
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.intel import layout as intel
from troth.evidence.intel.header import QuoteHeader, read_descriptor
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import (
    SectionReader,
    SignatureSection,
    read_section,
    take_section,
)
from troth.evidence.tdx.body import TdReportBody
from troth.evidence.tdx.layout import BODY_1_0_BYTES
from troth.wire.reader import Reader

__all__ = ["TdxQuote"]

_VERSIONS: Final = (4, 5)


class TdxQuote(msgspec.Struct, frozen=True):
    """A parsed quote. Claims, not facts: only `troth.verify.tdx` turns one into the other."""

    header: QuoteHeader
    body_type: int | None
    body: TdReportBody
    signed: bytes
    section: SignatureSection
    size: int
    tail: bytes

    @classmethod
    def parse(cls, data: bytes, read: SectionReader = read_section) -> Self:
        """Read one quote off the front of `data`; what stands behind it is kept in `tail`.

        Args:
            data: at most 64 KiB.
            read: reads the signature section.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`, `unsupported.*` or `quote.*`.
        """
        if len(data) > intel.QUOTE_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {intel.QUOTE_MAX_BYTES} bytes")
        reader = Reader(data)
        raw = reader.take(intel.HEADER_BYTES, "quote header")
        header = QuoteHeader.parse(raw, versions=_VERSIONS, tee_type=intel.TEE_TDX)
        body_type, size = _descriptor(reader, header)
        body = TdReportBody.parse(reader.take(size, "TD report body"))
        signed = data[: reader.at]
        section = read(take_section(reader), SignatureSection.parse)
        return cls(header, body_type, body, signed, section, reader.at, data[reader.at :])

    def build(self) -> bytes:
        """Return the quote's bytes without the tail."""
        return self.signed + self.section.build()

    @property
    def qe_report(self) -> EnclaveReport:
        """The quoting enclave's report."""
        return self.section.report

    @property
    def pck_chain(self) -> PckChain:
        """The certificate chain of the key that signed the QE report.

        Raises:
            MalformedError, UntrustedError: as `PckChain.parse`.
        """
        return self.section.chain


def signed_part(header: QuoteHeader, body_type: int | None, body: TdReportBody) -> bytes:
    """Return what the attestation key signs: header, descriptor in format 5, body."""
    content = body.build()
    descriptor = b"" if body_type is None else intel.DESCRIPTOR.pack(body_type, len(content))
    return header.build() + descriptor + content


def _descriptor(reader: Reader, header: QuoteHeader) -> tuple[int | None, int]:
    """Return the body's type (None in format 4) and size."""
    if header.version == 4:  # noqa: PLR2004 - the format's own number
        return None, BODY_1_0_BYTES
    return read_descriptor(reader, intel.TEE_TDX)
