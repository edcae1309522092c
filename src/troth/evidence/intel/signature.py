# SPDX-License-Identifier: Apache-2.0
"""The signature section of quote formats 4 and 5.

    u32 length, then exactly that many bytes:
     64  quote signature r‖s          64  attestation key x‖y
      2  certification data type = 6   4  length, exactly consumed by:
         384  QE report               64  QE report signature r‖s
           2  QE auth data length A    A  QE auth data
           2  certification data type  4  length   …  certification data

Source: Intel TDX DCAP Quoting Library API, appendix A.3.4 to A.3.8.
"""

from __future__ import annotations

import struct
from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.intel.layout import (
    CERT_PCK_CHAIN,
    CERT_QE_REPORT,
    CERT_UNSUPPORTED,
    ENCLAVE_REPORT_BYTES,
)
from troth.wire.reader import Reader

__all__ = ["SignatureSection"]

_BLOCK: Final = struct.Struct("<HI")


class SignatureSection(msgspec.Struct, frozen=True):
    """The parts of a signature section, each as carried."""

    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_report_signature: bytes
    qe_auth_data: bytes
    certification_type: int
    certification_data: bytes

    @classmethod
    def parse(cls, reader: Reader) -> Self:
        """Read a section off `reader`, its length field first.

        Raises:
            MalformedError: `wire.truncated`, `quote.signature-length`,
                `quote.certification-type`, `quote.certification-length` or
                `unsupported.certification-data`.
        """
        size = reader.little(4, "signature section length")
        if size > reader.left:
            raise MalformedError("quote.signature-length", f"{size} of {reader.left} bytes")
        outer = Reader(reader.take(size, "signature section"))
        signature = outer.take(64, "quote signature")
        attestation_key = outer.take(64, "attestation key")
        outer_type = outer.little(2, "certification data type")
        if outer_type != CERT_QE_REPORT:
            raise MalformedError("quote.certification-type", f"outer type {outer_type}, 6 is due")
        block = outer.little(4, "certification data length")
        if block > outer.left:
            raise MalformedError("quote.certification-length", f"{block} of {outer.left} bytes")
        inner = Reader(outer.take(block, "certification data"))
        outer.finish("quote.signature-length", "the signature section")
        section = cls(signature, attestation_key, *_qe_block(inner))
        inner.finish("quote.certification-length", "the QE report block")
        return section

    def build(self) -> bytes:
        """Return the bytes of this section, the length field first."""
        inner = b"".join(
            (
                self.qe_report,
                self.qe_report_signature,
                len(self.qe_auth_data).to_bytes(2, "little"),
                self.qe_auth_data,
                _BLOCK.pack(self.certification_type, len(self.certification_data)),
                self.certification_data,
            )
        )
        outer = b"".join(
            (
                self.signature,
                self.attestation_key,
                _BLOCK.pack(CERT_QE_REPORT, len(inner)),
                inner,
            )
        )
        return len(outer).to_bytes(4, "little") + outer


def _qe_block(inner: Reader) -> tuple[bytes, bytes, bytes, int, bytes]:
    report = inner.take(ENCLAVE_REPORT_BYTES, "QE report")
    signature = inner.take(64, "QE report signature")
    auth_data = inner.take(inner.little(2, "QE auth data length"), "QE auth data")
    kind = inner.little(2, "inner certification data type")
    if kind in CERT_UNSUPPORTED:
        raise MalformedError("unsupported.certification-data", f"type {kind}; 5, a PCK chain, is")
    if kind != CERT_PCK_CHAIN:
        raise MalformedError("quote.certification-type", f"inner type {kind}, 5 is due")
    size = inner.little(4, "inner certification data length")
    if size > inner.left:
        raise MalformedError("quote.certification-length", f"{size} of {inner.left} bytes")
    return report, signature, auth_data, kind, inner.take(size, "PCK chain")
