# SPDX-License-Identifier: Apache-2.0
"""A PCK chain's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from troth.evidence.intel.pck import PckChain
from troth.wire.text import format_instant

__all__ = ["Claim", "describe_chain"]

Claim = str | int | bool | list[int | str] | None
"""What a described field can be."""


def describe_chain(chain: PckChain) -> dict[str, Claim]:
    """Return what the PCK certificate says of the platform; `cpu_svn` are its components.

    Raises:
        MalformedError: `pck.extension`.
    """
    return {
        "fmspc": chain.extension.fmspc.hex(),
        "pck_ca": chain.ca,
        "pck_not_before": format_instant(chain.leaf.not_before),
        "pck_not_after": format_instant(chain.leaf.not_after),
        "cpu_svn": [*chain.extension.components],
        "pce_svn": chain.extension.pce_svn,
    }
