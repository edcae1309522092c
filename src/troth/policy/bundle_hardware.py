# SPDX-License-Identifier: Apache-2.0
"""What a genuine report says of the platform, as AR4SI's claims see it, for each kind of TEE.

TDX has statuses of its TCB by Intel. Of the other kinds nobody publishes one, so that the floor is
the policy's: SNP's minimum TCB, the firmware components that are pinned for CCA and CoVE. Without
a floor nothing was asked, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from troth.policy.cca import CcaPolicy
from troth.policy.cove import CovePolicy
from troth.policy.snp import SnpPolicy
from troth.policy.tdx import TdxPolicy
from troth.verify import Anchor
from troth.verify.bundle import BundleTee
from troth.verify.cca import CcaFacts
from troth.verify.cove import CoveFacts
from troth.verify.snp import SnpFacts
from troth.verify.tdx import TdxFacts

__all__ = ["APPROVED", "CAUTION", "NOT_ASKED", "Platform", "platform_of"]

# Values of AR4SI §2.3.3, hardware.
NOT_ASKED: Final = 0
APPROVED: Final = 2
CAUTION: Final = 32


class Platform(NamedTuple):
    """What counts of a platform.

    Attributes:
        anchor: what the report hangs from. A CCA platform's key and a CoVE root are no vendor's
            that troth knows: whoever writes the policy vouches for them, by `boot.emulated`.
        tcb: hardware, as if the anchor were a vendor's.
        pinned: whether the policy pins how the TVM is configured.
        debug: whether somebody outside can look into it.
    """

    anchor: Anchor
    tcb: int
    pinned: bool
    debug: bool


def platform_of(tee: BundleTee, facts: object, section: object) -> Platform:
    """Return what counts of a platform whose report a section accepts."""
    return _READERS[tee](facts, section)


def _tdx(facts: TdxFacts, section: TdxPolicy) -> Platform:
    statuses = {"UpToDate": APPROVED, "unknown": NOT_ASKED}
    return Platform(
        anchor=facts.anchor,
        tcb=statuses.get(facts.status, CAUTION),
        pinned=not isinstance(section.attributes_allowed, type),
        debug=facts.body.attributes.under_debug,
    )


def _snp(facts: SnpFacts, section: SnpPolicy) -> Platform:
    return Platform(
        anchor=facts.anchor,
        tcb=_floor(section.minimum_reported_tcb),
        pinned=not isinstance(section.policy_allowed, type),
        debug=facts.report.guest_policy.debug,
    )


def _cca(facts: CcaFacts, section: CcaPolicy) -> Platform:
    return Platform(
        anchor=facts.anchor,
        tcb=_floor(section.components),
        pinned=not isinstance(section.rim, type),  # RMM 1.0: the RIM covers the parameters
        debug=not facts.platform.secured,
    )


def _cove(facts: CoveFacts, section: CovePolicy) -> Platform:
    return Platform(
        anchor=facts.anchor,
        tcb=min(_floor(section.platform_components), _floor(section.tsm_components)),
        pinned=not isinstance(section.initial, type),
        debug=False,  # a platform under debug was refused with its token
    )


def _floor(wanted: object) -> int:
    """Return what a floor that held amounts to; AnyValue is none."""
    return NOT_ASKED if isinstance(wanted, type) else APPROVED


_READERS: Final[Mapping[BundleTee, Callable[[Any, Any], Platform]]] = {
    "tdx": _tdx,
    "snp": _snp,
    "cca": _cca,
    "cove": _cove,
}
