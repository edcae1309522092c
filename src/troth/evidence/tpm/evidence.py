# SPDX-License-Identifier: Apache-2.0
"""A quote with all that it takes to verify it, as one JSON text. TPM standards name no such form.

{"kind": "tpm-quote", "version": 1,
 "message": TPMS_ATTEST, "signature": TPMT_SIGNATURE,        in hex
 "pcrs": {"sha256": {"0": value, …}, …},                      in hex; those quoted, no others
 "ak": {"certificates": PEM} or {"public": TPM2B_PUBLIC in hex} or {"pem": PEM}}
"""

from __future__ import annotations

from typing import Final, Literal, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.tpm.attest import TpmQuote
from troth.evidence.tpm.key import AttestationKey, KeyText
from troth.evidence.tpm.registers import Registers, check_selected, registers_from_text
from troth.evidence.tpm.signature import TpmSignature
from troth.wire import json
from troth.wire.text import parse_hex

__all__ = ["EVIDENCE_MAX_BYTES", "TpmDocument", "TpmEvidence"]

EVIDENCE_MAX_BYTES: Final = 128 * 1024  # five certificates of at most 16 KiB in PEM, and registers
_VERSION: Final = 1


class TpmDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON form, member by member."""

    kind: Literal["tpm-quote"]
    version: int
    message: str
    signature: str
    pcrs: dict[str, dict[str, str]]
    ak: KeyText

    def json(self) -> bytes:
        """Return the text."""
        return json.encode({name: getattr(self, name) for name in self.__struct_fields__})


class TpmEvidence(msgspec.Struct, frozen=True):
    """Parsed evidence. Claims, not facts: only `troth.verify.tpm` turns one into the other."""

    message: bytes
    quote: TpmQuote
    signature: TpmSignature
    registers: Registers
    ak: AttestationKey

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read evidence.

        Args:
            data: at most 128 KiB.

        Raises:
            MalformedError: `json.*`; `unsupported.version`; `wire.hex`, `wire.pem`; the codes of
                the parts.
            UntrustedError: `chain.algorithm`, a certificate for a kind of key that is not known.
        """
        document = json.decode(data, TpmDocument, max_bytes=EVIDENCE_MAX_BYTES, max_depth=4)
        if document.version != _VERSION:
            raise MalformedError("unsupported.version", f"TPM evidence {document.version}; 1 is")
        message = parse_hex(document.message)
        quote = TpmQuote.parse(message)
        signature = TpmSignature.parse(parse_hex(document.signature))
        registers = registers_from_text(document.pcrs)
        check_selected(quote.selections, registers)
        ak = AttestationKey.read(document.ak)
        _ = ak.key
        return cls(message, quote, signature, registers, ak)
