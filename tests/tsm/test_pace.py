# SPDX-License-Identifier: Apache-2.0
"""The token bucket and the patience of the drivers, by a clock that stands still."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.tsm.standin import FakeClock
from troth.errors import DriverError
from troth.tsm.bucket import SNP_RATE, UNLIMITED, Rate, TokenBucket
from troth.tsm.clock import SystemClock
from troth.tsm.patience import AGAIN, AGAIN_SNP, INTERRUPTS, patiently

FOREVER = 1e9


def taken(rate: Rate, gaps: list[float]) -> list[float]:
    """Return when each token was had by a caller who comes back after such gaps."""
    clock = FakeClock()
    bucket = TokenBucket(rate, clock)
    times = []
    for gap in gaps:
        clock.now += gap
        bucket.take(FOREVER)
        times.append(clock.now)
    return times


def test_a_burst_and_then_the_rate() -> None:
    assert taken(Rate(interval_s=2.0, burst=3), [0.0] * 6) == [
        1000.0,
        1000.0,
        1000.0,
        1002.0,
        1004.0,
        1006.0,
    ]


def test_a_rest_gives_a_burst_back_and_no_more() -> None:
    times = taken(Rate(interval_s=1.0, burst=2), [0.0, 0.0, 100.0, 0.0, 0.0])
    assert times == [1000.0, 1000.0, 1100.0, 1100.0, 1101.0]


def test_no_limit_is_none() -> None:
    assert taken(UNLIMITED, [0.0] * 5) == [1000.0] * 5


@given(
    st.floats(0.1, 10.0),
    st.integers(1, 4),
    st.lists(st.floats(0.0, 20.0), min_size=2, max_size=40),
)
def test_no_window_holds_more_than_the_rate_allows(
    interval: float, burst: int, gaps: list[float]
) -> None:
    times = taken(Rate(interval_s=interval, burst=burst), gaps)
    for first, begun in enumerate(times):
        for last in range(first, len(times)):
            allowed = burst + (times[last] - begun) / interval
            assert last - first + 1 <= allowed + 1e-6


def test_snp_stays_below_the_lowest_limit_that_is_known() -> None:
    times = taken(SNP_RATE, [0.0] * 20)
    assert min(b - a for a, b in pairwise(times)) >= 2.0


def test_a_token_that_comes_too_late_is_not_taken() -> None:
    clock = FakeClock()
    bucket = TokenBucket(Rate(interval_s=2.0), clock)
    bucket.take(clock.now)
    with refused("tsm.rate", "2.0 s"):
        bucket.take(clock.now + 1.9)
    assert clock.slept == []
    bucket.take(clock.now + 2.0)
    assert clock.slept == [2.0]


def test_a_sleep_that_ends_early_is_gone_on_with() -> None:
    class Early(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(max(seconds / 2, 0.1))

    clock = Early()
    bucket = TokenBucket(Rate(interval_s=2.0), clock)
    bucket.take(FOREVER)
    bucket.take(FOREVER)
    assert clock.now >= 1002.0
    assert len(clock.slept) > 1


@pytest.mark.parametrize(
    ("interval", "burst"), [(-1.0, 1), (float("nan"), 1), (float("inf"), 1), (1.0, 0)]
)
def test_a_rate_that_lets_nothing_through_is_none(interval: float, burst: int) -> None:
    with refused("tsm.argument"):
        Rate(interval_s=interval, burst=burst)


def test_the_systems_clock_goes_forward() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert before < clock.monotonic() <= time.monotonic()


class Failing:
    """Work that fails so often, by turns, and then is done."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.tries = 0

    def __call__(self) -> int:
        self.tries += 1
        if self.codes:
            raise DriverError(self.codes.pop(0))
        return self.tries


@pytest.mark.parametrize("code", sorted(AGAIN))
def test_what_passes_is_tried_again(code: str) -> None:
    clock = FakeClock()
    work = Failing(code, code)
    assert patiently(work, until=FOREVER, clock=clock) == 3
    assert clock.slept == [0.01, 0.02]


@pytest.mark.parametrize(
    "code", ["tsm.failed", "tsm.report-torn", "tsm.report-empty", "tsm.locked-out", "tsm.absent"]
)
def test_what_does_not_pass_is_not(code: str) -> None:
    work = Failing(code)
    with refused(code):
        patiently(work, until=FOREVER, clock=FakeClock())
    assert work.tries == 1


def test_nothing_is_begun_behind_the_deadline() -> None:
    clock = FakeClock()
    work = Failing(*["tsm.busy"] * 1000)
    with refused("tsm.busy"):
        patiently(work, until=clock.now + 5.0, clock=clock)
    assert clock.now <= 1005.0


def test_interruptions_are_bounded_whatever_the_deadline() -> None:
    work = Failing(*["tsm.interrupted"] * 1000)
    with refused("tsm.interrupted"):
        patiently(work, until=FOREVER, clock=FakeClock())
    assert work.tries == INTERRUPTS + 1


def test_an_snp_that_timed_out_is_not_asked_again() -> None:
    work = Failing("tsm.timed-out")
    with refused("tsm.timed-out"):
        patiently(work, until=FOREVER, clock=FakeClock(), again=AGAIN_SNP)
    assert work.tries == 1
