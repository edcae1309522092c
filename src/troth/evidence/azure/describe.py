# SPDX-License-Identifier: Apache-2.0
"""What the paravisor says of a VM, as names and plain values."""

from __future__ import annotations

from troth.evidence.azure.hcl import HclReport
from troth.evidence.tpm.describe import Claim

__all__ = ["describe_azure"]


def describe_azure(hcl: HclReport) -> dict[str, Claim]:
    """Return the report's header and runtime claims; the hardware's own facts are apart."""
    claims = hcl.claims
    fields: dict[str, Claim] = {
        "hcl_version": hcl.version,
        "hardware": hcl.hardware,
        "hcl_ak_sha256": claims.attestation_key.spki_sha256.hex(),
        "user_data": claims.user_data.lower(),
    }
    configuration = claims.vm_configuration
    return fields | {name: getattr(configuration, name) for name in configuration.__struct_fields__}
