# SPDX-License-Identifier: Apache-2.0
"""What a software CCA platform and its realm are like, all adjustable.

`Settings()` is a secured platform of the profiles of 2023 with an ordinary realm. Byte strings are
lower-case hex, spelt as in the facts of a verified token.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from troth.crypto.digest import sha256
from troth.tsm.emulated.tdx.fields import U16, Frozen, Hex32, HexAny

__all__ = [
    "Component",
    "CurveName",
    "HashName",
    "Hex33",
    "Hex64",
    "Measurement",
    "Measurements",
    "Platform",
    "Profile",
    "Realm",
    "Settings",
]

Profile = Literal["2023", "legacy"]
CurveName = Literal["P-256", "P-384"]
HashName = Literal["sha-256", "sha-384", "sha-512"]
Hex33 = Annotated[str, Meta(pattern=r"^01[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
Measurement = Annotated[str, Meta(pattern=r"^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})\Z")]
Measurements = Annotated[tuple[Measurement, ...], Meta(min_length=4, max_length=4)]

_SECURED: Final = 0x3000


class Component(Frozen, frozen=True):
    """One piece of the platform's firmware."""

    type: str | None
    measurement: Measurement
    signer_id: Measurement
    version: str | None = None
    hash_algorithm: HashName | None = None


def _component(name: str) -> Component:
    return Component(
        type=name,
        version="1.0.0",
        measurement=sha256(f"troth emulated {name}".encode()).hex(),
        signer_id=sha256(b"troth emulated firmware signer").hex(),
        hash_algorithm="sha-256",
    )


class Platform(Frozen, frozen=True):
    """The platform; an instance id that is None is chosen at creation."""

    profile: Profile = "2023"
    curve: CurveName = "P-384"
    implementation_id: Hex32 = sha256(b"troth emulated CCA platform").hex()
    instance_id: Hex33 | None = None
    config: HexAny = "cfcfcfcf"
    lifecycle: U16 = _SECURED
    components: tuple[Component, ...] = tuple(_component(one) for one in ("BL2", "BL31", "RMM"))
    hash_algorithm: HashName = "sha-256"
    verification_service: str | None = "https://verifier.emulated.invalid"  # RFC 2606


class Realm(Frozen, frozen=True):
    """The realm as it was launched. Measurements are of its hash algorithm, zero where None.

    A legacy realm token carries its key as a point on P-384, so it cannot have another curve.
    """

    profile: Profile = "2023"
    curve: CurveName = "P-384"
    hash_algorithm: HashName = "sha-512"
    rak_hash_algorithm: HashName = "sha-256"
    personalization_value: Hex64 = "00" * 64
    rim: Measurement | None = None
    rems: Measurements | None = None


class Settings(Frozen, frozen=True):
    """Everything that distinguishes one software CCA from another, except its keys."""

    platform: Platform = Platform()
    realm: Realm = Realm()
