# SPDX-License-Identifier: Apache-2.0
"""Steps 12 and 13 of BINDING 4.9: what the facts of an authentic bundle amount to.

Each part gets a trust vector (draft-ietf-rats-ar4si §2.3), from facts alone:

    hardware           2 UpToDate; 32 any other status that the policy accepts; 97 a root that is
                       no vendor's; 0 not asked
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
from troth.policy.document import Policy
from troth.policy.tdx import TdxPolicy, appraise_tdx
from troth.policy.vector import TrustVector
from troth.verify import Verified
from troth.verify.bundle import BundleFacts, NamespaceWanted, Steps
from troth.verify.bundle.check import refusing
from troth.verify.tdx import TdxFacts

__all__ = ["Appraisal", "Part", "appraise_bundle"]

Part = Literal["platform", "orchestrator", "namespace"]

_UP_TO_DATE: Final = "UpToDate"
_UNKNOWN: Final = "unknown"

# Values of AR4SI §2.3.3 to §2.3.5.
_APPROVED: Final = 2
_BOOT_APPROVED: Final = 3  # executables, during boot
_NOT_PINNED: Final = 3  # configuration: nothing known against it
_CAUTION: Final = 32
_UNRECOGNISED: Final = 33  # executables, at run time
_INSECURE: Final = 96  # configuration
_NO_VENDOR: Final = 97  # hardware


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
    tdx, boot = policy.tdx, policy.boot
    if tdx is None or boot is None:
        raise DeniedError("policy.section", f"{policy.name}: no section [tdx] or [boot]")
    steps.check(
        "emulated",
        facts.td.value.anchor.is_vendor or boot.emulated != "deny",
        "policy.emulated",
        expected=boot.emulated,
        got=facts.td.value.anchor.name,
        source=f"{policy.name}: boot.emulated",
    )
    appraise_tdx(facts.td, tdx, name=policy.name, trace=steps.trace.nested("13."))
    return Appraisal(
        verdict="genuine" if facts.image is None else "accepted",
        vectors={
            "platform": _platform(facts.td.value, tdx, facts, accepts=boot.emulated == "accept"),
            "orchestrator": _orchestrator(facts, policy),
            "namespace": _namespace(facts.statement.namespace, facts.wanted),
        },
        policy=policy.name,
    )


def _platform(td: TdxFacts, policy: TdxPolicy, facts: BundleFacts, *, accepts: bool) -> TrustVector:
    if not td.anchor.is_vendor and not accepts:
        hardware = _NO_VENDOR
    elif td.status == _UNKNOWN:
        hardware = 0
    else:
        hardware = _APPROVED if td.status == _UP_TO_DATE else _CAUTION
    pinned = not isinstance(policy.attributes_allowed, type)
    configuration = _APPROVED if pinned else _NOT_PINNED
    if td.body.attributes.under_debug:
        configuration = _INSECURE
    return TrustVector(
        hardware=hardware,
        configuration=configuration,
        executables=0 if facts.image is None else _BOOT_APPROVED,
    )


def _orchestrator(facts: BundleFacts, policy: Policy) -> TrustVector:
    wanted = policy.orchestrator
    pinned = wanted is not None and not isinstance(wanted.configuration, type)
    configuration = _APPROVED if pinned else _NOT_PINNED
    if facts.root == "none":
        # Code that ever reached the report device can have made this epoch (BINDING 4.6).
        configuration = _CAUTION
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
        return TrustVector(executables=_APPROVED)
    image = said.image is not None and not isinstance(wanted.image_digest, type)
    return TrustVector(executables=_BOOT_APPROVED if image else 0)
