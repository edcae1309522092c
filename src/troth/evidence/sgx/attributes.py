# SPDX-License-Identifier: Apache-2.0
"""ATTRIBUTES: sixteen bytes that say how an enclave was built (Intel SDM 3D, 38.7.1).

The first eight are flags, the last eight XFRM: which parts of the processor's state it may use.
"""

from __future__ import annotations

from typing import Final

from troth.evidence.intel.layout import ENCLAVE_DEBUG

__all__ = ["SgxAttributes"]

_NAMED: Final = {
    0: "INIT",
    2: "MODE64BIT",
    4: "PROVISIONKEY",
    5: "EINITTOKENKEY",
    6: "CET",
    7: "KSS",
    10: "AEXNOTIFY",
}
_FLAGS: Final = slice(0, 8)
_XFRM: Final = slice(8, 16)


class SgxAttributes:
    """The flags of ATTRIBUTES by name, and XFRM."""

    NAMES: Final = frozenset(_NAMED.values())

    __slots__ = ("flags", "xfrm")

    def __init__(self, raw: bytes) -> None:
        """Take the sixteen bytes of an enclave report."""
        self.flags = int.from_bytes(raw[_FLAGS], "little")
        self.xfrm = raw[_XFRM]

    @property
    def debug(self) -> bool:
        """Whether the host may read and write the enclave's memory."""
        return bool(self.flags & ENCLAVE_DEBUG)

    @property
    def names(self) -> frozenset[str]:
        """Names of the set flags but DEBUG, which is judged by itself; unnamed ones as `BIT_n`."""
        others = self.flags & ~ENCLAVE_DEBUG
        return frozenset(_NAMED.get(bit, f"BIT_{bit}") for bit in range(64) if others >> bit & 1)
