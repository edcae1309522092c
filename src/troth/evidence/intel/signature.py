# SPDX-License-Identifier: Apache-2.0
"""The signature section of quote formats 3, 4 and 5.

    u32 length, then exactly that many bytes:
     64  quote signature r‖s          64  attestation key x‖y
      2  certification data type = 6   4  length, exactly consumed by:
         384  QE report               64  QE report signature r‖s
           2  QE auth data length A    A  QE auth data
           2  certification data type  4  length   …  certification data

Format 3 has the same without the line of type 6: the QE report follows the attestation key.

Sources: Intel TDX DCAP Quoting Library API, appendix A.3.4 to A.3.8; Intel SGX ECDSA Quote Library
Reference, appendix A.4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from typing import Final, Self

import msgspec

from troth.crypto.digest import sha256
from troth.errors import MalformedError
from troth.evidence.intel.layout import (
    CERT_PCK_CHAIN,
    CERT_QE_REPORT,
    CERT_UNSUPPORTED,
    ENCLAVE_REPORT_BYTES,
)
from troth.evidence.intel.pck import PckChain
from troth.evidence.intel.report import EnclaveReport
from troth.wire.reader import Reader

__all__ = ["QUOTE_SIGNATURE", "SectionReader", "SignatureSection", "read_section", "take_section"]

QUOTE_SIGNATURE: Final = slice(0, 64)
"""Where a section's content has the only part that is of one quote alone."""
_BLOCK: Final = struct.Struct("<HI")


class SignatureSection(msgspec.Struct, frozen=True, dict=True):
    """The parts of a signature section, each as carried."""

    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_report_signature: bytes
    qe_auth_data: bytes
    certification_type: int
    certification_data: bytes

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a section of format 4 or 5, without its length field.

        Raises:
            MalformedError: `wire.truncated`, `quote.signature-length`,
                `quote.certification-type`, `quote.certification-length` or
                `unsupported.certification-data`.
        """
        outer = Reader(content)
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

    @classmethod
    def parse_flat(cls, content: bytes) -> Self:
        """Read a section of format 3, without its length field.

        Raises:
            MalformedError: as `parse`.
        """
        outer = Reader(content)
        signature = outer.take(64, "quote signature")
        attestation_key = outer.take(64, "attestation key")
        section = cls(signature, attestation_key, *_qe_block(outer))
        outer.finish("quote.signature-length", "the signature section")
        return section

    @cached_property
    def report(self) -> EnclaveReport:
        """The quoting enclave's report."""
        return EnclaveReport.parse(self.qe_report)

    @cached_property
    def chain(self) -> PckChain:
        """The certificate chain of the key that signed the QE report.

        Raises:
            MalformedError, UntrustedError: as `PckChain.parse`.
        """
        return PckChain.parse(self.certification_data)

    @cached_property
    def platform_sha256(self) -> bytes:
        """SHA-256 of all parts but the quote's signature: who vouches for the attestation key."""
        parts = (
            self.chain.pem_sha256,  # 32
            self.attestation_key,  # 64
            self.qe_report,  # 384
            self.qe_report_signature,  # 64
            self.qe_auth_data,
        )
        return sha256(b"".join(parts))

    def adopt(self, chain: PckChain) -> None:
        """Take a chain that was read before, from the very bytes of this section, for `chain`."""
        self.__dict__["chain"] = chain

    def under(self, signature: bytes) -> SignatureSection:
        """Return the section that differs in the quote's signature alone, with all that was read.

        Args:
            signature: r‖s, 64 bytes.
        """
        other = SignatureSection(
            signature,
            self.attestation_key,
            self.qe_report,
            self.qe_report_signature,
            self.qe_auth_data,
            self.certification_type,
            self.certification_data,
        )
        other.__dict__.update(self.__dict__)
        return other

    def build_flat(self) -> bytes:
        """Return the bytes of this section in format 3, the length field first."""
        outer = self.signature + self.attestation_key + self._qe_block()
        return len(outer).to_bytes(4, "little") + outer

    def build(self) -> bytes:
        """Return the bytes of this section in formats 4 and 5, the length field first."""
        inner = self._qe_block()
        outer = b"".join(
            (
                self.signature,
                self.attestation_key,
                _BLOCK.pack(CERT_QE_REPORT, len(inner)),
                inner,
            )
        )
        return len(outer).to_bytes(4, "little") + outer

    def _qe_block(self) -> bytes:
        return b"".join(
            (
                self.qe_report,
                self.qe_report_signature,
                len(self.qe_auth_data).to_bytes(2, "little"),
                self.qe_auth_data,
                _BLOCK.pack(self.certification_type, len(self.certification_data)),
                self.certification_data,
            )
        )


SectionReader = Callable[[bytes, Callable[[bytes], SignatureSection]], SignatureSection]
"""Reads a section's content with one of the two parsers, or knows it from before."""


def read_section(content: bytes, parse: Callable[[bytes], SignatureSection]) -> SignatureSection:
    """Read a section's content: the `SectionReader` that knows nothing."""
    return parse(content)


def take_section(reader: Reader) -> bytes:
    """Take a section off `reader`, its length field first; return its content.

    Raises:
        MalformedError: `wire.truncated` or `quote.signature-length`.
    """
    size = reader.little(4, "signature section length")
    if size > reader.left:
        raise MalformedError("quote.signature-length", f"{size} of {reader.left} bytes")
    return reader.take(size, "signature section")


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
