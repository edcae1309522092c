# SPDX-License-Identifier: Apache-2.0
"""The one place that reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["exact", "now"]


def now() -> datetime:
    """Return this instant, aware, in UTC, without microseconds."""
    return exact().replace(microsecond=0)


def exact() -> datetime:
    """Return this instant, aware, in UTC, for what is compared with other instants of ours."""
    return datetime.now(UTC)
