# SPDX-License-Identifier: Apache-2.0
"""The software TEE of a directory as a driver, with the troubles of a real one on request.

    EmulatedDriver(directory)                              # of whichever kind lies there
    EmulatedDriver(directory, service=ServiceRequest())    # SNP: an SVSM makes the reports

It is serial as the hardware is: while one report is made, every other process that wants the same
directory waits. The TEE is loaded for each call, so what others did to it is seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from troth.crypto.digest import digest_by_name
from troth.errors import DriverError
from troth.tsm.driver import REPORT_DATA_BYTES, Report, ServiceRequest
from troth.tsm.emulated.machines import MACHINES, Blobs, Machine, kind_of
from troth.tsm.root import ROOT_INDEX, root_value

__all__ = ["EmulatedDriver", "Fault", "Injection"]

_FOREIGN: Final = b"troth emulated foreign writer"


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
    """A software TEE that lies in a directory."""

    def __init__(
        self,
        directory: Path,
        *,
        latency_s: float = 0.0,
        inject: Sequence[Injection] = (),
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> None:
        """Take a directory that `troth emulate` made, and see that it has what is wanted of it.

        Args:
            directory: of a software TDX, SNP, CCA or CoVE; `tee.json` in it says which.
            latency_s: how long a report takes, at least, from its request to its end.
            inject: what is to go wrong.
            privlevel: the VMPL of reports for which the caller names none; the lowest that the
                guest may ask from if None.
            service: the service that makes reports for which the caller names none.

        Raises:
            DriverError: `tsm.state`; `tsm.argument`, there is no such level or service;
                `tsm.no-registers`, a foreign extend is due and there is no root register.
        """
        self._directory = directory
        self._kind = MACHINES[kind_of(directory)]
        self._latency_s = latency_s
        self._inject = tuple(inject)
        self._privlevel = privlevel
        self._service = service
        self._generation = 0
        self._asked = 0
        with self._held() as machine:
            if privlevel is not None or service is not None:
                machine.attest(bytes(REPORT_DATA_BYTES), privlevel, service)
            if any(one.fault is Fault.FOREIGN_EXTEND for one in self._inject):
                root_value(self.provider, machine.registers())

    @property
    def provider(self) -> str:
        """The name that the kernel gives, or would give, to the TSM that is emulated."""
        return self._kind.provider

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Return a report; see `Driver.report`.

        Raises:
            DriverError: `tsm.argument`, `tsm.failed`, `tsm.state`, `tsm.report-data`.
        """
        level = self._privlevel if privlevel is None else privlevel
        wanted = self._service if service is None else service
        self._asked += 1
        faults = {
            one.fault for one in self._inject if one.report <= self._asked < one.report + one.times
        }
        wrong = bytes(one ^ 1 for one in report_data)
        blobs = self._ask(
            wrong if Fault.REPORT_DATA in faults else report_data,
            level,
            wanted,
            foreign=Fault.FOREIGN_EXTEND in faults,
        )
        if Fault.FAIL in faults:
            raise DriverError("tsm.failed", "an injected failure")
        self._generation += 2 if Fault.GENERATION in faults else 1
        return Report(
            provider=self.provider,
            outblob=b"" if Fault.EMPTY in faults else blobs.outblob,
            auxblob=blobs.auxblob,
            manifestblob=blobs.manifestblob,
            service_provider=None if wanted is None else wanted.provider,
            generation=self._generation,
        )

    def registers(self) -> tuple[bytes, ...]:
        """Return the runtime registers; see `Driver.registers`."""
        with self._held() as machine:
            return machine.registers()

    def register_hash(self) -> str:
        """Return the name of the registers' hash; see `Driver.register_hash`."""
        with self._held() as machine:
            return machine.register_hash()

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a runtime register and keep it; see `Driver.extend`."""
        with self._held() as machine:
            machine.extend(index, digest)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _ask(
        self,
        report_data: bytes,
        privlevel: int | None,
        service: ServiceRequest | None,
        *,
        foreign: bool,
    ) -> Blobs:
        """Hold the TEE for as long as a report takes, behind a foreign extend where one is due."""
        with self._held() as machine:
            end = time.monotonic() + self._latency_s
            if foreign:
                digest = digest_by_name(machine.register_hash(), _FOREIGN)
                machine.extend(ROOT_INDEX, digest)
            blobs = machine.attest(report_data, privlevel, service)
            time.sleep(max(0.0, end - time.monotonic()))
        return blobs

    @contextmanager
    def _held(self) -> Iterator[Machine]:
        """Hold the TEE, alone.

        Raises:
            DriverError: `tsm.state`.
        """
        try:
            with self._kind.opened(self._directory) as machine:
                yield machine
        except OSError as error:
            raise DriverError("tsm.state", str(error)) from None
