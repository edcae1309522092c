# SPDX-License-Identifier: Apache-2.0
"""The TSM as the event loop sees it: one thread, one call at a time (BINDING 5).

The thread is the lock of the device: a report holds it from its request to its end, and so does
each extend that we make. Kernel and firmware ask nobody, so registers are compared afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from troth.crypto.digest import same
from troth.errors import DriverError
from troth.tsm.driver import Driver, Glance, Report, due_report_data, glance

__all__ = ["Device", "registers_of"]

T = TypeVar("T")


class Device:
    """One TSM and its thread."""

    def __init__(self, driver: Driver) -> None:
        """Take a driver, which nobody else calls from here on."""
        self._driver = driver
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tsm")
        self._generation: int | None = None
        self.provider = driver.provider

    async def registers(self) -> tuple[bytes, ...]:
        """Return the runtime registers; none where the TSM has none that can be extended.

        Raises:
            DriverError: `tsm.…`.
        """
        return await self._call(lambda: registers_of(self._driver))

    async def report(self, report_data: bytes) -> tuple[Report, Glance]:
        """Return a report over 64 bytes that is what it should be, as far as we can see.

        Raises:
            DriverError: `tsm.…`; asking again may help.
        """
        report = await self._call(lambda: self._driver.report(report_data))
        before, self._generation = self._generation, report.generation
        if report.provider != self.provider:
            raise DriverError("tsm.provider", f"{report.provider} in place of {self.provider}")
        seen = glance(report)
        if not same(seen.report_data, due_report_data(report, report_data)):
            raise DriverError("tsm.report-other")
        if before is not None and report.generation != before + 1:
            raise DriverError("tsm.report-torn", f"generation {report.generation}, was {before}")
        return report, seen

    async def aside(self, work: Callable[[], T]) -> T:
        """Do work that would hold up the loop, on the device's thread."""
        return await self._call(work)

    def close(self) -> None:
        """Wait for a report in flight and let go of the TSM."""
        self._thread.shutdown()
        self._driver.close()

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def registers_of(driver: Driver) -> tuple[bytes, ...]:
    """Return the runtime registers of a TSM; none where it has none that can be extended.

    Raises:
        DriverError: `tsm.…` but `tsm.no-registers`.
    """
    try:
        return driver.registers()
    except DriverError as error:
        if error.code != "tsm.no-registers":
            raise
        return ()
