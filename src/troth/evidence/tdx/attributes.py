# SPDX-License-Identifier: Apache-2.0
"""TDATTRIBUTES: eight bytes that say how a TD was built (Intel TDX Module ABI, TD_PARAMS)."""

from __future__ import annotations

from typing import Final

__all__ = ["TdAttributes"]

_NAMED: Final = {28: "SEPT_VE_DISABLE", 29: "MIGRATABLE", 30: "PKS", 31: "KL", 63: "PERFMON"}
_DEBUG: Final = 1 << 0
_UNDER_DEBUG: Final = 0xFF  # bits 0 to 7: any of them set, and the TD is untrusted


class TdAttributes:
    """The bits of TDATTRIBUTES by name."""

    NAMES: Final = frozenset(_NAMED.values())

    __slots__ = ("bits",)

    def __init__(self, raw: bytes) -> None:
        """Take the eight bytes of a TD report."""
        self.bits = int.from_bytes(raw, "little")

    @property
    def debug(self) -> bool:
        """Whether the host may read and write the TD's memory."""
        return bool(self.bits & _DEBUG)

    @property
    def under_debug(self) -> bool:
        """Whether any bit of the group that makes a TD untrusted is set (bits 0 to 7)."""
        return bool(self.bits & _UNDER_DEBUG)

    @property
    def sept_ve_disable(self) -> bool:
        """Whether the host cannot inject #VE by withdrawing pages."""
        return bool(self.bits & 1 << 28)

    @property
    def names(self) -> frozenset[str]:
        """Names of the set bits above the debug group; unnamed ones as `BIT_n`."""
        return frozenset(
            _NAMED.get(bit, f"BIT_{bit}") for bit in range(8, 64) if self.bits >> bit & 1
        )
