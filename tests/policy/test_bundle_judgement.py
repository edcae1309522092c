# SPDX-License-Identifier: Apache-2.0
"""The judgement of a bundle in one piece: each step between its parts and its policy is taken."""

from __future__ import annotations

from typing import Final

import pytest

from tests.bundles import AT, Machine, model, namespace
from troth.evidence.binding import Bundle, LogHead, LogPart
from troth.policy.bundle_judgement import BundleOptions, judge_bundle
from troth.policy.judgement import Judgement
from troth.verify import AnyValue

MACHINE: Final = Machine.boot()
NONCE: Final = bytes(range(16))
IDENTIFIER: Final = bytes(range(16))
ENTRIES: Final = (b"one", b"two")


def judged(bundle: Bundle, **replaced: str) -> Judgement:
    return judge_bundle(
        bundle.encoded,
        BundleOptions(
            collateral=MACHINE.collateral,
            anchors=MACHINE.anchors,
            at=AT,
            nonce=NONCE,
            channel=AnyValue,
            policy=MACHINE.policy(emulated='"accept"', **replaced),
        ),
    )


def with_log(*entries: bytes) -> Bundle:
    """Return a bundle of a namespace with these entries in its log, which shows `ENTRIES`."""
    of = namespace(id=IDENTIFIER, log=LogHead.empty(IDENTIFIER).append(*entries))
    return MACHINE.over(MACHINE.statement(NONCE, of), LogPart(start=0, entries=ENTRIES))


def test_a_sound_bundle() -> None:
    assert judged(with_log(*ENTRIES)).verdict == "accepted"


@pytest.mark.parametrize("entries", [(), ENTRIES[:1], ENTRIES[::-1], (*ENTRIES, b"three")])
def test_a_log_that_does_not_lead_to_its_head(entries: tuple[bytes, ...]) -> None:
    found = judged(with_log(*entries))
    assert (found.verdict, found.code, found.step) == ("denied", "binding.log", 12)


def test_a_model_that_the_policy_does_not_want() -> None:
    bundle = MACHINE.fresh(NONCE, namespace(model=model(forensic=1)))
    found = judged(bundle)
    assert (found.verdict, found.code, found.step) == ("denied", "model.forensic", 12)
    assert judged(bundle, forensic_points="1").verdict == "accepted"
