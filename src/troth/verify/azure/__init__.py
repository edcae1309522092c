# SPDX-License-Identifier: Apache-2.0
"""Is this Azure confidential VM genuine: its hardware, its paravisor's claims, its vTPM's quote?"""

from troth.verify.azure.evidence import verify_azure
from troth.verify.azure.facts import AzureFacts
from troth.verify.azure.hardware import (
    HardwareFacts,
    SnpHardware,
    SnpInputs,
    TdxHardware,
    TdxInputs,
)

__all__ = [
    "AzureFacts",
    "HardwareFacts",
    "SnpHardware",
    "SnpInputs",
    "TdxHardware",
    "TdxInputs",
    "verify_azure",
]
