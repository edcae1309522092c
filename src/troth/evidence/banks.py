# SPDX-License-Identifier: Apache-2.0
"""Banks of platform configuration registers: a TPM has all its registers once per hash algorithm.

Source: TCG Algorithm Registry, table "TPM_ALG_ID"; PC Client Platform TPM Profile, 4.6.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["PCR_BANKS", "PCR_COUNT", "PcrBank"]

PCR_COUNT: Final = 24  # PCR 0 to 23


class PcrBank(NamedTuple):
    """One algorithm: its name, its TPM_ALG_ID, and the size of its digests in bytes."""

    name: str
    algorithm: int
    size: int


PCR_BANKS: Final = (
    PcrBank("sha1", 0x0004, 20),
    PcrBank("sha256", 0x000B, 32),
    PcrBank("sha384", 0x000C, 48),
    PcrBank("sha512", 0x000D, 64),
    PcrBank("sm3_256", 0x0012, 32),
)
"""The banks that a quote or a log may name. The last one nothing here computes."""
