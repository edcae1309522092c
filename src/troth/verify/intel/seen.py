# SPDX-License-Identifier: Apache-2.0
"""What the cached outcomes of Intel's quotes rest on: keys and windows, and an attestation key.

Every function here gathers all inputs of one part of the appraisal; a part that takes another input
one day has it added here.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final, Protocol

import msgspec

from troth.crypto.p256 import PublicKey
from troth.endorse.intel import CollateralSet, Window
from troth.evidence.intel import PckChain, SignatureSection
from troth.verify.anchors import Anchors
from troth.verify.intel.tcb import TcbOutcome
from troth.verify.trace import Rows

__all__ = [
    "AttestationKey",
    "Platform",
    "Terms",
    "chain_key",
    "chain_window",
    "collateral_key",
    "links_key",
    "platform_key",
    "platform_window",
]


class Terms(msgspec.Struct, frozen=True):
    """What a caller demands of any platform: an anchor, an evaluation number, an instant."""

    anchors: Anchors
    floor: int
    at: datetime


class AttestationKey:
    """An attestation key, x‖y, that steps 6 and 7 held for; it is loaded when it is needed."""

    def __init__(self, raw: bytes) -> None:
        """Take the key's 64 bytes."""
        self.raw: Final = raw

    @cached_property
    def loaded(self) -> PublicKey:
        """The key.

        Raises:
            UntrustedError: `quote.key`, the bytes are not a point on the curve.
        """
        return PublicKey.from_raw(self.raw, "quote.key")


class Platform(msgspec.Struct, frozen=True):
    """What steps 2 to 8 and step 10 found, and the rules that they noted.

    Attributes:
        key: the attestation key, vouched for.
        certified: the rules of steps 2 (revocation) to 8.
        outcome: the TCB levels.
        judged: the rules of step 10.
    """

    key: AttestationKey
    certified: Rows
    outcome: TcbOutcome
    judged: Rows


class _Quoted(Protocol):
    @property
    def section(self) -> SignatureSection: ...


def chain_key(chain: PckChain, anchors: Anchors) -> tuple[object, ...]:
    """Step 2, revocation apart: the chain as carried, and what is trusted."""
    return chain.pem_sha256, anchors.sha256


def links_key(chain: PckChain) -> tuple[object, ...]:
    """The links above the leaf: signatures, roles, names; their windows are looked at each time."""
    return chain.intermediate.sha256, chain.root.sha256


def collateral_key(collateral: CollateralSet, chain: PckChain) -> tuple[object, ...]:
    """Steps 2 to 4 without what is of the leaf: the set, and the two CAs that it must fit."""
    ca, root = chain.intermediate.sha256, chain.root.sha256
    return collateral.sha256, collateral.source, ca, root


def platform_key(
    quote: _Quoted, collateral: CollateralSet, terms: Terms, said: bytes
) -> tuple[object, ...]:
    """Steps 2 to 8 and 10.

    Args:
        quote: of which the section counts, chain included, but for the quote's signature.
        collateral: the set that was chosen.
        terms: of which anchors and floor count.
        said: the TEE, and what the steps read of the quote's body.
    """
    return (
        quote.section.platform_sha256,
        said,
        terms.anchors.sha256,
        terms.floor,
        collateral.sha256,
        collateral.source,
    )


def chain_window(chain: PckChain) -> Window:
    """When all three certificates count."""
    return Window(*chain.window)


def platform_window(chain: PckChain, collateral: CollateralSet) -> Window:
    """When the chain counts, and all of the collateral."""
    start, end = chain.window
    other = collateral.whole_window
    return Window(max(start, other.start), min(end, other.end))
