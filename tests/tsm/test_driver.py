# SPDX-License-Identifier: Apache-2.0
"""The emulated driver, and what is seen at a glance of its reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tdx import AT, REPORT_DATA
from troth.crypto.digest import sha384
from troth.errors import DriverError
from troth.tsm.driver import Driver, Glance, Report, ServiceRequest, glance, settled
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.driver import EmulatedDriver, Fault, Injection
from troth.tsm.emulated.tdx import SoftwareTdx, create_in


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create_in(tmp_path / "tee", SoftwareTdx.create(at=AT))
    return tmp_path / "tee"


def test_a_report_is_over_what_was_asked(directory: Path) -> None:
    driver: Driver = EmulatedDriver(directory)
    report = driver.report(REPORT_DATA)
    seen = glance(report)
    assert seen.report_data == REPORT_DATA
    assert seen.registers == driver.registers() == (bytes(48),) * 4
    assert driver.report(REPORT_DATA).generation == report.generation + 1
    driver.close()


def test_an_extend_is_kept_and_seen_by_others(directory: Path) -> None:
    EmulatedDriver(directory).extend(3, bytes(48))
    assert EmulatedDriver(directory).registers()[3] == sha384(bytes(96))


def test_tdx_has_no_levels_and_no_services(directory: Path) -> None:
    driver = EmulatedDriver(directory)
    for wanted in ({"privlevel": 0}, {"service": ServiceRequest()}):
        with pytest.raises(DriverError, match=r"tsm.argument"):
            driver.report(REPORT_DATA, **wanted)


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault.FAIL, "tsm.failed"), (Fault.EMPTY, "tsm.report-empty")],
)
def test_faults_come_where_they_are_wanted(directory: Path, fault: Fault, code: str) -> None:
    driver = EmulatedDriver(directory, inject=[Injection(fault, report=2)])
    glance(driver.report(REPORT_DATA))
    with pytest.raises(DriverError) as caught:
        glance(driver.report(REPORT_DATA))
    assert caught.value.code == code
    glance(driver.report(REPORT_DATA))


def test_a_foreign_extend_is_in_the_report(directory: Path) -> None:
    driver = EmulatedDriver(directory, inject=[Injection(Fault.FOREIGN_EXTEND)])
    assert glance(driver.report(REPORT_DATA)).registers[3] != bytes(48)


def test_a_directory_that_is_gone_is_this_machines_fault(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"tsm.state"):
        EmulatedDriver(tmp_path / "none")
    driver = EmulatedDriver(directory)
    directory.rename(tmp_path / "elsewhere")
    calls = (
        driver.registers,
        driver.register_hash,
        lambda: driver.report(REPORT_DATA),
        lambda: driver.extend(3, bytes(48)),
    )
    for call in calls:
        with pytest.raises(DriverError, match=r"tsm.state"):
            call()


def test_reports_of_unknown_form_are_refused() -> None:
    with pytest.raises(DriverError, match=r"tsm.provider"):
        glance(Report(provider="other_guest", outblob=b"x", generation=1))
    for provider in ("tdx_guest", "sev_guest", "arm_cca_guest", "cove_guest"):
        with pytest.raises(DriverError, match=r"tsm.report-form"):
            glance(Report(provider=provider, outblob=b"x", generation=1))


@pytest.mark.parametrize(
    ("tee", "provider"),
    [
        (SoftwareCca.create(at=AT), "arm_cca_guest"),
        (SoftwareCove.create(at=AT), "cove_guest"),
    ],
    ids=["cca", "cove"],
)
def test_a_token_shows_its_challenge_and_registers(
    tee: SoftwareCca | SoftwareCove, provider: str
) -> None:
    size = len(tee.registers()[3])
    tee.extend(3, bytes([1]) * size)
    token = tee.token(REPORT_DATA)
    report = Report(provider=provider, outblob=token, generation=1)
    assert glance(report) == Glance(REPORT_DATA, tee.registers(), len(token))
    assert any(glance(report).registers[3])
    with pytest.raises(DriverError, match=r"tsm.report-other"):
        settled(report, bytes(64))
    # A token says where it ends; what lies behind is nobody's padding.
    with pytest.raises(DriverError, match=r"tsm.report-form"):
        glance(Report(provider=provider, outblob=token + b"\0", generation=1))
