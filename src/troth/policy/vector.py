# SPDX-License-Identifier: Apache-2.0
"""Trust vectors and their tiers (draft-ietf-rats-ar4si §2.3)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

__all__ = ["Tier", "TrustVector", "tier_of"]

Tier = Literal["none", "affirming", "warning", "contraindicated"]
Claim = Annotated[int, Meta(ge=-128, le=127)]

# AR4SI §2.3.2: the magnitude at which a tier begins; negative values mirror it, one further out.
_AFFIRMING: Final = 2
_WARNING: Final = 32
_CONTRAINDICATED: Final = 96
_ORDER: Final[tuple[Tier, ...]] = ("none", "affirming", "warning", "contraindicated")


class TrustVector(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The eight claims of AR4SI, each from -128 to 127; 0 says nothing."""

    instance_identity: Claim = 0
    configuration: Claim = 0
    executables: Claim = 0
    file_system: Claim = 0
    hardware: Claim = 0
    runtime_opaque: Claim = 0
    storage_opaque: Claim = 0
    sourced_data: Claim = 0

    @property
    def status(self) -> Tier:
        """The worst tier of any claim; `none` if no claim says anything."""
        tiers = (tier_of(one) for one in msgspec.structs.astuple(self))
        return max(tiers, key=_ORDER.index)


def tier_of(claim: int) -> Tier:
    """Return the tier of one claim's value."""
    magnitude = claim if claim >= 0 else -claim - 1
    if magnitude >= _CONTRAINDICATED:
        return "contraindicated"
    if magnitude >= _WARNING:
        return "warning"
    # -1 and 1 are about the verifier, not the attester.
    return "affirming" if abs(claim) >= _AFFIRMING else "none"
