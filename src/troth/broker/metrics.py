# SPDX-License-Identifier: Apache-2.0
"""What the broker counts, served on its admin socket only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

from troth.infra.metrics import METRICS_TYPE

__all__ = ["METRICS_TYPE", "BrokerMetrics"]


class BrokerMetrics:
    """Counts, in a registry of their own; labels are codes of ours, never a peer's words."""

    def __init__(self) -> None:
        """Start all counts at nought."""
        self.registry = CollectorRegistry()
        self.releases = Counter("troth_broker_releases", "Secrets released", registry=self.registry)
        self.refusals = Counter(
            "troth_broker_refusals", "Requests refused", ["code"], registry=self.registry
        )

    def text(self) -> bytes:
        """Return the exposition of all metrics."""
        return generate_latest(self.registry)
