# SPDX-License-Identifier: Apache-2.0
"""SNP through its device: exact structures, the host's limits, and a key that is lost for good."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.refusals import refused
from tests.tsm.sev_guest import Clock, SevGuest
from troth.evidence.snp import CertificateTable, SnpReport
from troth.tsm.bucket import SNP_RATE, Rate, TokenBucket
from troth.tsm.driver import Driver, ServiceRequest, glance
from troth.tsm.ioctl import SnpIoctlDriver, abi

ASKED: Final = bytes(range(64, 128))
TABLE: Final = CertificateTable(
    vcek=b"\x30leaf" * 300, ask=b"\x30ca" * 400, ark=b"\x30root"
).build()


def driven(device: SevGuest, clock: Clock | None = None, **options: Any) -> SnpIoctlDriver:
    clock = clock or Clock()
    rate = options.pop("rate", Rate(interval_s=0.0))
    return SnpIoctlDriver(device, TokenBucket(rate, clock), clock=clock, **options)


def test_request_numbers_are_those_of_the_headers() -> None:
    assert abi.SNP_GET_REPORT == 0xC0205300
    assert abi.SNP_GET_EXT_REPORT == 0xC0205302
    assert abi.TDX_GET_REPORT0 == 0xC4405401
    assert abi.SNP_REPORT_REQUEST.size == 96
    assert abi.EXT_REPORT_REQUEST.size == 112
    assert abi.GUEST_REQUEST.size == 32


def test_a_report_and_the_hosts_certificates() -> None:
    device = SevGuest(table=TABLE)
    driver: Driver = driven(device)
    assert driver.provider == "sev_guest"
    report = driver.report(ASKED)
    assert SnpReport.parse(report.outblob).report_data == ASKED == glance(report).report_data
    assert report.auxblob == TABLE
    assert device.requests == [abi.SNP_GET_EXT_REPORT]
    assert driver.report(ASKED).generation == report.generation + 1
    driver.close()
    assert device.is_closed


def test_a_host_without_certificates_gives_none() -> None:
    assert driven(SevGuest()).report(ASKED).auxblob == b""


def test_certificates_are_not_asked_for_where_nobody_wants_them() -> None:
    device = SevGuest(table=TABLE)
    report = driven(device, certificates=False).report(ASKED)
    assert report.auxblob is None
    assert device.requests == [abi.SNP_GET_REPORT]


def test_the_level_is_the_callers_or_the_drivers() -> None:
    device = SevGuest()
    driver = driven(device, privlevel=2)
    driver.report(ASKED)
    driver.report(ASKED, privlevel=3)
    driver.report(ASKED, privlevel=0)
    assert device.levels == [2, 3, 0]
    for level in (-1, 4):
        with refused("tsm.argument"):
            driver.report(ASKED, privlevel=level)
    assert len(device.requests) == 3


def test_the_device_reaches_no_service() -> None:
    device = SevGuest()
    with refused("tsm.argument"):
        driven(device).report(ASKED, service=ServiceRequest())
    assert device.requests == []


@pytest.mark.parametrize("size", [0, 1, 63, 65, 1 << 20])
def test_report_data_of_another_size_never_reaches_the_device(size: int) -> None:
    device = SevGuest()
    with refused("tsm.report-data"):
        driven(device).report(bytes(size))
    assert device.requests == []


def test_snp_has_no_registers() -> None:
    driver = driven(SevGuest())
    calls: tuple[Callable[[], object], ...] = (
        driver.registers,
        lambda: driver.extend(3, bytes(48)),
        driver.register_hash,
    )
    for call in calls:
        with refused("tsm.no-registers"):
            call()


# --- sizes ----------------------------------------------------------------------------------------


def test_a_host_that_names_a_size_gets_it() -> None:
    device = SevGuest(table=TABLE, wanted_size=8192)
    assert driven(device).report(ASKED).auxblob == TABLE
    assert device.offered == [16384, 8192]


@pytest.mark.parametrize("wanted", [0, 16385, 0xFFFFF000])
def test_a_size_that_cannot_be_offered_is_refused(wanted: int) -> None:
    device = SevGuest(table=TABLE, wanted_size=wanted)
    with refused("tsm.certificates", str(wanted)):
        driven(device).report(ASKED)
    assert device.offered == [16384]


def test_a_host_that_is_never_satisfied_is_asked_twice() -> None:
    class Fickle(SevGuest):
        def _certificates(self, argument: bytearray, asked: int) -> None:
            self.wanted_size = 12288 if self.wanted_size == 4096 else 4096
            super()._certificates(argument, asked)

    fickle = Fickle(table=TABLE, wanted_size=4096)
    with refused("tsm.certificates"):
        driven(fickle).report(ASKED)
    assert len(fickle.requests) == 2


@pytest.mark.parametrize("table", [b"\1" * 4096, TABLE[:24] + b"\1" * 4072])
def test_a_table_that_cannot_be_read_is_refused(table: bytes) -> None:
    with refused("tsm.certificates"):
        driven(SevGuest(table=table)).report(ASKED)


# --- what the firmware and the host say -----------------------------------------------------------


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ((errno.EIO, 0x16, 0), "tsm.argument"),
        ((errno.EIO, 0x27, 0), "tsm.argument"),
        ((errno.EIO, 0x0E, 0), "tsm.firmware"),
        ((errno.EIO, 0xFF, 0), "tsm.failed"),
        ((errno.EIO, 0, 0), "tsm.failed"),
        ((errno.EBADMSG, 0, 0), "tsm.failed"),
        ((errno.EINVAL, 0xFF, 0), "tsm.failed"),
        ((errno.ETIMEDOUT, 0xFF, 2), "tsm.timed-out"),
        ((errno.ENOTTY, 0xFF, 0), "tsm.locked-out"),
        ((errno.ENODEV, 0xFF, 0), "tsm.absent"),
    ],
)
def test_a_failure_has_its_code(
    failure: tuple[int, int, int],
    code: str,
    extended: bool,
) -> None:
    device = SevGuest(failures=[failure])
    with refused(code):
        driven(device, certificates=extended).report(ASKED)
    assert len(device.requests) == 1


def test_a_lost_key_is_an_error_for_good_and_asks_nobody_again() -> None:
    device = SevGuest(failures=[(errno.ETIMEDOUT, 0xFF, 2)])
    driver = driven(device)
    with refused("tsm.timed-out"):
        driver.report(ASKED)
    for _ in range(5):
        with refused("tsm.locked-out"):
            driver.report(ASKED)
    assert len(device.requests) == 2  # the one that lost it, and the one that learnt of it


def test_a_busy_host_is_asked_again_until_the_deadline() -> None:
    device = SevGuest(failures=[(errno.EAGAIN, 0xFF, 2), (errno.EINTR, 0xFF, 0)])
    clock = Clock()
    assert driven(device, clock).report(ASKED).outblob
    assert len(device.requests) == 3
    assert clock.slept
    device = SevGuest(failures=[(errno.EBUSY, 0xFF, 2)] * 1000)
    with refused("tsm.busy"):
        driven(device, clock, deadline_s=5.0).report(ASKED)
    assert len(device.requests) < 20


def test_the_bucket_stands_in_front_of_each_request() -> None:
    clock = Clock()
    device = SevGuest(table=TABLE, wanted_size=8192)
    driver = driven(device, clock, rate=SNP_RATE)
    driver.report(ASKED)
    assert clock.now == pytest.approx(
        102.0
    )  # the second request, with the size that the host named
    device.wanted_size = None
    driver.report(ASKED)
    assert clock.now == pytest.approx(104.0)


def test_no_request_is_made_that_the_rate_lets_through_too_late() -> None:
    clock = Clock()
    device = SevGuest()
    driver = driven(device, clock, rate=Rate(interval_s=60.0), deadline_s=30.0)
    driver.report(ASKED)
    with refused("tsm.rate"):
        driver.report(ASKED)
    assert len(device.requests) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(0x16, "tsm.argument"), (0x27, "tsm.argument"), (0x01, "tsm.firmware")],
)
def test_a_status_is_the_firmwares(status: int, code: str) -> None:
    with refused(code):
        driven(SevGuest(status=status)).report(ASKED)


@pytest.mark.parametrize("size", [0, 1183, 1185, 0xFFFFFFFF])
def test_a_report_of_another_size_is_refused(size: int) -> None:
    with refused("tsm.report-form"):
        driven(SevGuest(size=size)).report(ASKED)


def test_a_report_over_other_data_is_refused() -> None:
    with refused("tsm.report-other"):
        driven(SevGuest(other=bytes(64))).report(ASKED)
