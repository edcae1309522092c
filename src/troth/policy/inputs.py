# SPDX-License-Identifier: Apache-2.0
"""What a judgement depends on besides the evidence, for all kinds; each kind takes its own."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from troth.endorse.intel import CollateralSet
from troth.evidence.detect import Tee
from troth.policy.document import Policy
from troth.verify import Anchors, AnyValue, Tail, WithoutCollateral
from troth.verify.endorsements import NO_ENDORSEMENTS, Endorsements

__all__ = ["Endorsements", "JudgeOptions"]


class JudgeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything besides the evidence that a judgement depends on.

    `report_data` is what the evidence must be for: report data, or the challenge of a token or
    TPM. `collateral` and `anchors` are for all kinds that hang from certificates.
    """

    tee: Tee | Literal["auto"] = "auto"
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral]
    anchors: Anchors
    at: datetime
    report_data: bytes | type[AnyValue]
    policy: Policy | None
    tail: Tail = Tail.ZEROS
    endorsements: Endorsements = NO_ENDORSEMENTS
