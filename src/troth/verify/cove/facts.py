# SPDX-License-Identifier: Apache-2.0
"""What is known of a TVM once its token has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.evidence.cove import CoveToken, PlatformClaims, TsmClaims, TvmClaims
from troth.verify.anchors import Anchor

__all__ = ["CoveFacts"]


class CoveFacts(msgspec.Struct, frozen=True):
    """The contents of a genuine token.

    `at` is the instant of the judgement; nothing in a token of this draft has a date.
    """

    token: CoveToken
    anchor: Anchor
    at: datetime

    @property
    def platform(self) -> PlatformClaims:
        """What the root of trust says of the platform."""
        return self.token.platform

    @property
    def tsm(self) -> TsmClaims:
        """What the platform says of the TSM."""
        return self.token.tsm

    @property
    def tvm(self) -> TvmClaims:
        """What the TSM says of the TVM."""
        return self.token.tvm
