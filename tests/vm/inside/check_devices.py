# SPDX-License-Identifier: Apache-2.0
"""The ioctl drivers against devices of a real kernel: addresses, sizes and errno are its own.

The devices are those of the test module. pytest is given this file by name, inside the guest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.refusals import refused
from tests.vm.inside.provider import count, parameters
from troth.errors import DriverError
from troth.evidence.snp import CertificateTable, SnpReport
from troth.tsm.bucket import Rate, TokenBucket
from troth.tsm.clock import SystemClock
from troth.tsm.ioctl import CharacterDevice, SnpIoctlDriver, TdxIoctlDriver, UnixAddress

ASKED = bytes(range(64))


class NoRegisters:
    def extend(self, index: int, digest: bytes) -> None:
        raise DriverError("tsm.no-registers", f"{index}, {len(digest)}")


@pytest.fixture
def snp() -> Iterator[SnpIoctlDriver]:
    driver = made()
    yield driver
    driver.close()


def made(*, certificates: bool = True) -> SnpIoctlDriver:
    clock = SystemClock()
    bucket = TokenBucket(Rate(interval_s=0.0), clock)
    device = CharacterDevice(Path("/dev/sev-guest"))
    return SnpIoctlDriver(device, bucket, clock=clock, deadline_s=5.0, certificates=certificates)


def test_a_report_over_what_was_asked(snp: SnpIoctlDriver) -> None:
    report = snp.report(ASKED, privlevel=2)
    seen = SnpReport.parse(report.outblob)
    assert seen.report_data == ASKED
    assert seen.vmpl == 2
    assert len(report.outblob) == 1184


@pytest.mark.parametrize("size", [4096, 5000, 16384])
def test_certificates_of_each_size(snp: SnpIoctlDriver, size: int) -> None:
    with parameters(certs_bytes=size):
        table = snp.report(ASKED).auxblob
    assert table is not None
    assert CertificateTable.parse(table).vcek == b"\xc5" * (size - 48)


def test_a_host_without_certificates(snp: SnpIoctlDriver) -> None:
    with parameters(certs_bytes=0):
        assert snp.report(ASKED).auxblob == b""


def test_a_table_that_the_kernel_would_not_pass_on_ends_the_asking(snp: SnpIoctlDriver) -> None:
    before = count("snp_calls")
    with parameters(certs_bytes=16385), refused("tsm.certificates"):
        snp.report(ASKED)
    assert count("snp_calls") == before + 1


def test_without_certificates_the_plain_request_is_made() -> None:
    driver = made(certificates=False)
    assert driver.report(ASKED).auxblob is None
    driver.close()


@pytest.mark.parametrize(
    ("firmware", "code"), [(0x16, "tsm.argument"), (0x27, "tsm.argument"), (0x05, "tsm.firmware")]
)
def test_what_the_firmware_says_is_told(firmware: int, code: str) -> None:
    driver = made()
    with parameters(fw_error=firmware), pytest.raises(DriverError) as caught:
        driver.report(ASKED)
    assert caught.value.code == code
    assert f"{firmware:#x}" in caught.value.detail
    driver.close()


def test_a_device_that_is_not_there_is_said() -> None:
    with refused("tsm.absent"):
        CharacterDevice(Path("/dev/no-such-device"))


def test_a_tdreport_names_the_registers() -> None:
    device = CharacterDevice(Path("/dev/tdx_guest"))
    address = UnixAddress(Path("/run/no-such-service"))
    driver = TdxIoctlDriver(device, address, registers=NoRegisters(), clock=SystemClock())
    assert driver.registers() == (bytes(48),) * 4
    driver.close()


def test_another_device_is_no_tdx_guest() -> None:
    device = CharacterDevice(Path("/dev/null"))
    address = UnixAddress(Path("/run/no-such-service"))
    driver = TdxIoctlDriver(device, address, registers=NoRegisters(), clock=SystemClock())
    with refused("tsm.absent"):
        driver.registers()
    driver.close()
