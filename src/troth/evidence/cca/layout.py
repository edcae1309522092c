# SPDX-License-Identifier: Apache-2.0
"""Labels, profiles and sizes of Arm CCA tokens. Sizes in bytes.

Source: Arm, Realm Management Monitor specification 1.0, section "CCA attestation token", and
draft-ffm-rats-cca-token-00, which spell the same claims; the legacy forms are those of TF-RMM
before it wrote profiles.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CHALLENGE_BYTES",
    "COLLECTION_TAG",
    "COLLECTION_TAG_LATER",
    "HASHES",
    "HASH_BYTES",
    "IMPLEMENTATION_ID_BYTES",
    "INSTANCE_ID_BYTES",
    "INSTANCE_ID_TYPE",
    "LEGACY",
    "LEGACY_PLATFORM_PROFILE",
    "LIFECYCLES",
    "MOST_COMPONENTS",
    "PERSONALIZATION_BYTES",
    "PLATFORM_PROFILE",
    "PLATFORM_PROFILES",
    "PLATFORM_TOKEN",
    "RAK_POINT_BYTES",
    "REALM_PROFILE",
    "REALM_PROFILES",
    "REALM_TOKEN",
    "REM_COUNT",
    "TOKEN_MAX_BYTES",
    "Component",
    "Platform",
    "Realm",
]

TOKEN_MAX_BYTES: Final = 64 * 1024  # ours: the largest token seen has 2.2 KiB
COLLECTION_TAG: Final = 399
COLLECTION_TAG_LATER: Final = 907  # of a later draft on collections; refused, no specimen exists
PLATFORM_TOKEN: Final = 44234
REALM_TOKEN: Final = 44241

LEGACY_PLATFORM_PROFILE: Final = "http://arm.com/CCA-SSD/1.0.0"
PLATFORM_PROFILE: Final = "tag:arm.com,2023:cca_platform#1.0.0"
PLATFORM_PROFILES: Final = (LEGACY_PLATFORM_PROFILE, PLATFORM_PROFILE)
REALM_PROFILE: Final = "tag:arm.com,2023:realm#1.0.0"
REALM_PROFILES: Final = (REALM_PROFILE,)  # besides a token without one, which is a legacy token
LEGACY: Final = "legacy"  # how such a token's profile is called here

CHALLENGE_BYTES: Final = 64
PERSONALIZATION_BYTES: Final = 64
IMPLEMENTATION_ID_BYTES: Final = 32
INSTANCE_ID_BYTES: Final = 33
INSTANCE_ID_TYPE: Final = 0x01  # the first byte: an EAT UEID of type RAND
RAK_POINT_BYTES: Final = 97  # legacy: a point on P-384, uncompressed (SEC 1 §2.3.3)
REM_COUNT: Final = 4
MOST_COMPONENTS: Final = 256  # ours: thirteen is the most that was seen

HASHES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hash algorithms by their names in IANA's registry of named information, with digest sizes."""
HASH_BYTES: Final = tuple(HASHES.values())

LIFECYCLES: Final = {
    0x00: "unknown",
    0x10: "assembly-and-test",
    0x20: "cca-platform-rot-provisioning",
    0x30: "secured",
    0x40: "non-cca-platform-rot-debug",
    0x50: "recoverable-cca-platform-rot-debug",
    0x60: "decommissioned",
}
"""What a security lifecycle's upper byte says; the lower one is the implementation's own."""


class Platform:
    """Labels of the platform claims."""

    CHALLENGE: Final = 10
    INSTANCE_ID: Final = 256
    PROFILE: Final = 265
    LIFECYCLE: Final = 2395
    IMPLEMENTATION_ID: Final = 2396
    COMPONENTS: Final = 2399
    VERIFICATION_SERVICE: Final = 2400
    CONFIG: Final = 2401
    HASH_ALGORITHM: Final = 2402


class Component:
    """Labels of one software component of the platform."""

    TYPE: Final = 1
    MEASUREMENT: Final = 2
    VERSION: Final = 4
    SIGNER_ID: Final = 5
    HASH_ALGORITHM: Final = 6


class Realm:
    """Labels of the realm claims."""

    CHALLENGE: Final = 10
    PROFILE: Final = 265
    PERSONALIZATION: Final = 44235
    HASH_ALGORITHM: Final = 44236
    RAK: Final = 44237
    RIM: Final = 44238
    REMS: Final = 44239
    RAK_HASH_ALGORITHM: Final = 44240
