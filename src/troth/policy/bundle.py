# SPDX-License-Identifier: Apache-2.0
"""Steps 12 and 13 of BINDING 4.9: what the facts of an authentic bundle amount to.

Each part gets a trust vector (draft-ietf-rats-ar4si §2.3), from facts alone:

    hardware           2 the TCB is UpToDate, or reaches the policy's floor; 32 any other status
                       that the policy accepts; 97 a root that is no vendor's; 0 not asked
    configuration      2 pinned by the policy; 3 not pinned; 32 no root register; 96 debug
    executables        3 a boot, or an image, that the policy names; 2 an event model that it pins,
                       with no gap; 33 forensic points that it tolerates; 0 none of these
    instance-identity  0, until identities are enrolled
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from troth.errors import DeniedError
from troth.evidence.binding import Namespace, Phase
from troth.policy.bundle_hardware import APPROVED, CAUTION, Platform, platform_of
from troth.policy.document import Policy
from troth.policy.kinds import KINDS
from troth.policy.vector import TrustVector
from troth.verify import Verified
from troth.verify.bundle import BundleFacts, NamespaceWanted, Steps
from troth.verify.bundle.check import refusing

__all__ = ["Appraisal", "Part", "appraise_bundle"]

Part = Literal["platform", "orchestrator", "namespace"]

# Values of AR4SI §2.3.3 to §2.3.5.
_BOOT_APPROVED: Final = 3  # executables, during boot
_NOT_PINNED: Final = 3  # configuration: nothing known against it
_UNRECOGNISED: Final = 33  # executables, at run time
_INSECURE: Final = 96  # configuration
_NO_VENDOR: Final = 97  # hardware

_VENDORS: Final = (
    "a vendor's root, as boot.emulated = 'deny' asks (it may be 'contraindicate', which the result "
    "says, or 'accept')"
)


class Appraisal(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an accepted bundle.

    Attributes:
        verdict: `genuine` where the policy has no reference values for the boot.
        vectors: one for each part.
        policy: what the policy is called.
    """

    verdict: Literal["accepted", "genuine"]
    vectors: Mapping[Part, TrustVector]
    policy: str


def appraise_bundle(verified: Verified[BundleFacts], policy: Policy, steps: Steps) -> Appraisal:
    """Step 13: return what a bundle amounts to whose steps 1 to 12 hold.

    Raises:
        DeniedError: `policy.*`.
    """
    steps.begin(13)
    with refusing(steps):
        return _appraise(verified.value, policy, steps)


def _appraise(facts: BundleFacts, policy: Policy, steps: Steps) -> Appraisal:
    boot, section = policy.boot, getattr(policy, facts.tee)
    if section is None or boot is None:
        raise DeniedError("policy.section", f"{policy.name}: no section [{facts.tee}] or [boot]")
    platform = platform_of(facts.tee, facts.report.value, section)
    steps.check(
        "emulated",
        platform.anchor.is_vendor or boot.emulated != "deny",
        "policy.emulated",
        expected=_VENDORS if boot.emulated == "deny" else boot.emulated,
        got=platform.anchor.name,
        source=f"{policy.name}: boot.emulated",
    )
    KINDS[facts.tee].appraise(facts.report, policy, steps.trace.nested("13."))
    return Appraisal(
        verdict="genuine" if facts.image is None else "accepted",
        vectors={
            "platform": _platform(platform, facts, accepts=boot.emulated == "accept"),
            "orchestrator": _orchestrator(facts, policy),
            "namespace": _namespace(facts.statement.namespace, facts.wanted),
        },
        policy=policy.name,
    )


def _platform(platform: Platform, facts: BundleFacts, *, accepts: bool) -> TrustVector:
    believed = platform.anchor.is_vendor or accepts
    configuration = APPROVED if platform.pinned else _NOT_PINNED
    return TrustVector(
        hardware=platform.tcb if believed else _NO_VENDOR,
        configuration=_INSECURE if platform.debug else configuration,
        executables=0 if facts.image is None else _BOOT_APPROVED,
    )


def _orchestrator(facts: BundleFacts, policy: Policy) -> TrustVector:
    wanted = policy.orchestrator
    pinned = wanted is not None and not isinstance(wanted.configuration, type)
    configuration = APPROVED if pinned else _NOT_PINNED
    if facts.root == "none":
        # Code that ever reached the report device can have made this epoch (BINDING 4.6).
        configuration = CAUTION
    return TrustVector(
        configuration=configuration,
        executables=0 if facts.image is None else _BOOT_APPROVED,
    )


def _namespace(said: Namespace, wanted: NamespaceWanted) -> TrustVector:
    model = said.model
    if model is not None and model.forensic:
        return TrustVector(executables=_UNRECOGNISED)
    pinned = (
        model is not None
        and model.phase != Phase.LEARNING
        and not isinstance(wanted.state, type)
        and said.gaps == 0
    )
    if pinned:
        return TrustVector(executables=APPROVED)
    image = said.image is not None and not isinstance(wanted.image_digest, type)
    return TrustVector(executables=_BOOT_APPROVED if image else 0)
