# SPDX-License-Identifier: Apache-2.0
"""Is it genuine? Evidence, endorsements, anchors and an instant go in; facts or an error come out.

Nothing here does I/O or reads a clock: the same bytes and arguments give the same answer years
later. What is returned is `Verified`, which only this package can make; what does not hold is
raised, with a code. Whether genuine facts are the wanted ones is `troth.policy`'s question.
"""

from troth.verify.anchors import (
    AMD_ARK_GENOA,
    AMD_ARK_MILAN,
    AMD_ARK_TURIN,
    INTEL_SGX_ROOT,
    Anchor,
    Anchors,
)
from troth.verify.cache import Cache
from troth.verify.options import (
    AnyValue,
    ChipId,
    NoCache,
    Revocation,
    Tail,
    WithoutCollateral,
)
from troth.verify.trace import Trace, TraceEntry
from troth.verify.verified import Verified

__all__ = [
    "AMD_ARK_GENOA",
    "AMD_ARK_MILAN",
    "AMD_ARK_TURIN",
    "INTEL_SGX_ROOT",
    "Anchor",
    "Anchors",
    "AnyValue",
    "Cache",
    "ChipId",
    "NoCache",
    "Revocation",
    "Tail",
    "Trace",
    "TraceEntry",
    "Verified",
    "WithoutCollateral",
]
