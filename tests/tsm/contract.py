# SPDX-License-Identifier: Apache-2.0
"""What every driver owes its caller, whatever is behind it. `CHECKS` are run over each `Subject`.

The checks use a driver and what a subject says of it, nothing else, so that they also run where
the kernel itself is the other side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from tests.refusals import refused
from troth.crypto.digest import digest_by_name
from troth.errors import DriverError
from troth.orchestrator.device import Device
from troth.tsm.driver import Driver, ServiceRequest, due_report_data, glance

CALLERS: Final = 64
RTMR_FOR_TESTS: Final = 2  # of those that a guest may extend


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A driver and what is behind it.

    Attributes:
        make: returns a driver; called as often as wanted, all on the same TSM.
        leftovers: what the drivers left behind them by now.
        has_registers: whether a guest can extend registers there.
        has_levels: whether the TSM has privilege levels.
        algorithm: the hash of its registers.
        no_digests: sizes that it does not take for a digest, in bytes.
    """

    make: Callable[[], Driver]
    leftovers: Callable[[], frozenset[str]] = frozenset
    has_registers: bool = True
    has_levels: bool = False
    algorithm: str = "sha-384"
    no_digests: tuple[int, ...] = (0, 47, 49, 96)


def a_report_is_over_what_was_asked(subject: Subject) -> None:
    driver = subject.make()
    for data in (bytes(64), bytes(range(64)), b"\xff" * 64, bytes(range(64))):
        report = driver.report(data)
        seen = glance(report)
        assert report.provider == driver.provider
        assert seen.report_data == due_report_data(report, data)
        assert seen.length == len(report.outblob)
    driver.close()


def each_report_counts_one(subject: Subject) -> None:
    driver = subject.make()
    counts = [driver.report(bytes([n % 2] * 64)).generation for n in range(4)]
    assert [later - counts[0] for later in counts] == [0, 1, 2, 3]
    driver.close()


def a_refused_request_does_not_count(subject: Subject) -> None:
    driver = subject.make()
    first = driver.report(bytes(64)).generation
    for size in (0, 1, 63, 65, 1 << 20):
        with refused("tsm.report-data"):
            driver.report(bytes(size))
    assert driver.report(bytes(64)).generation == first + 1
    driver.close()


def levels_and_services_that_are_not_there_are_refused(subject: Subject) -> None:
    driver = subject.make()
    for level in (-1, 4) if subject.has_levels else (-1, 0, 4):
        with refused("tsm.argument"):
            driver.report(bytes(64), privlevel=level)
    with refused("tsm.argument"):
        driver.report(bytes(64), service=ServiceRequest(provider="no such\n"))
    if not subject.has_levels:
        with refused("tsm.argument"):
            driver.report(bytes(64), service=ServiceRequest())
    driver.report(bytes(64))
    driver.close()


def drivers_on_one_tsm_do_not_meet(subject: Subject) -> None:
    one, other = subject.make(), subject.make()
    for n in range(3):
        first, second = one.report(bytes([n] * 64)), other.report(bytes([n + 100] * 64))
        assert glance(first).report_data == due_report_data(first, bytes([n] * 64))
        assert glance(second).report_data == due_report_data(second, bytes([n + 100] * 64))
    one.close()
    other.report(bytes(64))
    other.close()


def an_extend_is_what_it_should_be(subject: Subject) -> None:
    driver = subject.make()
    if not subject.has_registers:
        with refused("tsm.no-registers"):
            driver.registers()
        with refused("tsm.no-registers"):
            driver.extend(RTMR_FOR_TESTS, bytes(48))
        with refused("tsm.no-registers"):
            driver.register_hash()
        driver.report(bytes(64))
        return
    assert driver.register_hash() == subject.algorithm
    digest = digest_by_name(subject.algorithm, b"what is measured")
    size = len(digest)
    before = driver.registers()
    assert [len(one) for one in before] == [size] * 4
    for _ in range(2):
        driver.extend(RTMR_FOR_TESTS, digest)
    due = list(before)
    for _ in range(2):
        due[RTMR_FOR_TESTS] = digest_by_name(subject.algorithm, due[RTMR_FOR_TESTS] + digest)
    assert list(driver.registers()) == due
    assert list(subject.make().registers()) == due
    for index, wrong in ((-1, size), (4, size), *((2, one) for one in subject.no_digests)):
        with refused("tsm.register"):
            driver.extend(index, bytes(wrong))
    assert list(driver.registers()) == due
    driver.close()


def registers_are_in_the_report(subject: Subject) -> None:
    driver = subject.make()
    if not subject.has_registers:
        with refused("tsm.no-registers"):
            driver.registers()
        return
    driver.extend(RTMR_FOR_TESTS, digest_by_name(subject.algorithm, b"another"))
    assert glance(driver.report(bytes(64))).registers == driver.registers()
    driver.close()


def many_callers_get_their_own(subject: Subject) -> None:
    device = Device(subject.make())

    async def ask(n: int) -> None:
        data = bytes([n] * 64)
        report, seen = await device.report(data)
        assert seen.report_data == due_report_data(report, data)

    async def everybody() -> None:
        await asyncio.gather(*(ask(n) for n in range(CALLERS)))

    try:
        asyncio.run(everybody())
    finally:
        device.close()


def nothing_is_left_behind(subject: Subject) -> None:
    before = subject.leftovers()
    driver = subject.make()
    driver.report(bytes(64))
    assert subject.leftovers() == before
    with pytest.raises(DriverError):
        driver.report(bytes(63))
    driver.close()
    assert subject.leftovers() == before


CHECKS: Final[tuple[Callable[[Subject], None], ...]] = (
    a_report_is_over_what_was_asked,
    each_report_counts_one,
    a_refused_request_does_not_count,
    levels_and_services_that_are_not_there_are_refused,
    drivers_on_one_tsm_do_not_meet,
    an_extend_is_what_it_should_be,
    registers_are_in_the_report,
    many_callers_get_their_own,
    nothing_is_left_behind,
)
