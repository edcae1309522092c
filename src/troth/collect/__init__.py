# SPDX-License-Identifier: Apache-2.0
"""What vouches for evidence, from the files that a user or a configuration names.

Reading and bounds are here; what the bytes mean is `troth.endorse`'s, and whether they count is
for `troth.verify` to say. Every error names its file.
"""

from troth.collect.amd import AmdFiles, amd_files
from troth.collect.anchors import AMD_ARKS, amd_anchors, any_anchors, intel_anchors
from troth.collect.intel import collateral_sets
from troth.collect.platforms import attestation_keys, cove_roots, cpaks

__all__ = [
    "AMD_ARKS",
    "AmdFiles",
    "amd_anchors",
    "amd_files",
    "any_anchors",
    "attestation_keys",
    "collateral_sets",
    "cove_roots",
    "cpaks",
    "intel_anchors",
]
