# SPDX-License-Identifier: Apache-2.0
"""What goes into the appraisal of a bundle, and what is known behind step 11."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from troth.endorse.intel import CollateralSet
from troth.evidence.binding import Bundle, Channel, RootRegister, Statement
from troth.verify.anchors import Anchors
from troth.verify.bundle.nonces import Nonces
from troth.verify.bundle.wanted import BundleTee, NamespaceWanted, Wanted
from troth.verify.cache import Cache
from troth.verify.endorsements import NO_ENDORSEMENTS, Endorsements
from troth.verify.options import AnyValue, NoCache, WithoutCollateral
from troth.verify.verified import Verified

__all__ = ["BundleFacts", "BundleInputs", "Testimony"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInputs:
    """Everything besides the bundle that its authenticity depends on.

    Attributes:
        wanted: what was fixed before the bundle came.
        collateral: Intel's sets to choose from.
        anchors: the root keys to trust.
        at: the one instant, aware.
        nonces: those that are ours.
        channel: the connection on which the bundle came, its role the peer's.
        endorsements: what vouches for the kinds that are not Intel's.
        cache: what was found to hold of reports before.
    """

    wanted: Wanted
    collateral: Iterable[CollateralSet] | type[WithoutCollateral]
    anchors: Anchors
    at: datetime
    nonces: Nonces
    channel: Channel | type[AnyValue]
    endorsements: Endorsements = NO_ENDORSEMENTS
    cache: Cache | type[NoCache] = NoCache


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """What a bundle says, once steps 1 to 11 hold.

    Attributes:
        bundle: its structures.
        tee: of which kind the report is, by the policy.
        report: the facts of that kind; itself a proof that step 3 was taken.
        root: the register that holds the root statement, or `none`.
        image: the name of the boot's reference values; None if none were given.
        wanted: the section of the policy for this namespace.
        policy: what the policy is called.
        nonce_issued: when the nonce was issued, if we know.
        at: the instant of the appraisal.
    """

    bundle: Bundle
    tee: BundleTee
    report: Verified[Any]
    root: RootRegister
    image: str | None
    wanted: NamespaceWanted
    policy: str
    nonce_issued: datetime | None
    at: datetime

    @property
    def statement(self) -> Statement:
        """The statement that was judged."""
        return self.bundle.statement

    @property
    def mode(self) -> Literal["fresh", "delegated"]:
        """How the statement is bound."""
        return "delegated" if self.bundle.delegated else "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What an authentic bundle says of its namespace, whoever it is addressed to.

    It is enough to refuse a namespace, and for nothing else: its audience, nonce, key and channel
    were not looked at, nor how many alarms there were.

    Attributes:
        statement: bound to the epoch of an authentic report, of a trothd that the policy trusts.
        wanted: the section of the policy for this namespace.
        policy: what the policy is called.
        nonce_issued: when the nonce was issued, if we know.
    """

    statement: Statement
    wanted: NamespaceWanted
    policy: str
    nonce_issued: datetime | None
