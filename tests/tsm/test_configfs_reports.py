# SPDX-License-Identifier: Apache-2.0
"""The reports of the configfs driver: what is asked for, what is read, and what is refused."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.refusals import refused
from tests.tdx import REPORT_DATA
from tests.tsm.standin import SYSFS, ConfigfsFiles, FakeClock, Item, Snp, Tdx
from troth.tsm.bucket import UNLIMITED, Rate
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import ServiceRequest, glance
from troth.tsm.raw import BLOB_MAX_BYTES

OTHER = bytes(reversed(REPORT_DATA))


@pytest.fixture(scope="module")
def tdx() -> Tdx:
    return Tdx()


@pytest.fixture
def files(tdx: Tdx) -> ConfigfsFiles:
    tdx.changes = lambda quote: quote
    return ConfigfsFiles(tdx, registers=tdx.registers)


@pytest.fixture
def driver(files: ConfigfsFiles) -> ConfigfsDriver:
    made = ConfigfsDriver(SYSFS, files=files, clock=FakeClock())
    files.calls.clear()
    return made


def over(provider: Snp, **options: Any) -> tuple[ConfigfsFiles, ConfigfsDriver]:
    files = ConfigfsFiles(provider)
    driver = ConfigfsDriver(SYSFS, Options(**options), files=files, clock=FakeClock())
    files.calls.clear()
    return files, driver


def only(files: ConfigfsFiles) -> Item:
    """Return the one entry that is there."""
    (item,) = files.items.values()
    return item


def served_again(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    """Demand that nothing was left and that the next caller is served."""
    assert files.items == {}
    assert glance(driver.report(OTHER)).report_data == OTHER
    assert files.items == {}


# --- the report -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: b"", "tsm.report-empty"),
        (lambda quote: quote[:1000], "tsm.report-form"),
        (lambda quote: quote[:-1], "tsm.report-form"),
        (lambda quote: b"\0" + quote, "tsm.report-form"),
        (lambda quote: quote.replace(REPORT_DATA, OTHER), "tsm.report-other"),
        (lambda _: bytes(BLOB_MAX_BYTES + 1), "tsm.report-size"),
    ],
    ids=["empty", "truncated", "one byte less", "shifted", "other report data", "too large"],
)
def test_a_report_that_is_not_what_it_should_be(
    files: ConfigfsFiles,
    driver: ConfigfsDriver,
    tdx: Tdx,
    change: Callable[[bytes], bytes],
    code: str,
) -> None:
    tdx.changes = change
    with refused(code):
        driver.report(REPORT_DATA)
    tdx.changes = lambda quote: quote
    served_again(files, driver)


@pytest.mark.parametrize("tail", [bytes(8000), b"remains of another report" * 100, bytes(1 << 20)])
def test_what_lies_behind_a_report_is_cut_off(
    driver: ConfigfsDriver, tdx: Tdx, tail: bytes
) -> None:
    tdx.changes = lambda quote: quote + tail
    report = driver.report(REPORT_DATA)
    assert len(report.outblob) == glance(report).length < 8000


def test_an_snp_report_is_cut_to_its_size() -> None:
    snp = Snp()
    snp.tail = b"\xff" * 10
    _, driver = over(snp)
    assert len(driver.report(REPORT_DATA).outblob) == 0x4A0


# --- levels, services, certificates ---------------------------------------------------------------


def test_the_floor_is_written_where_nobody_says_otherwise() -> None:
    files, driver = over(Snp(floor=2))
    assert driver.privlevel_floor == 2
    written: list[bytes] = []
    files.before("read", "outblob", lambda: written.append(only(files).written["privlevel"]))
    driver.report(REPORT_DATA)
    assert written == [b"2"]


@pytest.mark.parametrize("level", [-1, 0, 1, 4])
def test_levels_that_the_tsm_does_not_accept_are_not_written(level: int) -> None:
    files, driver = over(Snp(floor=2))
    with refused("tsm.argument", "2 to 3"):
        driver.report(REPORT_DATA, privlevel=level)
    assert files.calls == []
    driver.report(REPORT_DATA, privlevel=3)


def test_a_level_that_the_kernel_refuses() -> None:
    files, driver = over(Snp())
    files.fail("write", "privlevel", errno.EINVAL)
    with refused("tsm.argument", "privlevel: EINVAL"):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_certificates_are_read_once_behind_the_report() -> None:
    snp = Snp()
    files, driver = over(snp)
    assert driver.report(REPORT_DATA).auxblob == b"certificates"
    names = [name for operation, name in files.calls if operation == "read"]
    assert names == ["generation", "outblob", "auxblob", "generation", "provider"]
    snp.aux = b""
    assert driver.report(REPORT_DATA).auxblob is None
    assert files.count("read", "auxblob") == 2
    assert files.reports_made == 2


def test_certificates_are_not_asked_for_without_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    files, driver = over(Snp())
    monkeypatch.setattr(files.provider, "make", lambda _: {})
    with refused("tsm.report-empty"):
        driver.report(REPORT_DATA)
    assert files.count("read", "auxblob") == 0


def test_a_service_is_asked_with_all_that_was_said() -> None:
    guid = UUID("c476f1eb-0123-45a5-9641-b4e7dde5bfe3")
    files, driver = over(Snp(services=True))
    written: list[dict[str, bytes]] = []
    files.before("read", "outblob", lambda: written.append(dict(only(files).written)))
    report = driver.report(REPORT_DATA, service=ServiceRequest(guid=guid, manifest_version=7))
    assert written == [
        {
            "privlevel": b"0",
            "service_provider": b"svsm",
            "service_guid": str(guid).encode(),
            "service_manifest_version": b"7",
            "inblob": REPORT_DATA,
        }
    ]
    assert (report.service_provider, report.manifestblob) == ("svsm", b"a manifest")
    assert glance(report).report_data != REPORT_DATA
    assert driver.report(REPORT_DATA).manifestblob is None
    assert files.count("read", "manifestblob") == 1


@pytest.mark.parametrize(("manifest", "signed"), [(b"a manifest", b"another"), (b"", None)])
def test_a_manifest_that_the_report_is_not_over(manifest: bytes, signed: bytes | None) -> None:
    snp = Snp(services=True)
    snp.manifest, snp.signed_manifest = manifest, signed
    files, driver = over(snp)
    with refused("tsm.manifest"):
        driver.report(REPORT_DATA, service=ServiceRequest())
    served_again(files, driver)


@pytest.mark.parametrize(
    "service",
    [
        ServiceRequest(provider=""),
        ServiceRequest(provider="svsm\n"),
        ServiceRequest(provider="x" * 65),
        ServiceRequest(manifest_version=-1),
        ServiceRequest(manifest_version=2**32),
    ],
)
def test_a_service_that_cannot_be_named(service: ServiceRequest) -> None:
    files, driver = over(Snp(services=True))
    with refused("tsm.argument"):
        driver.report(REPORT_DATA, service=service)
    assert files.calls == []


def test_snp_is_asked_no_faster_than_its_host_allows() -> None:
    clock = FakeClock()
    files = ConfigfsFiles(Snp())
    driver = ConfigfsDriver(SYSFS, Options(deadline_s=5.0), files=files, clock=clock)
    for _ in range(3):
        driver.report(REPORT_DATA)
    assert clock.slept == [2.0, 2.0]


@pytest.mark.parametrize(
    ("rate", "slept"), [(UNLIMITED, []), (Rate(interval_s=0.5, burst=2), [0.5])]
)
def test_a_rate_that_is_configured_is_the_rate(rate: Rate, slept: list[float]) -> None:
    for provider in (Snp(), Tdx()):
        clock = FakeClock()
        files = ConfigfsFiles(provider)
        driver = ConfigfsDriver(SYSFS, Options(rate=rate), files=files, clock=clock)
        for _ in range(3):
            driver.report(REPORT_DATA)
        assert clock.slept == slept


def test_a_rate_that_leaves_no_report_in_time() -> None:
    files = ConfigfsFiles(Snp())
    driver = ConfigfsDriver(SYSFS, Options(deadline_s=1.0), files=files, clock=FakeClock())
    driver.report(REPORT_DATA)
    with refused("tsm.rate", "2.0 s"):
        driver.report(REPORT_DATA)
    assert files.reports_made == 1
