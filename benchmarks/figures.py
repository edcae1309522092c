# SPDX-License-Identifier: Apache-2.0
"""Medians, spreads and percentiles, as they go into the results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spread", "percentile"]


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure of all rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)

    def view(self, digits: int = 3) -> dict[str, float]:
        """The figure as it goes into the results."""
        return {
            "median": round(self.median, digits),
            "least": round(min(self.values), digits),
            "most": round(max(self.values), digits),
            "rounds": len(self.values),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` per cent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
