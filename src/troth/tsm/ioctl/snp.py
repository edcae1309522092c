# SPDX-License-Identifier: Apache-2.0
"""SNP without configfs: reports and extended reports of `/dev/sev-guest`.

The host limits these requests, and the kernel gives its message key up for good when the host holds
one back for a minute or the firmware fails: to use a counter twice would break the encryption. So a
bucket stands in front, and a key that is lost is an error for good, without another request.

Source: Linux, Documentation/virt/coco/sev-guest.rst; AMD 56860, MSG_REPORT_REQ; AMD 56421, GHCB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from troth.errors import DriverError, MalformedError
from troth.evidence.snp import CertificateTable
from troth.evidence.snp.layout import REPORT_BYTES
from troth.tsm.bucket import TokenBucket
from troth.tsm.clock import Clock
from troth.tsm.driver import SNP, Report, ServiceRequest, demand_report_data, settled
from troth.tsm.ioctl import abi
from troth.tsm.ioctl.device import Device
from troth.tsm.ioctl.memory import Shared
from troth.tsm.patience import AGAIN_SNP, patiently
from troth.tsm.refusal import told

__all__ = ["SNP_DEVICE", "SnpIoctlDriver"]

SNP_DEVICE: Final = Path("/dev/sev-guest")

_VMPL_HIGHEST: Final = 3
_REFUSED: Final = {
    abi.FIRMWARE_INVALID_PARAMETER: "tsm.argument",
    abi.FIRMWARE_INVALID_KEY: "tsm.argument",
}


class _RequestError(Exception):
    """A request that failed, with what hypervisor and firmware said."""

    def __init__(self, cause: OSError, firmware: int, vmm: int) -> None:
        super().__init__()
        self.cause = cause
        self.firmware = firmware
        self.vmm = vmm


class SnpIoctlDriver:
    """`/dev/sev-guest`."""

    def __init__(
        self,
        device: Device,
        bucket: TokenBucket,
        *,
        clock: Clock,
        deadline_s: float = 30.0,
        privlevel: int = 0,
        certificates: bool = True,
    ) -> None:
        """Take a device, which is closed with the driver.

        Args:
            device: answers `SNP_GET_REPORT` and `SNP_GET_EXT_REPORT`.
            bucket: says when the next request may be made.
            clock: measures and spends time.
            deadline_s: for waiting for the bucket and for asking a busy device again. The kernel
                itself may hold a request for a minute.
            privlevel: the VMPL of reports for which the caller names none.
            certificates: whether the host is asked for its certificates too.
        """
        self._device = device
        self._bucket = bucket
        self._clock = clock
        self._deadline_s = deadline_s
        self._privlevel = privlevel
        self._certificates = certificates
        self._is_lost = False
        self._generation = 0

    @property
    def provider(self) -> str:
        """The kernel's name of the TSM."""
        return SNP

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Return a report and the host's certificates; see `Driver.report`.

        Raises:
            DriverError: `tsm.argument`, the device reaches no service, there is no such VMPL, or
                the firmware refuses it; `tsm.report-data`; `tsm.rate`; `tsm.locked-out`, for good;
                `tsm.firmware`; `tsm.certificates`; otherwise as `told` and `settled`.
        """
        if service is not None:
            raise DriverError("tsm.argument", "services answer through configfs alone")
        level = self._privlevel if privlevel is None else privlevel
        if not 0 <= level <= _VMPL_HIGHEST:
            raise DriverError("tsm.argument", f"VMPL {level}")
        demand_report_data(report_data)
        until = self._clock.monotonic() + self._deadline_s
        ask = self._extended if self._certificates else self._plain
        response, table = patiently(
            lambda: ask(report_data, level, until),
            until=until,
            clock=self._clock,
            again=AGAIN_SNP,
        )
        made = Report(
            provider=SNP,
            outblob=_report_in(response),
            auxblob=table,
            generation=self._generation + 1,
        )
        report = settled(made, report_data)
        self._generation = report.generation
        return report

    def registers(self) -> tuple[bytes, ...]:
        """Raise: SNP has none.

        Raises:
            DriverError: `tsm.no-registers`.
        """
        raise DriverError("tsm.no-registers", SNP)

    def register_hash(self) -> str:
        """Raise: SNP has none; see `registers`."""
        raise DriverError("tsm.no-registers", SNP)

    def extend(self, index: int, digest: bytes) -> None:
        """Raise: SNP has none; see `registers`."""
        raise DriverError("tsm.no-registers", f"{SNP}: {index}, {len(digest)} bytes")

    def close(self) -> None:
        """Let go of the device."""
        self._device.close()

    def _plain(self, report_data: bytes, level: int, until: float) -> tuple[bytes, None]:
        with Shared(abi.SNP_REPORT_REQUEST.size) as request:
            request.write(abi.SNP_REPORT_REQUEST.pack(report_data, level))
            try:
                return self._ask(abi.SNP_GET_REPORT, request, until), None
            except _RequestError as failure:
                raise self._judged(failure) from None

    def _extended(self, report_data: bytes, level: int, until: float) -> tuple[bytes, bytes]:
        """Ask with room for all that the kernel passes on, and once more as the host wishes."""
        size = abi.CERTIFICATES_MAX_BYTES
        for last in (False, True):
            with Shared(abi.EXT_REPORT_REQUEST.size) as request, Shared(size) as table:
                fields = (report_data, level, table.address, size)
                request.write(abi.EXT_REPORT_REQUEST.pack(*fields))
                try:
                    response = self._ask(abi.SNP_GET_EXT_REPORT, request, until)
                    return response, _cut(table.read())
                except _RequestError as failure:
                    if failure.vmm != abi.VMM_INVALID_LENGTH:
                        raise self._judged(failure) from None
                    wanted = abi.EXT_REPORT_REQUEST.unpack(request.read())[3]
            if last or not 0 < wanted <= abi.CERTIFICATES_MAX_BYTES:
                break
            size = wanted
        raise DriverError(
            "tsm.certificates", f"the host wants room for {wanted} bytes after {size} were offered"
        )

    def _ask(self, number: int, request: Shared, until: float) -> bytes:
        """Do one request, when the bucket lets it, and return the response."""
        if self._is_lost:
            raise DriverError("tsm.locked-out")
        self._bucket.take(until)
        with Shared(abi.REPORT_RESPONSE_BYTES) as response:
            addresses = (request.address, response.address)
            packed = abi.GUEST_REQUEST.pack(
                abi.SNP_MESSAGE_VERSION, *addresses, abi.FIRMWARE_NO_CALL, 0
            )
            argument = bytearray(packed)
            try:
                self._device.ioctl(number, argument)
            except OSError as error:
                firmware, vmm = abi.GUEST_REQUEST.unpack(argument)[3:]
                raise _RequestError(error, firmware, vmm) from None
            return response.read()

    def _judged(self, failure: _RequestError) -> DriverError:
        """Return what a failed request means; a lost key is remembered."""
        try:
            with told(SNP_DEVICE):
                raise failure.cause
        except DriverError as error:
            said = f"{error.detail}; firmware {failure.firmware:#x}, hypervisor {failure.vmm:#x}"
            code = error.code
        if code == "tsm.locked-out":
            self._is_lost = True
        elif code == "tsm.failed" and failure.firmware not in {0, abi.FIRMWARE_NO_CALL}:
            code = _REFUSED.get(failure.firmware, "tsm.firmware")
        return DriverError(code, said)


def _report_in(response: bytes) -> bytes:
    """Return the report that the firmware's answer holds."""
    status, size = abi.REPORT_RESPONSE.unpack_from(response)
    if status:
        raise DriverError(_REFUSED.get(status, "tsm.firmware"), f"status {status:#x}")
    if size != REPORT_BYTES:
        raise DriverError("tsm.report-form", f"{size} bytes, {REPORT_BYTES} are due")
    return response[abi.REPORT_RESPONSE.size :][:size]


def _cut(table: bytes) -> bytes:
    """Return a table without what no entry of it uses; no byte where the host has no certificates.

    Raises:
        DriverError: `tsm.certificates`, it cannot be read.
    """
    try:
        return table[: CertificateTable.extent(table)]
    except MalformedError as error:
        raise DriverError("tsm.certificates", str(error)) from None
