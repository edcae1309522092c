# SPDX-License-Identifier: Apache-2.0
"""The software TDX of a directory behind the view: its quotes and its registers.

The directory is opened anew for each call, as `EmulatedDriver` does: what others do to the TD, with
`troth emulate tdx extend` or through another view, is seen at once.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from troth.errors import DriverError
from troth.evidence.eventlog.ccel_table import CC_TYPE_TDX, CcelTable
from troth.tsm.driver import TDX
from troth.tsm.emulated.tdx import SoftwareTdx, load, load_boot_log, opened
from troth.tsm.emulated.tdx.boot import LOG_AREA_BYTES
from troth.tsm.emulated.view import attributes
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.device import Device
from troth.tsm.emulated.view.provider import Blobs, Kernel, Request
from troth.tsm.emulated.view.registers import Registers
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["TdxBank", "TdxProvider", "tdx_tree"]

_REPORT_DATA_BYTES: Final = 64
_TABLES: Final = "/firmware/acpi/tables"
_LOG_AREA_ADDRESS: Final = 0x7F80_0000  # in no memory: nobody reads there


def tdx_tree(
    directory: Path, kernel: Kernel, *, latency_s: float = 0.0, fails_with: int | None = None
) -> Tree:
    """Return what a kernel would show of the software TDX in a directory.

    Args:
        directory: of the software TDX.
        kernel: which one.
        latency_s: how long a quote takes, at least.
        fails_with: the errno with which every quote fails, if it is to fail.

    Raises:
        DriverError: `tsm.state`, there is no usable software TDX.
    """
    load(directory)
    device = Device(latency_s=latency_s, fails_with=fails_with)
    provider = TdxProvider(directory, kernel, device)
    registers = Registers(TdxBank(directory)) if kernel.has_registers else None
    return Tree(Tsm(kernel, provider), registers=registers, firmware=_firmware(directory))


class TdxProvider:
    """`tdx_guest`, as its driver in the kernel answers."""

    name: Final = TDX
    attributes: Final = attributes.TDX
    floor: Final = 0

    def __init__(self, directory: Path, kernel: Kernel, device: Device | None = None) -> None:
        """Take a directory and a kernel; see `tdx_tree`."""
        self._directory = directory
        self._kernel = kernel
        self._device = device or Device()

    def report(self, request: Request) -> Blobs:
        """Return a quote; without one, what the kernel makes of that.

        Raises:
            OSError: EINVAL, report data of another size than 64 bytes; EIO, the software TDX
                cannot be used; the errno that the device is to fail with.
        """
        if len(request.inblob) != _REPORT_DATA_BYTES:
            raise refusal(errno.EINVAL)
        try:
            return self._device.ask(lambda: self._made(request.inblob))
        except OSError as error:
            if self._kernel.hides_failed_quotes and error.errno == errno.EIO:
                return Blobs(outblob=b"")
            raise

    def _made(self, report_data: bytes) -> Blobs:
        with opened(self._directory) as tee:
            return Blobs(outblob=tee.quote(report_data))


class TdxBank:
    """The registers of the TD; all but the RTMRs are as they were at launch."""

    def __init__(self, directory: Path) -> None:
        """Take the directory of the software TDX."""
        self._directory = directory

    def read(self, name: str) -> bytes:
        """Return a register by the name of its file.

        Raises:
            OSError: EIO, the software TDX cannot be used.
        """
        try:
            with opened(self._directory) as tee:
                return _values(tee)[name]
        except (DriverError, OSError):
            raise refusal(errno.EIO) from None

    def extend(self, rtmr: int, digest: bytes) -> None:
        """Extend an RTMR.

        Raises:
            OSError: EIO, the software TDX cannot be used.
        """
        try:
            with opened(self._directory) as tee:
                tee.extend(rtmr, digest)
        except (DriverError, OSError):
            raise refusal(errno.EIO) from None


def _values(tee: SoftwareTdx) -> Mapping[str, bytes]:
    td = tee.settings.td
    launched = {
        "mrconfigid": td.mr_config_id,
        "mrowner": td.mr_owner,
        "mrownerconfig": td.mr_owner_config,
        "mrtd:sha384": td.mr_td,
    }
    return {name: bytes.fromhex(value) for name, value in launched.items()} | {
        f"rtmr{n}:sha384": value for n, value in enumerate(tee.registers())
    }


def _firmware(directory: Path) -> Mapping[str, bytes]:
    """Return the files of the event log, by path: the ACPI table, and the log area behind it."""
    log = load_boot_log(directory)
    if log is None:
        return {}
    table = CcelTable(
        cc_type=CC_TYPE_TDX,
        cc_subtype=0,
        log_area_bytes=LOG_AREA_BYTES,
        log_area_address=_LOG_AREA_ADDRESS,
    )
    return {
        f"{_TABLES}/CCEL": table.build(),
        f"{_TABLES}/data/CCEL": log.ljust(LOG_AREA_BYTES, b"\xff"),
    }
