# SPDX-License-Identifier: Apache-2.0
"""A software CoVE: one TVM on one platform, with the keys of every layer.

    tee = SoftwareCove.create(at=now)
    tee.extend(0, digest)
    token, roots = tee.token(challenge), tee.roots()

On hardware each layer's key is derived from the one above and its measurements (DICE); here keys
are drawn at creation, which no verifier can tell. No files, no clock: `store` saves and loads one,
and the instant is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self, Unpack

import msgspec
from msgspec.structs import replace

from troth.crypto.signing_key import SigningKey
from troth.endorse.riscv import CoveRoot, build_roots
from troth.evidence.cove import (
    Component,
    HashName,
    Layer,
    PlatformClaims,
    PlatformState,
    TsmClaims,
)
from troth.tsm.emulated.cove import settings as like
from troth.tsm.emulated.cove.issue import TokenChanges, issue
from troth.tsm.emulated.cove.settings import Settings
from troth.tsm.emulated.cove.tvm import RunningTvm, launched

__all__ = ["Keys", "SoftwareCove"]

DEFAULT: Final = Settings()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keys:
    """The keys of the root of trust, the platform, the TSM and the TVM."""

    root: SigningKey
    platform: SigningKey
    tsm: SigningKey
    tvm: SigningKey


class SoftwareCove:
    """A TVM that can be measured into and attested. Not safe for several threads at once."""

    def __init__(
        self,
        settings: Settings,
        at: datetime,
        keys: Keys,
        *,
        registers: tuple[bytes, ...] | None = None,
    ) -> None:
        """Put a software CoVE together; `create` and `store.load` are the usual ways.

        Args:
            settings: what it is like, its registers chosen.
            at: the instant of its creation, aware.
            keys: of its layers.
            registers: the runtime registers, if not as at launch.
        """
        first = tuple(bytes.fromhex(one) for one in settings.tvm.runtime or ())
        self.settings = settings
        self.at = at
        self.keys = keys
        self._tvm = RunningTvm(settings.tvm, first if registers is None else registers)

    @classmethod
    def create(cls, settings: Settings = DEFAULT, *, at: datetime) -> Self:
        """Launch a TVM on a new platform with fresh keys.

        Args:
            settings: what it is like.
            at: the instant of creation, aware.

        Raises:
            ValueError: a setting is out of its range or does not fit another, or `at` is not aware.
        """
        if at.tzinfo is None:
            raise ValueError("the instant has no time zone")
        settings = _checked(settings)
        settings = replace(settings, tvm=launched(settings.tvm))
        curves = settings.curves
        keys = Keys(
            root=SigningKey.generate(curves.root),
            platform=SigningKey.generate(curves.platform),
            tsm=SigningKey.generate(curves.tsm),
            tvm=SigningKey.generate(curves.tvm),
        )
        return cls(settings, at.replace(microsecond=0), keys)

    @property
    def root(self) -> CoveRoot:
        """The root of trust under which tokens of this platform are genuine."""
        platform = self.settings.platform
        return CoveRoot(
            name=platform.root_name,
            manufacturer_id=bytes.fromhex(platform.manufacturer_id),
            key=self.keys.root.public,
        )

    def roots(self) -> bytes:
        """Return the list of roots of trust, as JSON, that has this one alone."""
        return build_roots([self.root])

    def registers(self) -> tuple[bytes, ...]:
        """Return the values of the runtime registers."""
        return self._tvm.registers

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a runtime register; see `RunningTvm.extend`.

        Raises:
            DriverError: `tsm.register`.
        """
        self._tvm.extend(index, digest)

    def token(
        self,
        challenge: bytes,
        *,
        public_key: bytes | None = None,
        **changes: Unpack[TokenChanges],
    ) -> bytes:
        """Return a token for `challenge`, 64 bytes.

        Args:
            challenge: what the token is for.
            public_key: the COSE_Key that the TVM hands over; that of its own key if None.
            changes: what is to be different from a sound token, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`.
        """
        key = self.keys.tvm.public.cose() if public_key is None else public_key
        claims = {
            Layer.PLATFORM: self._platform_claims().map(),
            Layer.TSM: self._tsm_claims().map(),
            Layer.TVM: self._tvm.claims(challenge, key).map(),
        }
        signers = {
            Layer.PLATFORM: self.keys.root,
            Layer.TSM: self.keys.platform,
            Layer.TVM: self.keys.tsm,
        }
        return issue(claims, signers, self.keys.root.public.spki_sha256, changes)

    def _platform_claims(self) -> PlatformClaims:
        platform = self.settings.platform
        return PlatformClaims(
            key=self.keys.platform.public,
            manufacturer_id=bytes.fromhex(platform.manufacturer_id),
            state=next(one for one in PlatformState if one.word == platform.state),
            components=tuple(_component(one) for one in platform.components),
        )

    def _tsm_claims(self) -> TsmClaims:
        return TsmClaims(
            key=self.keys.tsm.public,
            components=tuple(_component(one) for one in self.settings.tsm.components),
        )


def _component(one: like.Component) -> Component:
    return Component(
        kind=one.type,
        measurement=bytes.fromhex(one.measurement),
        svn=one.svn,
        signer=bytes.fromhex(one.signer),
        algorithm=HashName(one.algorithm),
        manifest=None if one.manifest is None else bytes.fromhex(one.manifest),
    )


def _checked(settings: Settings) -> Settings:
    """Hold settings to the constraints of their types, as reading them from a file would."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
