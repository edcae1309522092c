# SPDX-License-Identifier: Apache-2.0
"""A report's contents as names and plain values, for people and JSON."""

from __future__ import annotations

import msgspec

from troth.evidence.snp.product import Tcb
from troth.evidence.snp.report import SnpReport

__all__ = ["SnpClaim", "describe_report"]

SnpClaim = str | int | bool | list[str] | dict[str, int] | None
"""What a described field can be."""


def describe_report(report: SnpReport) -> dict[str, SnpClaim]:
    """Return every field: byte strings and bit words as hex, TCBs by their parts."""
    told: dict[str, SnpClaim] = {}
    for name in report.__struct_fields__:
        value = getattr(report, name)
        if isinstance(value, Tcb):
            parts = msgspec.structs.asdict(value)
            told[name] = {part: svn for part, svn in parts.items() if svn is not None}
        elif isinstance(value, bytes):
            told[name] = value.hex()
        else:
            told[name] = hex(value) if name in _WORDS else value
    return told | {
        "product": None if report.product is None else report.product.value,
        "signing_key": report.signing_key.name,
        "mask_chip_key": report.is_chip_key_masked,
        "author_key_en": report.has_author_key,
        "of_host": report.is_of_host,
        "debug_allowed": report.guest_policy.debug,
        "smt_allowed": report.guest_policy.smt,
        "migrate_ma": report.guest_policy.migration_agent,
        "cpuid_fms": None if report.product is None else report.cpuid.hex(),
        "policy_set": sorted(report.guest_policy.names),
        "platform_set": sorted(report.platform.names),
    }


_WORDS = frozenset({"policy", "platform_info", "launch_mitigations", "current_mitigations"})
