# SPDX-License-Identifier: Apache-2.0
"""The catalogue of metrics, one class for each program, served on admin sockets only.

Labels are few, always there, and never taken from a peer.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["METRICS_TYPE", "OrchestratorMetrics"]

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_REPORT_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class OrchestratorMetrics:
    """What trothd counts."""

    def __init__(self) -> None:
        """Start all counts at nought, in a registry of their own."""
        self.registry = CollectorRegistry()
        self.epochs = Counter("troth_epochs", "Epochs made", registry=self.registry)
        self.reports = Counter(
            "troth_reports", "Reports asked of the TSM", ["result"], registry=self.registry
        )
        self.report_s = Histogram(
            "troth_report_seconds",
            "Time from the request of a report to its end",
            buckets=_REPORT_BUCKETS_S,
            registry=self.registry,
        )
        self.statements = Counter(
            "troth_statements", "Statements made", ["mode"], registry=self.registry
        )
        self.events = Counter("troth_events", "Events appended", registry=self.registry)
        self.refusals = Counter(
            "troth_refusals", "Requests refused", ["code"], registry=self.registry
        )
        self.tokens = Counter(
            "troth_token_renewals", "Renewals of tokens", ["result"], registry=self.registry
        )
        self.pushes = Counter(
            "troth_pushes", "Evidence pushed after an event", ["result"], registry=self.registry
        )
        self.alarms = Gauge("troth_alarms", "Alarms of this boot", registry=self.registry)
        self.namespaces = Gauge("troth_namespaces", "Living namespaces", registry=self.registry)
        self.waiting = Gauge(
            "troth_waiting", "Requests that wait for an epoch", registry=self.registry
        )

    def count_token(self, result: str) -> None:
        """Count a renewal, `good` or `failed`."""
        self.tokens.labels(result).inc()

    def count_push(self, result: str) -> None:
        """Count a push, `good` or `failed`."""
        self.pushes.labels(result).inc()

    def text(self) -> bytes:
        """Return the exposition of all metrics."""
        return generate_latest(self.registry)
