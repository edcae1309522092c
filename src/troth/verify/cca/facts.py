# SPDX-License-Identifier: Apache-2.0
"""What is known of a realm once its token has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.evidence.cca import CcaToken, PlatformClaims, RealmClaims
from troth.verify.anchors import Anchor

__all__ = ["CcaFacts"]


class CcaFacts(msgspec.Struct, frozen=True):
    """The contents of a genuine token. `anchor` is the platform's own key."""

    token: CcaToken
    anchor: Anchor
    at: datetime

    @property
    def platform(self) -> PlatformClaims:
        """What the platform says of itself."""
        return self.token.platform

    @property
    def realm(self) -> RealmClaims:
        """What the monitor says of the realm."""
        return self.token.realm
