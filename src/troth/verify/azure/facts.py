# SPDX-License-Identifier: Apache-2.0
"""What is known of an Azure confidential VM once its evidence has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.evidence.azure import HclReport
from troth.verify.anchors import Anchor
from troth.verify.azure.hardware import HardwareFacts
from troth.verify.tpm import QuotedFacts

__all__ = ["AzureFacts"]


class AzureFacts(msgspec.Struct, frozen=True):
    """The contents of genuine evidence: the paravisor's report, the hardware's, the vTPM's."""

    hcl: HclReport
    hardware: HardwareFacts
    quoted: QuotedFacts
    at: datetime

    @property
    def anchor(self) -> Anchor:
        """The root key under which the hardware's report is genuine."""
        return self.hardware.verified.value.anchor
