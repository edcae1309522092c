# SPDX-License-Identifier: Apache-2.0
"""The claims of the three layers: what each token says, read from and written as a CBOR map.

Source: RISC-V CoVE, draft 0.7, "Platform Token", "TSM Token" and "TVM Token". The maps of the
draft are closed, so an unknown claim is refused. Every layer has labels of its own, so that a token
of one layer never reads as one of another, whoever signed it.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from troth.crypto.verifying_key import VerifyingKey
from troth.errors import MalformedError
from troth.evidence.cove import labels
from troth.evidence.cove.fields import Fields, known_hash
from troth.evidence.cove.labels import (
    ComponentField,
    HashName,
    Label,
    MeasurementField,
    PlatformState,
)

__all__ = ["Component", "Measurement", "PlatformClaims", "TsmClaims", "TvmClaims"]

ClaimMap = dict[int, object]

_C, _M = ComponentField, MeasurementField
_COMPONENT: Final = frozenset({_C.TYPE, _C.MEASUREMENT, _C.SVN, _C.SIGNER, _C.ALGORITHM})
_PLATFORM: Final = frozenset(
    {
        Label.PROFILE,
        Label.PLATFORM_PUBLIC_KEY,
        Label.PLATFORM_MANUFACTURER_ID,
        Label.PLATFORM_STATE,
        Label.PLATFORM_SW_COMPONENTS,
    }
)
_TSM: Final = frozenset({Label.TSM_PUBLIC_KEY, Label.TSM_SW_COMPONENTS})
_TVM: Final = frozenset({Label.NONCE, Label.TVM_PUBLIC_KEY, Label.TVM_INITIAL_MEASUREMENTS})
_TVM_MAY: Final = frozenset({Label.TVM_IDENTITY, Label.TVM_RUNTIME_MEASUREMENTS})


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One software component; `manifest` and `signer` are digests of the same algorithm."""

    kind: str
    measurement: bytes
    svn: str
    signer: bytes
    algorithm: HashName
    manifest: bytes | None = None

    @classmethod
    def of(cls, value: object, where: str) -> Self:
        """Read a decoded component.

        Raises:
            MalformedError: `cove.claims`, `cove.digest-size`, `unsupported.algorithm`.
        """
        fields = Fields(value, where, due=_COMPONENT, may=frozenset({_C.MANIFEST}))
        algorithm = known_hash(fields.text(_C.ALGORITHM))
        return cls(
            kind=fields.text(_C.TYPE),
            measurement=fields.digest(_C.MEASUREMENT, algorithm),
            svn=fields.text(_C.SVN),
            signer=fields.digest(_C.SIGNER, algorithm),
            algorithm=algorithm,
            manifest=fields.optional_digest(_C.MANIFEST, algorithm),
        )

    def map(self) -> ClaimMap:
        """Return the component as a CBOR map."""
        value: ClaimMap = {
            _C.TYPE.value: self.kind,
            _C.MEASUREMENT.value: self.measurement,
            _C.SVN.value: self.svn,
            _C.SIGNER.value: self.signer,
            _C.ALGORITHM.value: self.algorithm.value,
        }
        if self.manifest is not None:
            value[_C.MANIFEST.value] = self.manifest
        return value


class Measurement(msgspec.Struct, frozen=True):
    """One measurement register."""

    index: int
    value: bytes
    algorithm: HashName

    @classmethod
    def of(cls, value: object, where: str) -> Self:
        """Read a decoded register.

        Raises:
            MalformedError: `cove.claims`, `cove.digest-size`, `unsupported.algorithm`.
        """
        fields = Fields(value, where, due=frozenset(_M))
        algorithm = known_hash(fields.text(_M.ALGORITHM))
        return cls(
            fields.number(_M.INDEX, labels.REGISTER_INDEX_MAX),
            fields.digest(_M.VALUE, algorithm),
            algorithm,
        )

    def map(self) -> ClaimMap:
        """Return the register as a CBOR map."""
        return {
            _M.INDEX.value: self.index,
            _M.VALUE.value: self.value,
            _M.ALGORITHM.value: self.algorithm.value,
        }


class PlatformClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the root of trust says of the platform."""

    key: VerifyingKey
    manufacturer_id: bytes
    state: PlatformState
    components: tuple[Component, ...]

    @classmethod
    def of(cls, value: object) -> Self:
        """Read the decoded claims.

        Raises:
            MalformedError: `cove.claims`, `cove.count`, `cove.digest-size`, `cose.key`,
                `cose.point`, `unsupported.profile`, `unsupported.algorithm`.
        """
        fields = Fields(value, "platform", due=_PLATFORM)
        if (profile := fields.text(Label.PROFILE)) != labels.PROFILE:
            raise MalformedError("unsupported.profile", profile)
        state = fields.number(Label.PLATFORM_STATE, max(PlatformState))
        if not state:
            raise MalformedError("cove.claims", "platform: state 0")
        items = fields.items(Label.PLATFORM_SW_COMPONENTS, labels.PLATFORM_COMPONENT_COUNT)
        return cls(
            key=fields.signing_key(Label.PLATFORM_PUBLIC_KEY),
            manufacturer_id=fields.data(
                Label.PLATFORM_MANUFACTURER_ID, labels.MANUFACTURER_ID_BYTES
            ),
            state=PlatformState(state),
            components=tuple(Component.of(one, "platform component") for one in items),
        )

    def map(self) -> ClaimMap:
        """Return the claims as a CBOR map."""
        return {
            Label.PROFILE.value: labels.PROFILE,
            Label.PLATFORM_PUBLIC_KEY.value: self.key.cose(),
            Label.PLATFORM_MANUFACTURER_ID.value: self.manufacturer_id,
            Label.PLATFORM_STATE.value: self.state.value,
            Label.PLATFORM_SW_COMPONENTS.value: [one.map() for one in self.components],
        }


class TsmClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform says of the TSM: TSM driver and TSM, in this order."""

    key: VerifyingKey
    components: tuple[Component, ...]

    @classmethod
    def of(cls, value: object) -> Self:
        """Read the decoded claims.

        Raises:
            MalformedError: as `PlatformClaims.of`.
        """
        fields = Fields(value, "tsm", due=_TSM)
        items = fields.items(Label.TSM_SW_COMPONENTS, labels.TSM_COMPONENT_COUNT)
        return cls(
            key=fields.signing_key(Label.TSM_PUBLIC_KEY),
            components=tuple(Component.of(one, "tsm component") for one in items),
        )

    def map(self) -> ClaimMap:
        """Return the claims as a CBOR map."""
        return {
            Label.TSM_PUBLIC_KEY.value: self.key.cose(),
            Label.TSM_SW_COMPONENTS.value: [one.map() for one in self.components],
        }


class TvmClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the TSM says of the TVM. `public_key` is a COSE_Key of the TVM's choice, as carried."""

    challenge: bytes
    public_key: bytes
    initial: tuple[Measurement, ...]
    runtime: tuple[Measurement, ...] = ()
    identity: bytes | None = None

    @classmethod
    def of(cls, value: object) -> Self:
        """Read the decoded claims.

        Raises:
            MalformedError: as `PlatformClaims.of`, and `cove.register`.
        """
        fields = Fields(value, "tvm", due=_TVM, may=_TVM_MAY)
        initial = fields.items(Label.TVM_INITIAL_MEASUREMENTS, labels.INITIAL_COUNT)
        runtime = fields.optional_items(Label.TVM_RUNTIME_MEASUREMENTS, labels.RUNTIME_COUNT)
        return cls(
            challenge=fields.data(Label.NONCE, labels.CHALLENGE_BYTES),
            public_key=fields.public_key(Label.TVM_PUBLIC_KEY),
            initial=_registers(initial, "initial measurement"),
            runtime=_registers(runtime, "runtime measurement"),
            identity=fields.optional_data(Label.TVM_IDENTITY, labels.IDENTITY_BYTES),
        )

    def map(self) -> ClaimMap:
        """Return the claims as a CBOR map; what is optional and not there is left out."""
        value: ClaimMap = {
            Label.NONCE.value: self.challenge,
            Label.TVM_PUBLIC_KEY.value: self.public_key,
            Label.TVM_INITIAL_MEASUREMENTS.value: [one.map() for one in self.initial],
        }
        if self.identity is not None:
            value[Label.TVM_IDENTITY.value] = self.identity
        if self.runtime:
            value[Label.TVM_RUNTIME_MEASUREMENTS.value] = [one.map() for one in self.runtime]
        return value


def _registers(items: list[object], where: str) -> tuple[Measurement, ...]:
    """Read the registers of one list, none of them twice: which value counts would be a guess."""
    found = tuple(Measurement.of(one, where) for one in items)
    if len({one.index for one in found}) != len(found):
        raise MalformedError("cove.register", f"{where}: a register stands there twice")
    return found
