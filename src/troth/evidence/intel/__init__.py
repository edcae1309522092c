# SPDX-License-Identifier: Apache-2.0
"""What TDX and SGX quotes share: header, enclave report, signature section, PCK certificate."""

from troth.evidence.intel.header import QuoteHeader
from troth.evidence.intel.pck import PckChain, PckExtension
from troth.evidence.intel.report import EnclaveReport
from troth.evidence.intel.signature import SignatureSection

__all__ = ["EnclaveReport", "PckChain", "PckExtension", "QuoteHeader", "SignatureSection"]
