# SPDX-License-Identifier: Apache-2.0
"""The platform claims: what the platform's root of trust says of its firmware and itself."""

from __future__ import annotations

from typing import Any, Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.cca.claims import Claims
from troth.evidence.cca.layout import (
    HASH_BYTES,
    IMPLEMENTATION_ID_BYTES,
    INSTANCE_ID_BYTES,
    INSTANCE_ID_TYPE,
    LIFECYCLES,
    MOST_COMPONENTS,
    PLATFORM_PROFILES,
    Component,
    Platform,
)
from troth.wire import cbor

__all__ = ["PlatformClaims", "SoftwareComponent"]

_LIFECYCLE_MAX: Final = 0xFFFF
_SECURED: Final = "secured"
_DEBUG: Final = frozenset({"non-cca-platform-rot-debug", "recoverable-cca-platform-rot-debug"})


class SoftwareComponent(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of firmware: its digest, who signed it, and what it is called."""

    measurement: bytes
    signer_id: bytes
    type: str | None = None
    version: str | None = None
    hash_algorithm: str | None = None

    @classmethod
    def of(cls, claims: Claims) -> Self:
        """Read one component; measurement and signer are due.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`, `unsupported.algorithm`.
        """
        label = Component
        named = claims.has(label.HASH_ALGORITHM)
        return cls(
            measurement=claims.raw(label.MEASUREMENT, "measurement", HASH_BYTES),
            signer_id=claims.raw(label.SIGNER_ID, "signer id", HASH_BYTES),
            type=claims.optional_text(label.TYPE, "type"),
            version=claims.optional_text(label.VERSION, "version"),
            hash_algorithm=(
                claims.hash_algorithm(label.HASH_ALGORITHM, "hash algorithm") if named else None
            ),
        )

    def value(self) -> dict[int, Any]:
        """Return the map of this component, without what is absent."""
        label = Component
        members = {
            label.TYPE: self.type,
            label.MEASUREMENT: self.measurement,
            label.VERSION: self.version,
            label.SIGNER_ID: self.signer_id,
            label.HASH_ALGORITHM: self.hash_algorithm,
        }
        return {key: one for key, one in members.items() if one is not None}


class PlatformClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a platform token. `challenge` is the digest of the realm's key."""

    profile: str
    challenge: bytes
    implementation_id: bytes
    instance_id: bytes
    config: bytes
    lifecycle: int
    components: tuple[SoftwareComponent, ...]
    hash_algorithm: str
    verification_service: str | None = None
    others: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the payload of a platform token.

        Raises:
            MalformedError: `cbor.*`, `cca.claim-missing`, `cca.claim`, `unsupported.profile`,
                `unsupported.algorithm`.
        """
        claims = Claims.parse(data, "platform")
        label = Platform
        profile = claims.text(label.PROFILE, "profile")
        if profile not in PLATFORM_PROFILES:
            raise MalformedError("unsupported.profile", f"platform profile {profile!r}")
        instance_id = claims.raw(label.INSTANCE_ID, "instance id", (INSTANCE_ID_BYTES,))
        if instance_id[0] != INSTANCE_ID_TYPE:
            raise MalformedError("cca.claim", "platform: instance id is not of type 0x01")
        return cls(
            profile=profile,
            instance_id=instance_id,
            challenge=claims.raw(label.CHALLENGE, "challenge", HASH_BYTES),
            implementation_id=claims.raw(
                label.IMPLEMENTATION_ID, "implementation id", (IMPLEMENTATION_ID_BYTES,)
            ),
            config=claims.raw(label.CONFIG, "config"),
            lifecycle=claims.number(label.LIFECYCLE, "lifecycle", _LIFECYCLE_MAX),
            components=tuple(
                SoftwareComponent.of(one)
                for one in claims.maps(label.COMPONENTS, "components", MOST_COMPONENTS)
            ),
            hash_algorithm=claims.hash_algorithm(label.HASH_ALGORITHM, "hash algorithm"),
            verification_service=claims.optional_text(
                label.VERIFICATION_SERVICE, "verification service"
            ),
            others=claims.others,
        )

    def value(self) -> dict[int, Any]:
        """Return the map of these claims, without `others`."""
        label = Platform
        members = {
            label.PROFILE: self.profile,
            label.CHALLENGE: self.challenge,
            label.IMPLEMENTATION_ID: self.implementation_id,
            label.INSTANCE_ID: self.instance_id,
            label.CONFIG: self.config,
            label.LIFECYCLE: self.lifecycle,
            label.COMPONENTS: [one.value() for one in self.components],
            label.VERIFICATION_SERVICE: self.verification_service,
            label.HASH_ALGORITHM: self.hash_algorithm,
        }
        return {key: one for key, one in members.items() if one is not None}

    def build(self) -> bytes:
        """Return a payload with these claims; a token's own bytes may spell them otherwise."""
        return cbor.encode(self.value())

    @property
    def lifecycle_state(self) -> str:
        """The lifecycle in a word, `unassigned` where the document gives its range no meaning."""
        return LIFECYCLES.get(self.lifecycle >> 8, "unassigned")

    @property
    def secured(self) -> bool:
        """Whether the platform is deployed and closed (0x3000 to 0x30FF)."""
        return self.lifecycle_state == _SECURED

    @property
    def debug(self) -> bool:
        """Whether somebody may look into the platform or its realms (0x40xx, 0x50xx)."""
        return self.lifecycle_state in _DEBUG
