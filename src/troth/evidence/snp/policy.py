# SPDX-License-Identifier: Apache-2.0
"""The words of bits in a report: what the guest allows, and how the platform is set.

Source: AMD 56860, SEV-SNP Firmware ABI, GUEST_POLICY and PLATFORM_INFO.
"""

from __future__ import annotations

from typing import Final

__all__ = ["GuestPolicy", "PlatformInfo"]

_MUST_BE_ONE: Final = 17
_MIGRATION_AGENT: Final = 18
_DEBUG: Final = 19
_POLICY: Final = {
    16: "SMT",
    _MIGRATION_AGENT: "MIGRATE_MA",
    _DEBUG: "DEBUG",
    20: "SINGLE_SOCKET",
    21: "CXL_ALLOW",
    22: "MEM_AES_256_XTS",
    23: "RAPL_DIS",
    24: "CIPHERTEXT_HIDING",
    25: "PAGE_SWAP_DISABLE",
}
_FIRST_POLICY_BIT: Final = 16  # below: the lowest ABI version that the guest runs under
_PLATFORM: Final = {
    0: "SMT",
    1: "TSME",
    2: "ECC",
    3: "RAPL_DIS",
    4: "CIPHERTEXT_HIDING",
    5: "ALIAS_CHECK_COMPLETE",
    7: "TIO",
}
_BITS: Final = 64


class GuestPolicy:
    """The bits of GUEST_POLICY by name: each is a permission that the guest was launched with."""

    NAMES: Final = frozenset(_POLICY.values())

    __slots__ = ("bits",)

    def __init__(self, bits: int) -> None:
        """Take the word of a report."""
        self.bits = bits

    @property
    def abi(self) -> tuple[int, int]:
        """The lowest firmware ABI (major, minor) that the guest may run under."""
        return self.bits >> 8 & 0xFF, self.bits & 0xFF

    @property
    def is_well_formed(self) -> bool:
        """Whether bit 17 is set, which must be."""
        return bool(self.bits >> _MUST_BE_ONE & 1)

    @property
    def debug(self) -> bool:
        """Whether the host may read and write the guest's memory."""
        return bool(self.bits >> _DEBUG & 1)

    @property
    def migration_agent(self) -> bool:
        """Whether a migration agent may take the guest's memory elsewhere."""
        return bool(self.bits >> _MIGRATION_AGENT & 1)

    @property
    def smt(self) -> bool:
        """Whether the platform may run with SMT."""
        return bool(self.bits >> _FIRST_POLICY_BIT & 1)

    @property
    def names(self) -> frozenset[str]:
        """Names of the set bits but 17; bits without a name as `BIT_n`."""
        return frozenset(
            _POLICY.get(bit, f"BIT_{bit}")
            for bit in range(_FIRST_POLICY_BIT, _BITS)
            if self.bits >> bit & 1 and bit != _MUST_BE_ONE
        )

    @property
    def unknown(self) -> frozenset[str]:
        """The set bits without a name: permissions that nobody here knows."""
        return self.names - self.NAMES


class PlatformInfo:
    """The bits of PLATFORM_INFO by name: each is a statement about the platform."""

    NAMES: Final = frozenset(_PLATFORM.values())

    __slots__ = ("bits",)

    def __init__(self, bits: int) -> None:
        """Take the word of a report."""
        self.bits = bits

    @property
    def names(self) -> frozenset[str]:
        """Names of the set bits; bits without a name as `BIT_n`."""
        return frozenset(
            _PLATFORM.get(bit, f"BIT_{bit}") for bit in range(_BITS) if self.bits >> bit & 1
        )
