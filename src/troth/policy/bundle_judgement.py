# SPDX-License-Identifier: Apache-2.0
"""The judgement of a bundle as one value: BINDING 4.9 without memory and without step 14.

What an offline appraisal cannot know it says in the trace: whether a log was forked, and whether
the nonce was used before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from troth.endorse.intel import CollateralSet
from troth.errors import DeniedError, TrothError
from troth.evidence.binding import Channel, Origin
from troth.evidence.detect import begins_as_token
from troth.policy.bundle import Appraisal, appraise_bundle
from troth.policy.document import Policy
from troth.policy.judgement import BundleView, Judgement, judgement_of
from troth.policy.kinds import KINDS
from troth.verify import Anchors, AnyValue, Trace, Verified, WithoutCollateral
from troth.verify.bundle import (
    AnyNonce,
    BundleFacts,
    BundleInputs,
    ExpectedNonce,
    NoMemory,
    Steps,
    check_log,
    check_model,
    verify_bundle,
)
from troth.verify.bundle.check import refusing
from troth.verify.bundle.statement import ORIGINS
from troth.verify.endorsements import NO_ENDORSEMENTS, Endorsements

__all__ = ["BundleOptions", "is_bundle_evidence", "judge_bundle"]

_MAP: Final = 5  # CBOR's major type (RFC 8949 §3.1); a quote begins with its version, 4 or 5


class BundleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the bundle that a judgement depends on."""

    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral]
    anchors: Anchors
    at: datetime
    nonce: bytes | type[AnyValue]
    channel: Channel | type[AnyValue]
    policy: Policy
    endorsements: Endorsements = NO_ENDORSEMENTS


def is_bundle_evidence(data: bytes) -> bool:
    """Say whether evidence begins as a bundle does, and as no other evidence can."""
    return bool(data) and data[0] >> 5 == _MAP and begins_as_token(data) is None


def judge_bundle(data: bytes, options: BundleOptions) -> Judgement:
    """Return the judgement of a bundle: steps 1 to 13, memory left out by name."""
    steps = Steps(Trace())
    verified: Verified[BundleFacts] | None = None
    try:
        verified = verify_bundle(data, _inputs(options), steps)
        with refusing(steps):
            check_log(verified, NoMemory(), steps)
            check_model(verified, steps)
        appraisal = appraise_bundle(verified, options.policy, steps)
    except TrothError as error:
        # A denial behind step 11 is about authentic claims, so they are shown.
        shown = verified if isinstance(error, DeniedError) else None
        return _view(shown, None, error, steps, options.at)
    return _view(verified, appraisal, None, steps, options.at)


def _inputs(options: BundleOptions) -> BundleInputs:
    nonce = options.nonce
    return BundleInputs(
        wanted=options.policy.for_bundles(),
        collateral=options.collateral,
        anchors=options.anchors,
        at=options.at,
        nonces=AnyNonce() if isinstance(nonce, type) else ExpectedNonce(nonce),
        channel=options.channel,
        endorsements=options.endorsements,
    )


def _view(
    verified: Verified[BundleFacts] | None,
    appraisal: Appraisal | None,
    error: TrothError | None,
    steps: Steps,
    at: datetime,
) -> Judgement:
    facts = verified.value if verified else None
    judgement = judgement_of(
        KINDS[facts.tee].view(facts.report.value) if facts else None,
        error,
        tee=facts.tee if facts else None,
        at=at,
        trace=steps.trace,
        verdict=appraisal.verdict if appraisal else "error",
        has_policy=True,
    )
    return msgspec.structs.replace(
        judgement,
        step=msgspec.UNSET if error is None or error.step is None else error.step,
        bundle=msgspec.UNSET if facts is None else _bundle(facts, appraisal),
    )


def _bundle(facts: BundleFacts, appraisal: Appraisal | None) -> BundleView:
    statement = facts.statement
    said = statement.namespace
    status: dict[str, str] | None = None
    if appraisal is not None:
        status = {str(part): str(one.status) for part, one in appraisal.vectors.items()}
    return BundleView(
        mode=facts.mode,
        root=facts.root,
        image=facts.image,
        audience=statement.audience,
        namespace_id=said.id.hex(),
        label=said.label,
        origin=ORIGINS[Origin(said.origin)],
        count=said.log.count,
        head=said.log.head.hex(),
        forensic=None if said.model is None else said.model.forensic,
        gaps=said.gaps,
        alarms=statement.alarms,
        statement=statement.digest.hex(),
        status=status,
    )
