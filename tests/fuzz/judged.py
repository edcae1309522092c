# SPDX-License-Identifier: Apache-2.0
"""Evidence on its way through `troth verify`, `troth inspect` and `troth policy init --from`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from tests.fuzz.door import Way
from troth.policy import Endorsements, JudgeOptions, judge, parse_policy
from troth.policy.kinds import KINDS
from troth.verify import Anchors, AnyValue
from troth.wire import json

__all__ = ["AT", "CHALLENGE", "judged", "shown"]

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHALLENGE: Final = bytes(range(64))


def judged(
    tee: Any,
    *seeds: bytes,
    anchors: Anchors | None = None,
    collateral: Any = (),
    endorsements: Endorsements | None = None,
) -> Way:
    """Return the way of a kind of evidence through its verifier.

    A judgement must be one that can be printed, and never an error of ours.
    """
    options = JudgeOptions(
        tee=tee,
        collateral=collateral,
        anchors=anchors or Anchors([]),
        at=AT,
        report_data=AnyValue,
        policy=None,
        endorsements=endorsements or Endorsements(),
    )

    def is_sound(judgement: Any, _: bytes) -> bool:
        return judgement.verdict != "error" and len(json.encode(judgement)) > 0

    return Way(
        name=f"judge {tee}",
        parse=lambda data: judge(data, options),
        seeds=seeds,
        holds=is_sound,
    )


def shown(tee: Any, *seeds: bytes) -> Way:
    """Return the way of a kind of evidence to what is made of it without verifying it.

    What is shown must be printable, and the policy that is made of it must be one.
    """
    kind = KINDS[tee]

    def show(data: bytes) -> tuple[Any, str]:
        return kind.claims(data), kind.template(data, "evidence")

    def is_sound(value: tuple[Any, str], _: bytes) -> bool:
        claims, policy = value
        parse_policy(policy.encode(), "policy.toml")
        return len(json.encode(claims)) > 0

    return Way(name=f"show {tee}", parse=show, seeds=seeds, holds=is_sound)
