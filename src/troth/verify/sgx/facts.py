# SPDX-License-Identifier: Apache-2.0
"""What is known of an enclave once its quote has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.endorse.intel import CollateralSet
from troth.evidence.intel import EnclaveReport
from troth.evidence.sgx import SgxQuote
from troth.verify.anchors import Anchor
from troth.verify.intel.tcb import TcbOutcome

__all__ = ["SgxFacts"]


class SgxFacts(msgspec.Struct, frozen=True):
    """The contents of a genuine quote and the outcome of its appraisal.

    `tcb` and `collateral` are None exactly where the caller said `WithoutCollateral`.
    """

    quote: SgxQuote
    anchor: Anchor
    at: datetime
    tcb: TcbOutcome | None
    collateral: CollateralSet | None

    @property
    def body(self) -> EnclaveReport:
        """The enclave's report."""
        return self.quote.body

    @property
    def trailing_bytes(self) -> int:
        """How many bytes stood behind the quote."""
        return len(self.quote.tail)

    @property
    def status(self) -> str:
        """The TCB status, or `unknown` where there was no collateral."""
        return "unknown" if self.tcb is None else self.tcb.status
