# SPDX-License-Identifier: Apache-2.0
"""The one place that reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> datetime:
    """Return this instant, aware, in UTC, without microseconds."""
    return datetime.now(UTC).replace(microsecond=0)
