# SPDX-License-Identifier: Apache-2.0
"""What is known of a TPM once its quote has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.crypto.tpm_key import TpmKey
from troth.evidence.tpm import Registers, TpmQuote
from troth.verify.anchors import Anchor

__all__ = ["QuotedFacts", "TpmFacts"]


class QuotedFacts(msgspec.Struct, frozen=True):
    """A genuine quote, the registers that it covers, and the key that signed it."""

    quote: TpmQuote
    registers: Registers
    key: TpmKey


class TpmFacts(msgspec.Struct, frozen=True):
    """The contents of genuine evidence. `anchor` is the root's key, or the pinned key itself."""

    quoted: QuotedFacts
    anchor: Anchor
    at: datetime
