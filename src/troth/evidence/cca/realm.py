# SPDX-License-Identifier: Apache-2.0
"""The realm claims: what the realm management monitor says of one realm."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.cca.claims import Claims
from troth.evidence.cca.layout import (
    CHALLENGE_BYTES,
    HASH_BYTES,
    HASHES,
    LEGACY,
    PERSONALIZATION_BYTES,
    RAK_POINT_BYTES,
    REALM_PROFILES,
    REM_COUNT,
    Realm,
)
from troth.wire import cbor

__all__ = ["RealmClaims"]


class RealmClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a realm token.

    `rak` is the key's claim as it was carried: what the platform's challenge is a digest of.
    """

    challenge: bytes
    personalization_value: bytes
    rim: bytes
    rems: tuple[bytes, ...]
    hash_algorithm: str
    rak: bytes
    rak_hash_algorithm: str
    profile: str | None = None
    others: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the payload of a realm token.

        Raises:
            MalformedError: `cbor.*`, `cca.claim-missing`, `cca.claim`, `unsupported.profile`,
                `unsupported.algorithm`.
        """
        claims = Claims.parse(data, "realm")
        label = Realm
        profile = claims.optional_text(label.PROFILE, "profile")
        if profile is not None and profile not in REALM_PROFILES:
            raise MalformedError("unsupported.profile", f"realm profile {profile!r}")
        return cls(
            profile=profile,
            challenge=claims.raw(label.CHALLENGE, "challenge", (CHALLENGE_BYTES,)),
            personalization_value=claims.raw(
                label.PERSONALIZATION, "personalization value", (PERSONALIZATION_BYTES,)
            ),
            rim=claims.raw(label.RIM, "initial measurement", HASH_BYTES),
            rems=tuple(
                claims.raw_list(label.REMS, "extensible measurements", REM_COUNT, HASH_BYTES)
            ),
            hash_algorithm=claims.hash_algorithm(label.HASH_ALGORITHM, "hash algorithm"),
            # A legacy token has a bare point; the form of the other is the key's own.
            rak=claims.raw(
                label.RAK, "public key", (RAK_POINT_BYTES,) if profile is None else None
            ),
            rak_hash_algorithm=claims.hash_algorithm(
                label.RAK_HASH_ALGORITHM, "public key's hash algorithm"
            ),
            others=claims.others,
        )

    def value(self) -> dict[int, Any]:
        """Return the map of these claims, without `others`."""
        label = Realm
        members = {
            label.CHALLENGE: self.challenge,
            label.PROFILE: self.profile,
            label.PERSONALIZATION: self.personalization_value,
            label.HASH_ALGORITHM: self.hash_algorithm,
            label.RAK: self.rak,
            label.RIM: self.rim,
            label.REMS: [*self.rems],
            label.RAK_HASH_ALGORITHM: self.rak_hash_algorithm,
        }
        return {key: one for key, one in members.items() if one is not None}

    def build(self) -> bytes:
        """Return a payload with these claims; a token's own bytes may spell them otherwise."""
        return cbor.encode(self.value())

    @property
    def profile_name(self) -> str:
        """The profile, `legacy` where the token names none."""
        return LEGACY if self.profile is None else self.profile

    @property
    def sizes_match(self) -> bool:
        """Whether each measurement has the size of the hash algorithm that the token names.

        Tokens in the field have others, so this is policy's to judge and no matter of form.
        """
        size = HASHES[self.hash_algorithm]
        return all(len(one) == size for one in (self.rim, *self.rems))
