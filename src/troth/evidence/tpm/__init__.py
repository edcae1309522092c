# SPDX-License-Identifier: Apache-2.0
"""TPM 2.0 quotes: TPMS_ATTEST, TPMT_SIGNATURE, public areas, registers; parsers and builders.

evidence = TpmEvidence.parse(data)   # MalformedError, or a quote with its registers and its key
evidence.quote.extra_data            # claims; nothing is verified
evidence.quote.build() == evidence.message
"""

from troth.evidence.tpm.attest import ClockInfo, TpmQuote
from troth.evidence.tpm.describe import describe_tpm
from troth.evidence.tpm.evidence import TpmDocument, TpmEvidence
from troth.evidence.tpm.key import AttestationKey, KeyText
from troth.evidence.tpm.public import TpmPublic
from troth.evidence.tpm.registers import Registers, digest_of
from troth.evidence.tpm.root_register import ROOT_REGISTERS, root_register
from troth.evidence.tpm.selection import PcrSelection
from troth.evidence.tpm.signature import TpmSignature

__all__ = [
    "ROOT_REGISTERS",
    "AttestationKey",
    "ClockInfo",
    "KeyText",
    "PcrSelection",
    "Registers",
    "TpmDocument",
    "TpmEvidence",
    "TpmPublic",
    "TpmQuote",
    "TpmSignature",
    "describe_tpm",
    "digest_of",
    "root_register",
]
