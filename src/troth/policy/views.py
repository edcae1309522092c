# SPDX-License-Identifier: Apache-2.0
"""How genuine facts are shown, whatever their kind: the parts of a judgement that are values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

__all__ = ["CollateralView", "Fact", "FactsView", "Parts", "TcbView"]

Fact = str | int | bool | Sequence[int | str] | Mapping[str, int] | None
"""What a fact can be."""


class Parts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Statuses before they converge; a part that does not exist is absent."""

    platform: str
    platform_tcb_date: str
    qe: str
    module: str | None = None
    current: str | None = None


class TcbView(msgspec.Struct, frozen=True, kw_only=True):
    """The TCB's status and what it follows from; `unknown` without collateral."""

    status: str
    date: str | None
    advisories: tuple[str, ...]
    parts: Parts | None
    evaluation_number: int | None


class CollateralView(msgspec.Struct, frozen=True, kw_only=True):
    """Which collateral was used: its name, the digest of all its bytes, and when it counts.

    `evaluation_number` is Intel's; AMD's certificates have none.
    """

    source: str
    sha256: str
    valid_from: str
    valid_until: str
    evaluation_number: int | None


class FactsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a judgement shows of genuine evidence. What its kind does not have is None."""

    anchor: str
    facts: Mapping[str, Fact]
    tcb: TcbView | None = None
    trailing_bytes: int | None = None
    collateral: CollateralView | None = None
