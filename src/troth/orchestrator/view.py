# SPDX-License-Identifier: Apache-2.0
"""A namespace as JSON, for its own workloads and for the administrator."""

from __future__ import annotations

from typing import Any

from troth.evidence.binding import Origin, Phase
from troth.orchestrator.namespace import Namespace

__all__ = ["namespace_view"]


def namespace_view(namespace: Namespace) -> dict[str, Any]:
    """Return what a statement would say of a namespace now, and what it may do."""
    claims = namespace.state.claims
    view: dict[str, Any] = {
        "id": claims.id.hex(),
        "label": claims.label,
        "origin": Origin(claims.origin).name.lower(),
        "count": claims.log.count,
        "head": claims.log.head.hex(),
        "gaps": claims.gaps,
        "capabilities": sorted(namespace.capabilities),
    }
    if claims.model is not None:
        view["model"] = {
            "profile": claims.model.profile,
            "phase": Phase(claims.model.phase).name.lower(),
            "points": claims.model.points,
            "forensic": claims.model.forensic,
            "state": claims.model.state.hex(),
            "measurement": claims.model.measurement.hex(),
        }
    return view
