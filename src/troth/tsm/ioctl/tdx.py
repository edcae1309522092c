# SPDX-License-Identifier: Apache-2.0
"""TDX without configfs: a TDREPORT of the device, quoted by the quote generation service.

The kernel's own way waits up to a second for each quote; this one does not, and needs a way to the
host's service. Registers are read out of a TDREPORT, so also where the kernel has no tsm-mr.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final, Protocol

from troth.crypto.digest import same
from troth.errors import DriverError
from troth.evidence.tdx.layout import MEASUREMENT_BYTES, RTMR_COUNT
from troth.tsm.clock import Clock
from troth.tsm.driver import (
    REPORT_DATA_BYTES,
    TDX,
    Report,
    ServiceRequest,
    demand_report_data,
    settled,
)
from troth.tsm.ioctl import abi
from troth.tsm.ioctl.device import Device
from troth.tsm.ioctl.qgs import Address, fetch_quote
from troth.tsm.patience import patiently
from troth.tsm.refusal import told

__all__ = ["TDX_DEVICE", "TdxIoctlDriver"]

TDX_DEVICE: Final = Path("/dev/tdx_guest")

# TDREPORT_STRUCT, Intel TDX Module ABI: type and subtype, REPORTDATA, and in TDINFO RTMR0 to RTMR3
_TYPE: Final = slice(0, 2)
_TYPE_TDX: Final = b"\x81\x00"
_REPORT_DATA: Final = slice(128, 192)
_RTMR0: Final = 720

_OTHER_DEVICE: Final = {errno.ENOTTY: "tsm.absent"}


class Extends(Protocol):
    """What extends registers."""

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a register; see `Driver.extend`."""
        ...


class TdxIoctlDriver:
    """`/dev/tdx_guest` and a quote generation service."""

    def __init__(
        self,
        device: Device,
        service: Address,
        *,
        registers: Extends,
        clock: Clock,
        deadline_s: float = 30.0,
    ) -> None:
        """Take a device, which is closed with the driver.

        Args:
            device: answers `TDX_CMD_GET_REPORT0`.
            service: turns its TDREPORTs into quotes.
            registers: extends what a TDREPORT only tells, as `troth.tsm.registers.Registers` does.
            clock: measures and spends time.
            deadline_s: for one quote, and for asking a busy device again.
        """
        self._device = device
        self._service = service
        self._registers = registers
        self._clock = clock
        self._deadline_s = deadline_s
        self._generation = 0

    @property
    def provider(self) -> str:
        """The kernel's name of the TSM."""
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
            DriverError: `tsm.argument`, TDX has neither levels nor services; `tsm.report-data`;
                otherwise as `registers`, `fetch_quote` and `settled`.
        """
        if privlevel is not None or service is not None:
            raise DriverError("tsm.argument", "TDX has neither privilege levels nor services")
        demand_report_data(report_data)
        quote = fetch_quote(self._service, self._tdreport(report_data), self._deadline_s)
        made = Report(provider=TDX, outblob=quote, generation=self._generation + 1)
        report = settled(made, report_data)
        self._generation = report.generation
        return report

    def registers(self) -> tuple[bytes, ...]:
        """Return RTMR0 to RTMR3 as they are now.

        Raises:
            DriverError: `tsm.report-form`, `tsm.report-other`, and as `told`.
        """
        tdreport = self._tdreport(bytes(REPORT_DATA_BYTES))
        starts = (_RTMR0 + MEASUREMENT_BYTES * index for index in range(RTMR_COUNT))
        return tuple(tdreport[at : at + MEASUREMENT_BYTES] for at in starts)

    def register_hash(self) -> str:
        """Return the name of the hash of RTMRs (Intel TDX Module ABI, TDG.MR.RTMR.EXTEND)."""
        return "sha-384"

    def extend(self, index: int, digest: bytes) -> None:
        """Extend an RTMR through tsm-mr; the device itself cannot. See `Driver.extend`."""
        self._registers.extend(index, digest)

    def close(self) -> None:
        """Let go of the device."""
        self._device.close()

    def _tdreport(self, report_data: bytes) -> bytes:
        tdreport = patiently(
            lambda: self._ask(report_data),
            until=self._clock.monotonic() + self._deadline_s,
            clock=self._clock,
        )
        if tdreport[_TYPE] != _TYPE_TDX:
            raise DriverError("tsm.report-form", "not a TDREPORT")
        if not same(tdreport[_REPORT_DATA], report_data):
            raise DriverError("tsm.report-other", "the TDREPORT")
        return tdreport

    def _ask(self, report_data: bytes) -> bytes:
        argument = bytearray(report_data + bytes(abi.TDREPORT_BYTES))
        with told(TDX_DEVICE, _OTHER_DEVICE):
            self._device.ioctl(abi.TDX_GET_REPORT0, argument)
        return bytes(argument[REPORT_DATA_BYTES:])
