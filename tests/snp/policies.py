# SPDX-License-Identifier: Apache-2.0
"""A policy for SNP in which nothing is compared but what a test names."""

from __future__ import annotations

from typing import Any, Final

from troth.policy.snp import CONVERTERS, SnpPolicy

OPEN: Final[dict[str, Any]] = {
    "crl": "any",
    "masked_chip": "any",
    "chip_ids_refused": [],
    "products_refused": [],
    "signing_key": "any",
    "csp_id": "any",
    "minimum_reported_tcb": "any",
    "minimum_launch_tcb": "any",
    "launch_mitigations": "any",
    "current_mitigations": "any",
    "platform_required": [],
    "platform_forbidden": [],
    "vmpl": "any",
    "debug": "any",
    "migration_agent": "any",
    "policy_required": [],
    "policy_allowed": "any",
    "unknown_policy_bits": "any",
    "minimum_abi": "any",
    "minimum_guest_svn": "any",
    "measurement": "any",
    "family_id": "any",
    "image_id": "any",
    "host_data": "any",
    "id_key_digest": "any",
    "author_key_digest": "any",
    "report_data": "any",
}


def snp_policy(**keys: object) -> SnpPolicy:
    """Return the section in which `keys` are compared, and nothing else.

    Raises:
        ValueError: a key's value cannot be read.
    """
    return SnpPolicy(**{key: CONVERTERS[key](value) for key, value in {**OPEN, **keys}.items()})
