# SPDX-License-Identifier: Apache-2.0
"""What Intel's two kinds share: TCB, collateral, and a chain that may be unreadable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from troth.endorse.intel import CollateralSet
from troth.errors import TrothError
from troth.policy.kinds._kind import Claims
from troth.policy.views import CollateralView, Fact, FactsView, Parts, TcbView
from troth.verify import Anchor
from troth.verify.intel.tcb import Judged, TcbOutcome
from troth.wire.text import format_instant

__all__ = ["intel_claims", "intel_view"]

Q = TypeVar("Q", bound="Quote")


class Quote(Protocol):
    """A quote of either TEE."""

    @property
    def tail(self) -> bytes: ...


class Facts(Protocol):
    """Facts of a quote of either TEE."""

    @property
    def anchor(self) -> Anchor: ...

    @property
    def tcb(self) -> TcbOutcome | None: ...

    @property
    def collateral(self) -> CollateralSet | None: ...

    @property
    def trailing_bytes(self) -> int: ...


def intel_view(facts: Facts, told: Mapping[str, Fact]) -> FactsView:
    """Return what is shown of a genuine quote."""
    return FactsView(
        anchor=facts.anchor.name,
        facts=told,
        tcb=_tcb(facts.tcb),
        trailing_bytes=facts.trailing_bytes,
        collateral=_collateral(facts.collateral) if facts.collateral else None,
    )


def intel_claims(
    quote: Q,
    what: str,
    describe: Callable[[Q], Mapping[str, Fact]],
    describe_pck: Callable[[Q], Mapping[str, Fact]],
) -> Claims:
    """Return what a quote claims; a chain that cannot be read is said and hides nothing else."""
    facts, chain_error = dict(describe(quote)), None
    try:
        facts |= describe_pck(quote)
    except TrothError as error:
        chain_error = str(error)
    return Claims(what=what, facts=facts, chain_error=chain_error, tail=quote.tail)


def _tcb(tcb: TcbOutcome | None) -> TcbView:
    if tcb is None:
        return TcbView(
            status="unknown", date=None, advisories=(), parts=None, evaluation_number=None
        )
    return TcbView(
        status=tcb.status,
        date=format_instant(tcb.date),
        advisories=tcb.advisories,
        parts=_parts(tcb.launch, tcb.current),
        evaluation_number=tcb.evaluation_number,
    )


def _parts(launch: Judged, current: Judged | None) -> Parts:
    return Parts(
        platform=launch.platform.status,
        platform_tcb_date=format_instant(launch.platform.date),
        qe=launch.qe.status,
        module=launch.module.status if launch.module else None,
        current=current.status if current else None,
    )


def _collateral(used: CollateralSet) -> CollateralView:
    return CollateralView(
        source=used.source,
        sha256=used.sha256.hex(),
        valid_from=format_instant(used.window.start),
        valid_until=format_instant(used.window.end),
        evaluation_number=used.evaluation_number,
    )
