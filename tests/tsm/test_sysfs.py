# SPDX-License-Identifier: Apache-2.0
"""The one machine-wide state of the v2 series, and those who do not heed its lock."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from tests.refusals import refused
from tests.tdx import REPORT_DATA
from tests.tsm.standin import STATE, SYSFS, FakeClock, Snp, SysfsFiles, Tdx, snp_report
from troth.tsm.configfs import Options
from troth.tsm.driver import SNP, ServiceRequest, glance
from troth.tsm.sysfs import Format, SysfsDriver

OTHER = bytes(reversed(REPORT_DATA))


@pytest.fixture(scope="module")
def tdx() -> Tdx:
    return Tdx()


@pytest.fixture
def files(tdx: Tdx) -> SysfsFiles:
    tdx.changes = lambda quote: quote
    return SysfsFiles(tdx)


def driver(files: SysfsFiles, **options: Any) -> SysfsDriver:
    return SysfsDriver(SYSFS, files=files, clock=FakeClock(), **options)


def hexed(data: bytes) -> bytes:
    return data.hex().encode() + b"\n"


def test_a_request_is_made_under_the_lock(files: SysfsFiles) -> None:
    one = driver(files)
    files.calls.clear()
    held: list[bool] = []
    for name in ("generation", "inhex", "outblob", "generation"):
        files.before("read", name, lambda: held.append(files.is_locked))
    files.before("write", "inhex", lambda: held.append(files.is_locked))
    one.report(REPORT_DATA)
    assert files.calls == [
        ("lock", "inhex"),
        ("read", "generation"),
        ("read", "inhex"),
        ("write", "inhex"),
        ("read", "outblob"),
        ("read", "generation"),
    ]
    assert held == [True] * 5
    assert not files.is_locked


def test_the_same_value_twice_does_not_move_the_count(files: SysfsFiles) -> None:
    one = driver(files)
    assert [one.report(REPORT_DATA).generation for _ in range(3)] == [1, 2, 3]
    assert files.generation == 1


def test_others_who_take_their_turn_do_not_disturb(files: SysfsFiles) -> None:
    one = driver(files)
    one.report(REPORT_DATA)
    files.put("inhex", hexed(OTHER))
    assert one.report(REPORT_DATA).generation == 2


def test_a_lock_that_is_held_is_waited_for(files: SysfsFiles) -> None:
    clock = FakeClock()
    one = SysfsDriver(SYSFS, Options(deadline_s=10.0), files=files, clock=clock)
    files.fail("lock", "inhex", errno.EAGAIN, errno.EAGAIN)
    one.report(REPORT_DATA)
    files.fail("lock", "inhex", *[errno.EAGAIN] * 100)
    with refused("tsm.busy"):
        one.report(REPORT_DATA)
    files.heal()
    one.report(REPORT_DATA)


@pytest.mark.parametrize("when", ["write", "outblob"])
def test_a_writer_who_does_not_heed_the_lock(files: SysfsFiles, when: str) -> None:
    one = driver(files)
    operation, name = ("write", "inhex") if when == "write" else ("read", "outblob")
    files.before(operation, name, lambda: files.put("inhex", hexed(OTHER)))
    with refused("tsm.report-torn"):
        one.report(REPORT_DATA)
    assert not files.is_locked
    one.report(REPORT_DATA)


def test_a_writer_who_changes_it_and_back(files: SysfsFiles) -> None:
    one = driver(files)

    def there_and_back() -> None:
        files.put("inhex", hexed(OTHER))
        files.put("inhex", hexed(REPORT_DATA))

    files.before("read", "outblob", there_and_back)
    with refused("tsm.report-torn", "generation 3, 1 is due"):
        one.report(REPORT_DATA)


def test_a_count_that_went_back(files: SysfsFiles) -> None:
    one = driver(files)
    files.before("read", "outblob", lambda: setattr(files, "generation", 0))
    with refused("tsm.report-torn", "generation 0, 1 is due"):
        one.report(REPORT_DATA)


@pytest.mark.parametrize(
    ("operation", "name", "number", "code"),
    [
        ("write", "inhex", errno.EINVAL, "tsm.argument"),
        ("read", "outblob", errno.EIO, "tsm.failed"),
        ("read", "outblob", errno.EFBIG, "tsm.report-size"),
        ("read", "outblob", errno.ENXIO, "tsm.absent"),
    ],
)
def test_each_errno_has_its_code(
    files: SysfsFiles, operation: str, name: str, number: int, code: str
) -> None:
    one = driver(files)
    files.fail(operation, name, number)
    with refused(code):
        one.report(REPORT_DATA)
    assert not files.is_locked
    one.report(REPORT_DATA)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: b"", "tsm.report-empty"),
        (lambda quote: quote[:-1], "tsm.report-form"),
        (lambda quote: quote.replace(REPORT_DATA, OTHER), "tsm.report-other"),
    ],
)
def test_a_report_that_is_not_what_it_should_be(
    files: SysfsFiles, tdx: Tdx, change: Any, code: str
) -> None:
    tdx.changes = change
    with refused(code):
        driver(files).report(REPORT_DATA)


def test_a_short_write_is_an_error(files: SysfsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    one = driver(files)
    monkeypatch.setattr(files, "write", lambda *_: 64)
    with refused("tsm.failed", "64 bytes"):
        one.report(REPORT_DATA)


# --- what is there --------------------------------------------------------------------------------


def test_the_host_side_class_of_the_same_name_is_not_this(tdx: Tdx) -> None:
    files = SysfsFiles(tdx)
    del files.values["inhex"]
    with refused("tsm.absent", "not that of a guest"):
        driver(files)
    files.fail("names", STATE.name, errno.ENOENT)
    with refused("tsm.absent", "ENOENT"):
        driver(files)


def test_a_provider_whose_reports_cannot_be_read(files: SysfsFiles) -> None:
    with refused("tsm.provider"):
        driver(files, provider="arm_cca_guest")


def test_what_this_tsm_does_not_have(files: SysfsFiles) -> None:
    one = driver(files)
    with refused("tsm.argument", "no privilege levels"):
        one.report(REPORT_DATA, privlevel=0)
    with refused("tsm.argument", "no services"):
        one.report(REPORT_DATA, service=ServiceRequest())
    with refused("tsm.argument", "no formats"):
        driver(files, form=Format.EXTENDED)


# --- SNP ------------------------------------------------------------------------------------------


def test_levels_and_formats_are_written_and_counted() -> None:
    files = SysfsFiles(Snp(), extra=True)
    one = driver(files, provider=SNP, form=Format.EXTENDED)
    report = one.report(REPORT_DATA, privlevel=3)
    assert files.values["privlevel"] == b"3\n"
    assert files.values["format"] == b"extended\n"
    assert files.generation == 3
    assert (len(report.outblob), report.auxblob) == (0x4A0, b"certificates")
    with refused("tsm.argument"):
        one.report(REPORT_DATA, privlevel=4)


def test_without_the_format_there_are_no_certificates() -> None:
    report = driver(SysfsFiles(Snp(), extra=True), provider=SNP).report(REPORT_DATA)
    assert report.auxblob is None


def test_a_response_is_taken_out_of_its_header() -> None:
    files = SysfsFiles(Snp(), extra=True)
    files.prefix = struct.pack("<II24x", 0, 0x4A0)
    report = driver(files, provider=SNP).report(REPORT_DATA)
    assert report.outblob == snp_report(REPORT_DATA)
    assert glance(report).report_data == REPORT_DATA
    files.prefix = struct.pack("<II24x", 0, 0x4A1)
    with refused("tsm.report-form", "1185"):
        driver(files, provider=SNP).report(REPORT_DATA)
    files.prefix = struct.pack("<II24x", 0x16, 0)
    with refused("tsm.report-form"):
        driver(files, provider=SNP).report(REPORT_DATA)


def test_snp_is_asked_no_faster_than_its_host_allows() -> None:
    clock = FakeClock()
    one = SysfsDriver(SYSFS, provider=SNP, files=SysfsFiles(Snp(), extra=True), clock=clock)
    one.report(REPORT_DATA)
    one.report(REPORT_DATA)
    assert clock.slept == [2.0]


def test_an_snp_that_timed_out_is_left_alone() -> None:
    files = SysfsFiles(Snp(), extra=True)
    one = driver(files, provider=SNP)
    files.fail("read", "outblob", errno.ETIMEDOUT)
    with refused("tsm.timed-out"):
        one.report(REPORT_DATA)
    assert files.count("read", "outblob") == 1
