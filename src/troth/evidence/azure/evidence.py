# SPDX-License-Identifier: Apache-2.0
"""Evidence of an Azure confidential VM as one JSON text, in the form that its verifiers share.

    {"version": 1, "hcl_report": base64url,
     "tpm_quote": {"message": TPMS_ATTEST, "signature": RSASSA with SHA-256, "pcrs": [24 values]},
     "vcek": DER in base64url      where the hardware is SNP
     "td_quote": base64url         where it is TDX}

Message, signature and registers are in hex. The form is that of confidential-containers/trustee,
az-snp-vtpm and az-tdx-vtpm, version 1. Its 24 registers are those of the SHA-256 bank; what the
quote does not cover of them is dropped here, for nothing vouches for it.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.azure.hcl import HclReport
from troth.evidence.tpm import Registers, TpmQuote, TpmSignature
from troth.evidence.tpm.layout import BANK_NUMBERS, BANKS, PCR_COUNT
from troth.wire import base64url, json
from troth.wire.text import parse_hex

__all__ = ["EVIDENCE_MAX_BYTES", "AzureDocument", "AzureEvidence", "QuoteText"]

EVIDENCE_MAX_BYTES: Final = 128 * 1024  # a TD quote has at most 64 KiB
_VERSION: Final = 1
_BANK: Final = "sha256"
_VALUE_BYTES: Final = BANKS[BANK_NUMBERS[_BANK]][1]


class QuoteText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member `tpm_quote`."""

    message: str
    signature: str
    pcrs: list[str]


class AzureDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON form, member by member."""

    version: int
    hcl_report: str
    tpm_quote: QuoteText
    vcek: str | msgspec.UnsetType = msgspec.UNSET
    td_quote: str | msgspec.UnsetType = msgspec.UNSET


class AzureEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Parsed evidence. Claims, not facts: only `troth.verify.azure` turns one into the other.

    Attributes:
        hcl: the paravisor's report.
        vcek: the certificate that comes with an SNP report, DER; empty for TDX.
        td_quote: the quote that comes with a TDREPORT; empty for SNP.
        message: the vTPM's TPMS_ATTEST.
        quote: what it says.
        signature: over `message`.
        registers: those that the quote covers.
    """

    hcl: HclReport
    vcek: bytes
    td_quote: bytes
    message: bytes
    quote: TpmQuote
    signature: TpmSignature
    registers: Registers

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read evidence.

        Args:
            data: at most 128 KiB.

        Raises:
            MalformedError: `json.*`, `wire.*`, `unsupported.*`, `azure.*`, `tpm.*`.
        """
        document = json.decode(data, AzureDocument, max_bytes=EVIDENCE_MAX_BYTES, max_depth=4)
        if document.version != _VERSION:
            raise MalformedError("unsupported.version", f"Azure evidence {document.version}; 1 is")
        hcl = HclReport.parse(_decoded(document.hcl_report))
        vcek, td_quote = _endorsements(document, hcl)
        message = parse_hex(document.tpm_quote.message)
        quote = TpmQuote.parse(message)
        signature = parse_hex(document.tpm_quote.signature)
        return cls(
            hcl=hcl,
            vcek=vcek,
            td_quote=td_quote,
            message=message,
            quote=quote,
            signature=TpmSignature("RSASSA", "sha256", signature),
            registers=_registers(document.tpm_quote.pcrs, quote),
        )


def _endorsements(document: AzureDocument, hcl: HclReport) -> tuple[bytes, bytes]:
    """Return the VCEK and the TD quote: the one that belongs to the hardware, and no other."""
    due, other = (
        (document.vcek, document.td_quote)
        if hcl.hardware == "snp"
        else (document.td_quote, document.vcek)
    )
    if not isinstance(due, str) or isinstance(other, str):
        raise MalformedError("azure.hardware", "a VCEK goes with SNP, a TD quote with TDX")
    found = _decoded(due)
    return (found, b"") if hcl.hardware == "snp" else (b"", found)


def _registers(values: list[str], quote: TpmQuote) -> Registers:
    if len(values) != PCR_COUNT:
        raise MalformedError("tpm.pcr-values", f"{len(values)} registers, {PCR_COUNT} are due")
    if [one.bank for one in quote.selections] != [_BANK]:
        raise MalformedError("tpm.pcr-values", "a quote over another bank than the registers'")
    found = [parse_hex(one, _VALUE_BYTES) for one in values]
    return {_BANK: {index: found[index] for index in quote.selections[0].registers}}


def _decoded(text: str) -> bytes:
    """Decode base64url with or without its padding: both are in use."""
    return base64url.decode(text.rstrip("=") if len(text) % 4 == 0 else text)
