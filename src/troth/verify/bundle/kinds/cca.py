# SPDX-License-Identifier: Apache-2.0
"""Arm CCA in a bundle: REM[3] holds the root, in the realm's own hash."""

from __future__ import annotations

from typing import Final

from troth.evidence.binding import Bundle
from troth.evidence.cca.layout import HASH_BYTES
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.kinds._kind import BundleKind, Reported, named
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import CcaWanted, Wanted
from troth.verify.cca import CcaFacts, verify_cca
from troth.verify.options import AnyValue
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["CCA"]

_BOOT: Final = ("rim", "rem0", "rem1", "rem2")


def _verify(bundle: Bundle, _: CcaWanted, inputs: BundleInputs, trace: Trace) -> Verified[CcaFacts]:
    return verify_cca(
        bundle.report.outblob,
        anchors=inputs.endorsements.cpaks,
        at=inputs.at,
        challenge=AnyValue,
        trace=trace,
    )


def _check_voids(facts: CcaFacts, wanted: CcaWanted, policy: Wanted, steps: Steps) -> None:
    """A realm has no debug state of its own: the platform's lifecycle says it for both."""
    steps.check(
        "debug",
        wanted.debug == "any" or facts.platform.secured,
        "policy.debug",
        expected=wanted.debug,
        got=facts.platform.lifecycle_state,
        source=f"{policy.name}: cca.debug",
    )


def _reported(facts: CcaFacts) -> Reported:
    realm = facts.realm
    rem0, rem1, rem2, rem3 = realm.rems
    return Reported(
        data=realm.challenge,
        boot=dict(zip(_BOOT, (realm.rim, rem0, rem1, rem2), strict=True)),
        root=rem3,
        algorithm=realm.hash_algorithm,
    )


CCA: Final[BundleKind[CcaWanted, CcaFacts]] = BundleKind(
    register="rem3",
    sizes=frozenset(HASH_BYTES),
    is_boot=named(*_BOOT),
    boot_words=", ".join(_BOOT),
    verify=_verify,
    check_voids=_check_voids,
    reported=_reported,
)
