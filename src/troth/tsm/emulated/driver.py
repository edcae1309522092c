# SPDX-License-Identifier: Apache-2.0
"""The software TDX of a directory as a driver, with the troubles of a real one on request.

It is serial as the hardware's is: while one report is made, every other process that wants the
same directory waits. The TEE is loaded for each call, so what others did to it is seen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from troth.crypto.digest import sha384
from troth.errors import DriverError
from troth.tsm.driver import TDX, Report, ServiceRequest
from troth.tsm.emulated.tdx import opened

__all__ = ["EmulatedDriver", "Fault", "Injection"]

FOREIGN_DIGEST: Final = sha384(b"troth emulated foreign writer")
ROOT_REGISTER: Final = 3


class Fault(StrEnum):
    """What can go wrong with one report."""

    FAIL = "fail"  # the TSM answers with an error
    EMPTY = "empty"  # the report has no bytes
    REPORT_DATA = "report-data"  # the report is over other report data
    GENERATION = "generation"  # another writer used the report entry meanwhile
    FOREIGN_EXTEND = "foreign-extend"  # somebody extended the root register just before


class Injection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault, and which reports of a driver have it.

    Attributes:
        fault: what goes wrong.
        report: the first report that has it, counted from 1.
        times: how many reports in a row have it.
    """

    fault: Fault
    report: int = 1
    times: int = 1


class EmulatedDriver:
    """A software TDX that lies in a directory."""

    def __init__(
        self, directory: Path, *, latency_s: float = 0.0, inject: Sequence[Injection] = ()
    ) -> None:
        """Take a directory that `troth emulate` made.

        Args:
            directory: of the software TDX.
            latency_s: how long a report takes, at least, from its request to its end.
            inject: what is to go wrong.
        """
        self._directory = directory
        self._latency_s = latency_s
        self._inject = tuple(inject)
        self._generation = 0
        self._asked = 0

    @property
    def provider(self) -> str:
        """The name that the kernel gives to the TSM that is emulated."""
        return TDX

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Return a quote; see `Driver.report`.

        Raises:
            DriverError: `tsm.argument`, TDX has neither levels nor services; `tsm.failed`,
                `tsm.state`, `tsm.report-data`.
        """
        if privlevel is not None or service is not None:
            raise DriverError("tsm.argument", "TDX has neither privilege levels nor services")
        self._asked += 1
        faults = {
            one.fault for one in self._inject if one.report <= self._asked < one.report + one.times
        }
        try:
            with opened(self._directory) as tee:
                end = time.monotonic() + self._latency_s
                if Fault.FOREIGN_EXTEND in faults:
                    tee.extend(ROOT_REGISTER, FOREIGN_DIGEST)
                wrong = bytes(one ^ 1 for one in report_data)
                quote = tee.quote(wrong if Fault.REPORT_DATA in faults else report_data)
                time.sleep(max(0.0, end - time.monotonic()))
        except OSError as error:
            raise DriverError("tsm.state", str(error)) from None
        if Fault.FAIL in faults:
            raise DriverError("tsm.failed", "an injected failure")
        self._generation += 2 if Fault.GENERATION in faults else 1
        outblob = b"" if Fault.EMPTY in faults else quote
        return Report(provider=TDX, outblob=outblob, generation=self._generation)

    def registers(self) -> tuple[bytes, ...]:
        """Return RTMR0 to RTMR3; see `Driver.registers`."""
        try:
            with opened(self._directory) as tee:
                return tee.registers()
        except OSError as error:
            raise DriverError("tsm.state", str(error)) from None

    def extend(self, index: int, digest: bytes) -> None:
        """Extend an RTMR and keep it; see `Driver.extend`."""
        try:
            with opened(self._directory) as tee:
                tee.extend(index, digest)
        except OSError as error:
            raise DriverError("tsm.state", str(error)) from None

    def close(self) -> None:
        """Nothing is held between calls."""
