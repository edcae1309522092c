# SPDX-License-Identifier: Apache-2.0
"""Evidence of Azure's confidential VMs: a paravisor's report and a quote of its vTPM."""

from troth.evidence.azure.describe import describe_azure
from troth.evidence.azure.evidence import AzureDocument, AzureEvidence, QuoteText
from troth.evidence.azure.hcl import HclReport
from troth.evidence.azure.runtime import RuntimeClaims, RuntimeKey, VmConfiguration

__all__ = [
    "AzureDocument",
    "AzureEvidence",
    "HclReport",
    "QuoteText",
    "RuntimeClaims",
    "RuntimeKey",
    "VmConfiguration",
    "describe_azure",
]
