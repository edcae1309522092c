# SPDX-License-Identifier: Apache-2.0
"""What a software TPM is like: key, banks, clock, firmware, and the lives of its certificates."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from troth.tsm.emulated.tdx.fields import U32, Frozen

__all__ = ["Bank", "Settings"]

Bank = Literal["sha1", "sha256", "sha384", "sha512"]
U63 = Annotated[int, Meta(ge=0, le=0x7FFF_FFFF_FFFF_FFFF)]  # JSON numbers of ours have so many bits

_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S


class Settings(Frozen, frozen=True):
    """Everything that distinguishes one software TPM from another, except its keys.

    Attributes:
        key: the kind of its attestation key.
        hash_name: what it signs with.
        banks: of registers, in the order in which quotes have them.
        firmware_version: as quotes have it.
        clock_ms: how long it has been on.
        reset_count: how often it was reset.
        restart_count: how often it was resumed.
        clock_safe: whether its clock was never greater.
        intermediate: whether a CA stands between the root and the attestation key.
        before_s: how long before the instant of creation certificates begin.
        ca_s: how long the CAs' certificates hold.
        ak_s: how long the attestation key's does.
    """

    key: Literal["RSA", "P-256", "P-384"] = "P-256"
    hash_name: Literal["sha256", "sha384"] = "sha256"
    banks: Annotated[tuple[Bank, ...], Meta(min_length=1, max_length=4)] = ("sha256",)
    firmware_version: U63 = 0x2019_1023_0016_3636
    clock_ms: U63 = 60_000
    reset_count: U32 = 3
    restart_count: U32 = 0
    clock_safe: bool = True
    intermediate: bool = True
    before_s: U32 = _DAY_S
    ca_s: U32 = 20 * _YEAR_S
    ak_s: U32 = 5 * _YEAR_S
