# SPDX-License-Identifier: Apache-2.0
"""A software CCA: one realm on one platform, with the keys of both.

    tee = SoftwareCca.create(at=now)
    tee.extend(0, digest)
    token, store = tee.token(challenge), tee.store()

No files, no clock: `store` saves and loads one, and the instant is the caller's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self, Unpack

import msgspec
from msgspec.structs import replace

from troth.crypto.digest import digest_by_name
from troth.crypto.signing_key import SigningKey
from troth.endorse.arm import Cpak
from troth.evidence.cca import PlatformClaims, RealmClaims, SoftwareComponent
from troth.evidence.cca.layout import INSTANCE_ID_TYPE, LEGACY_PLATFORM_PROFILE, PLATFORM_PROFILE
from troth.tsm.emulated.cca.issue import TokenChanges, issue
from troth.tsm.emulated.cca.realm import RunningRealm, launched
from troth.tsm.emulated.cca.settings import Component, Settings
from troth.wire import base64url, json

__all__ = ["Keys", "SoftwareCca"]

DEFAULT: Final = Settings()
_ID_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keys:
    """The platform's attestation key and the realm's."""

    cpak: SigningKey
    rak: SigningKey


class SoftwareCca:
    """A realm that can be measured into and attested. Not safe for several threads at once."""

    def __init__(
        self,
        settings: Settings,
        at: datetime,
        keys: Keys,
        *,
        registers: tuple[bytes, ...] | None = None,
    ) -> None:
        """Put a software CCA together; `create` and `store.load` are the usual ways.

        Args:
            settings: what it is like, its ids and measurements chosen.
            at: the instant of its creation, aware.
            keys: of the platform and the realm.
            registers: REM0 to REM3, if not as at launch.
        """
        self.settings = settings
        self.at = at
        self.keys = keys
        first = tuple(bytes.fromhex(one) for one in settings.realm.rems or ())
        self._realm = RunningRealm(settings.realm, keys.rak, registers or first)

    @classmethod
    def create(cls, settings: Settings = DEFAULT, *, at: datetime) -> Self:
        """Launch a realm on a new platform with fresh keys.

        Args:
            settings: what it is like.
            at: the instant of creation, aware.

        Raises:
            ValueError: a setting is out of its range or does not fit another, or `at` is not aware.
        """
        if at.tzinfo is None:
            raise ValueError("the instant has no time zone")
        settings = _chosen(_checked(settings))
        keys = Keys(
            cpak=SigningKey.generate(settings.platform.curve),
            rak=SigningKey.generate(settings.realm.curve),
        )
        return cls(settings, at.replace(microsecond=0), keys)

    @property
    def cpak(self) -> Cpak:
        """The platform's public key, under which tokens of this platform are genuine."""
        platform = self.settings.platform
        return Cpak(
            implementation_id=bytes.fromhex(platform.implementation_id),
            instance_id=bytes.fromhex(platform.instance_id or ""),
            key=self.keys.cpak.public,
        )

    def store(self) -> bytes:
        """Return the store of platform keys, as JSON, that has this platform alone."""
        own, size = self.cpak, self.cpak.key.curve.size
        x, y = own.key.raw[:size], own.key.raw[size:]
        jwk = {"kty": "EC", "crv": own.key.curve.name, "x": x, "y": y}
        entry = {
            "implementation-id": own.implementation_id.hex(),
            "instance-id": own.instance_id.hex(),
            "pkey": {
                name: base64url.encode(one) if isinstance(one, bytes) else one
                for name, one in jwk.items()
            },
        }
        return json.encode([entry])

    def registers(self) -> tuple[bytes, ...]:
        """Return the values of REM0 to REM3, of the realm's hash algorithm."""
        return self._realm.registers

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a REM; see `RunningRealm.extend`.

        Raises:
            DriverError: `tsm.register`.
        """
        self._realm.extend(index, digest)

    def token(self, challenge: bytes, **changes: Unpack[TokenChanges]) -> bytes:
        """Return a token for `challenge`, 64 bytes.

        Args:
            challenge: what the token is for.
            changes: what is to be different from a sound token, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`.
        """
        realm = self._realm.claims(challenge, changes.get("rak"))
        return issue(self._platform_claims(realm), realm, self.keys.cpak, self.keys.rak, changes)

    def _platform_claims(self, realm: RealmClaims) -> PlatformClaims:
        own = self.settings.platform
        legacy = own.profile == "legacy"
        return PlatformClaims(
            profile=LEGACY_PLATFORM_PROFILE if legacy else PLATFORM_PROFILE,
            challenge=digest_by_name(realm.rak_hash_algorithm, realm.rak),
            implementation_id=bytes.fromhex(own.implementation_id),
            instance_id=bytes.fromhex(own.instance_id or ""),
            config=bytes.fromhex(own.config),
            lifecycle=own.lifecycle,
            components=tuple(_component(one) for one in own.components),
            hash_algorithm=own.hash_algorithm,
            verification_service=own.verification_service,
        )


def _component(one: Component) -> SoftwareComponent:
    return SoftwareComponent(
        type=one.type,
        version=one.version,
        measurement=bytes.fromhex(one.measurement),
        signer_id=bytes.fromhex(one.signer_id),
        hash_algorithm=one.hash_algorithm,
    )


def _checked(settings: Settings) -> Settings:
    """Hold settings to the constraints of their types, as reading them from a file would."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _chosen(settings: Settings) -> Settings:
    """Choose what the settings leave open."""
    own = settings.platform
    chosen = own.instance_id or f"{INSTANCE_ID_TYPE:02x}{secrets.token_hex(_ID_BYTES)}"
    return replace(
        settings, platform=replace(own, instance_id=chosen), realm=launched(settings.realm)
    )
