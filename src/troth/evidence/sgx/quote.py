# SPDX-License-Identifier: Apache-2.0
"""An SGX quote: header, enclave report and signature section, with the bytes that are signed.

Sources: Intel SGX ECDSA Quote Library Reference, appendix A.4 (format 3); Intel TDX DCAP Quoting
Library API, appendix A.3 (formats 4 and 5, in which the body can be an enclave report too).
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.intel import layout
from troth.evidence.intel.header import QuoteHeader, read_descriptor
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import (
    SectionReader,
    SignatureSection,
    read_section,
    take_section,
)
from troth.wire.reader import Reader

__all__ = ["SgxQuote", "signed_part"]

FORMAT_3: Final = 3  # the QE report is not wrapped in a block of type 6
FORMAT_5: Final = 5  # the body has a descriptor before it
_VERSIONS: Final = (3, 4, 5)


class SgxQuote(msgspec.Struct, frozen=True):
    """A parsed quote. Claims, not facts: only `troth.verify.sgx` turns one into the other."""

    header: QuoteHeader
    body_type: int | None
    body: EnclaveReport
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
        if len(data) > layout.QUOTE_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {layout.QUOTE_MAX_BYTES} bytes")
        reader = Reader(data)
        raw = reader.take(layout.HEADER_BYTES, "quote header")
        header = QuoteHeader.parse(raw, versions=_VERSIONS, tee_type=layout.TEE_SGX)
        body_type = None
        if header.version == FORMAT_5:
            body_type, _ = read_descriptor(reader, layout.TEE_SGX)
        body = EnclaveReport.parse(reader.take(layout.ENCLAVE_REPORT_BYTES, "enclave report"))
        signed = data[: reader.at]
        flat = header.version == FORMAT_3
        parse = SignatureSection.parse_flat if flat else SignatureSection.parse
        section = read(take_section(reader), parse)
        return cls(header, body_type, body, signed, section, reader.at, data[reader.at :])

    def build(self) -> bytes:
        """Return the quote's bytes without the tail."""
        flat = self.header.version == FORMAT_3
        return self.signed + (self.section.build_flat() if flat else self.section.build())

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


def signed_part(header: QuoteHeader, body: EnclaveReport, *, described: bool) -> bytes:
    """Return what the attestation key signs: header, body, and between them the descriptor.

    Args:
        header: the quote's.
        body: the enclave report.
        described: whether there is a descriptor, as format 5 has it.
    """
    content = body.build()
    descriptor = layout.DESCRIPTOR.pack(layout.BODY_TYPE_SGX, len(content)) if described else b""
    return header.build() + descriptor + content
