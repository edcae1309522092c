# SPDX-License-Identifier: Apache-2.0
"""A token bucket in front of a TSM that punishes haste.

An SNP host may throttle a guest's requests. The guest's kernel then asks again for a minute, and
gives up by disabling its message key until the machine starts again. So we stay below the lowest
limit that is known of hosts:

    host                                      limit
    ----------------------------------------  ------------------------------------
    KVM, recommended (series of 2025)         1 in 1 s, or 2 in 2 s, for each VM
    Google Cloud (go-tpm-tools, a comment)    2 in 2 s
    go-sev-guest, which limits itself         1 in 2 s

Arrivals are counted by the generic cell rate algorithm (ITU-T I.371): one number is the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from troth.errors import DriverError
from troth.tsm.clock import Clock

__all__ = ["SNP_RATE", "UNLIMITED", "Rate", "TokenBucket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something may be done.

    Attributes:
        interval_s: after so many seconds one more is allowed; 0 for as often as one likes.
        burst: how many may be done at once after a long rest, at least 1.
    """

    interval_s: float
    burst: int = 1

    def __post_init__(self) -> None:
        """Refuse a rate that would never let anything through.

        Raises:
            DriverError: `tsm.argument`.
        """
        if not 0 <= self.interval_s < float("inf") or self.burst < 1:
            raise DriverError("tsm.argument", f"a rate of {self.burst} in {self.interval_s} s")


SNP_RATE: Final = Rate(interval_s=2.0)
UNLIMITED: Final = Rate(interval_s=0.0)


class TokenBucket:
    """Lets through what a rate allows. For one thread, as the driver that has it."""

    def __init__(self, rate: Rate, clock: Clock) -> None:
        """Begin after a long rest: a burst is allowed at once."""
        self._rate = rate
        self._clock = clock
        self._due = clock.monotonic()  # when the bucket would be full again

    def take(self, until: float) -> None:
        """Wait for a token and take it.

        Args:
            until: by the clock, when the token must be there at the latest.

        Raises:
            DriverError: `tsm.rate`, it would come later; none is taken.
        """
        rate = self._rate
        allowed = self._due - (rate.burst - 1) * rate.interval_s
        while (now := self._clock.monotonic()) < allowed:
            if allowed > until:
                raise DriverError("tsm.rate", f"the next is allowed in {allowed - now:.1f} s")
            self._clock.sleep(allowed - now)
        self._due = max(self._due, now) + rate.interval_s
