# SPDX-License-Identifier: Apache-2.0
"""Every number and name of a CoVE token, in one table for each of them.

Source: RISC-V CoVE, draft 0.7, chapter "TVM Attestation and Measurements" as last changed on
2025-01-03. It assigns three labels (10, 265, 266, from RFC 9711) and leaves every other one "TBD";
it leaves the profile's name, the media type and the algorithms open as well. What stands here for
those is this project's choice (docs/adr/0020 to 0023), for private use, and will change with the
draft: a later table gets a profile of its own.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

__all__ = ["ComponentField", "HashName", "Label", "Layer", "MeasurementField", "PlatformState"]

DRAFT_DATE: Final = "2025-01-03"
PROFILE: Final = f"urn:x-troth:cove:draft-{DRAFT_DATE}"
MEDIA_TYPE: Final = f'application/eat-ucs+cbor; eat_profile="{PROFILE}"'  # RFC 9782 §3

CWT_TAG: Final = 61  # RFC 8392 §6
EVIDENCE_MAX_BYTES: Final = 64 * 1024
CHALLENGE_BYTES: Final = 64
MANUFACTURER_ID_BYTES: Final = 64
IDENTITY_BYTES: Final = 64
ROOT_ID_BYTES: Final = 32  # SHA-256 of the root's SubjectPublicKeyInfo: the `kid` of its tokens
INITIAL_COUNT: Final = range(1, 9)  # 1 to 8 registers
RUNTIME_COUNT: Final = range(1, 19)  # 1 to 18, where the claim is there
PLATFORM_COMPONENT_COUNT: Final = range(1, 65)  # the draft has no upper bound
TSM_COMPONENT_COUNT: Final = range(2, 3)  # TSM driver, then TSM
REGISTER_INDEX_MAX: Final = 0xFFFF  # the draft says uint
TEXT_MAX: Final = 64  # characters of a component's type or SVN; the draft has no bound


class Layer(StrEnum):
    """The submodules, each vouched for by the one before it."""

    PLATFORM = "platform"
    TSM = "tsm"
    TVM = "tvm"


class Label(IntEnum):
    """Claim keys. Those below -65536 are for private use (RFC 8392 §9.1)."""

    NONCE = 10  # the TVM's challenge
    PROFILE = 265
    SUBMODS = 266
    PLATFORM_PUBLIC_KEY = -70_001
    PLATFORM_MANUFACTURER_ID = -70_002
    PLATFORM_STATE = -70_003
    PLATFORM_SW_COMPONENTS = -70_004
    TSM_PUBLIC_KEY = -70_005
    TSM_SW_COMPONENTS = -70_006
    TVM_IDENTITY = -70_007
    TVM_PUBLIC_KEY = -70_008
    TVM_INITIAL_MEASUREMENTS = -70_009
    TVM_RUNTIME_MEASUREMENTS = -70_010


class ComponentField(IntEnum):
    """Keys of a software component; the draft assigns these."""

    TYPE = 1
    MEASUREMENT = 2
    SVN = 3
    MANIFEST = 4
    SIGNER = 5
    ALGORITHM = 6


class MeasurementField(IntEnum):
    """Keys of a measurement register; the draft assigns these."""

    INDEX = 1
    VALUE = 2
    ALGORITHM = 3


class PlatformState(IntEnum):
    """The platform's state of operation; the draft assigns these."""

    NOT_CONFIGURED = 1
    SECURED = 2
    DEBUG = 3
    RECOVERY = 4

    @property
    def word(self) -> str:
        """The state as policies and facts spell it."""
        return self.name.lower().replace("_", "-")


class HashName(StrEnum):
    """The hashes that a TSM can offer (sbi_covg_get_attcaps), by their names at IANA."""

    SHA_384 = "sha-384"
    SHA_512 = "sha-512"
    SHA3_384 = "sha3-384"
    SHA3_512 = "sha3-512"

    @property
    def size(self) -> int:
        """Of a digest, in bytes."""
        return int(self.value[-3:]) // 8
