# SPDX-License-Identifier: Apache-2.0
"""trothd on the kernel's interface: rooted where registers can be extended, else it says not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cbor2
import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Answer, Trothd
from tests.orchestrator.tees import TEES
from tests.refusals import refused
from tests.tdx import AT
from tests.tsm import view
from tests.tsm.sev_guest import Clock, SevGuest
from troth.errors import DriverError
from troth.orchestrator.configuration import Configuration, DaemonSettings
from troth.orchestrator.device import registers_of
from troth.orchestrator.faults import CrashPoints
from troth.orchestrator.root_step import root_step
from troth.orchestrator.statements import report_member
from troth.orchestrator.tsm import AutoSettings
from troth.tsm.bucket import UNLIMITED, TokenBucket
from troth.tsm.driver import Report
from troth.tsm.emulated.driver import EmulatedDriver
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.tsm.ioctl import SnpIoctlDriver

DIGEST: Final = bytes(32)
CALLERS: Final = 16
REQUESTS: Final = 4
NO_CRASH: Final = CrashPoints(
    Configuration(
        trothd=DaemonSettings(run_directory="/r", admin_socket="/a", root_register="rtmr3"),
        tsm=AutoSettings(),
    )
)
Make = Callable[..., Trothd]


@contextmanager
def on_a_view(
    make: Make, tmp_path: Path, driver: str, kernel: str, **settings: str
) -> Iterator[Trothd]:
    """Run trothd on a view of its own software TDX."""
    with view.mounted(tmp_path / "t", kernel=kernel) as sysfs:
        one = make(driver=f'driver = "{driver}"\nsysfs = "{sysfs}"', **settings).start()
        try:
            yield one
            assert list((sysfs / "kernel/config/tsm/report").iterdir()) == []
        finally:
            one.stop()


@pytest.mark.parametrize("driver", ["auto", "configfs"])
def test_a_kernel_with_registers_has_a_rooted_trothd(
    make: Make, tmp_path: Path, driver: str
) -> None:
    with on_a_view(make, tmp_path, driver, "7.3") as one:
        assert read(one.evidence("payments").body, one.software()).rooted
        status = one.status()
        assert (status["rooted"], status["provider"]) == (True, "tdx_guest")
        one.extend(3, b"\1" * 48)
        assert one.evidence("payments").status == 200
        status = one.status()
        assert (status["rooted"], status["alarms"]) == (False, 1)


def test_many_callers_at_once_each_get_their_own_bundle(make: Make, tmp_path: Path) -> None:
    def asked(one: Trothd) -> list[Answer]:
        return [one.evidence("payments") for _ in range(REQUESTS)]

    with on_a_view(make, tmp_path, "configfs", "7.3") as one:
        with ThreadPoolExecutor(CALLERS) as callers:
            answers = [answer for some in callers.map(asked, [one] * CALLERS) for answer in some]
        assert [answer.status for answer in answers] == [200] * (CALLERS * REQUESTS)
        tee = one.software()
        found = [read(answer.body, tee) for answer in answers]
        assert all(bundle.rooted for bundle in found)
        assert len({bundle.salt for bundle in found}) == len(found)


def test_a_tsm_that_went_away_is_one_line_and_says_no_entry(make: Make, tmp_path: Path) -> None:
    with view.served(tmp_path / "t") as (sysfs, process):
        one = make(driver=f'driver = "configfs"\nsysfs = "{sysfs}"').start()
        try:
            assert one.evidence("payments").status == 200
            process.kill()
            process.wait(view.DEADLINE_S)
            answer = one.evidence("payments")
            assert answer.code == "tsm.absent"
            assert b"troth-" not in answer.body
            assert [line for line in one.log().splitlines() if "troth-" in line] == []
            assert one.log().count("tsm.absent") == 1
        finally:
            one.stop()


def test_a_kernel_without_tsm_mr_ends_the_root_step_and_names_the_way_out(
    make: Make, tmp_path: Path
) -> None:
    with view.mounted(tmp_path / "t", kernel="6.12") as sysfs:
        one = make(driver=f'driver = "configfs"\nsysfs = "{sysfs}"')
        one.start(wait=False)
        assert one.process is not None
        assert one.process.wait(60) == 7
        assert "tsm.no-registers" in one.log()
        assert 'root_register = "none"' in one.log()


def test_a_kernel_without_tsm_mr_serves_unrooted_where_that_is_said(
    make: Make, tmp_path: Path
) -> None:
    with on_a_view(make, tmp_path, "configfs", "6.12", root_register="none") as one:
        assert "root.unrooted" in one.log()
        for _ in range(2):
            assert not read(one.evidence("payments").body, one.software()).rooted
        status = one.status()
        assert (status["rooted"], status["alarms"]) == (False, 0)
        # The first report told the registers, so a later change of them is seen all the same.
        one.extend(2, b"\1" * 48)
        assert one.evidence("payments").status == 200
        assert one.status()["alarms"] == 1


def test_auto_without_a_tsm_ends_with_the_status_of_this_machine(
    make: Make, tmp_path: Path
) -> None:
    (tmp_path / "kernel").mkdir()
    one = make(driver=f'driver = "auto"\nsysfs = "{tmp_path}"\ndevices = "{tmp_path}"')
    one.start(wait=False)
    assert one.process is not None
    assert one.process.wait(60) == 7
    assert "tsm.absent" in one.log()


# --- the root step where there is nothing to extend -----------------------------------------------


class Limited(EmulatedDriver):
    """A TDX whose registers are shown and cannot be extended, or fail otherwise."""

    code = "tsm.no-registers"

    def extend(self, index: int, digest: bytes) -> None:
        raise DriverError(self.code, f"{index} {len(digest)}")


@pytest.fixture
def td(tmp_path: Path) -> Path:
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    return tmp_path / "td"


def test_a_tsm_without_registers_ends_the_root_step(tmp_path: Path) -> None:
    clock = Clock()
    driver = SnpIoctlDriver(SevGuest(), TokenBucket(UNLIMITED, clock), clock=clock)
    assert registers_of(driver) == ()
    with refused("tsm.no-registers"):
        root_step(driver, tmp_path, DIGEST, None, NO_CRASH)
    assert list(tmp_path.iterdir()) == []  # nothing is intended


def test_registers_that_cannot_be_extended_end_the_root_step(td: Path, tmp_path: Path) -> None:
    with refused("tsm.no-registers"):
        root_step(Limited(td), tmp_path, DIGEST, None, NO_CRASH)


def test_an_extend_that_failed_otherwise_ends_the_root_step(td: Path, tmp_path: Path) -> None:
    driver = Limited(td)
    driver.code = "tsm.busy"
    with refused("tsm.busy"):
        root_step(driver, tmp_path, DIGEST, None, NO_CRASH)


def test_registers_that_cannot_be_read_end_it_too(tmp_path: Path) -> None:
    with refused("tsm.state"):
        registers_of(EmulatedDriver(tmp_path / "none"))


def test_a_service_is_named_in_the_bundle_as_itself() -> None:
    report = Report(
        provider="sev_guest",
        outblob=b"report",
        manifestblob=b"manifest",
        service_provider="svsm",
        generation=1,
    )
    member = report_member(report)
    assert member.service is not None
    assert (member.service.provider, member.service.manifest) == ("svsm", b"manifest")


# --- the other TSMs on the kernel's interface ----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "word"),
    [
        ("snp", "", "rtmr3"),
        ("svsm", "\nservice = {}", "rtmr3"),
        ("svsm", "\nprivlevel = 3", "rtmr3"),
        ("cca", "", "rem3"),
        ("cove", "", "runtime3"),
    ],
)
def test_each_tsm_of_a_kernel_is_served_unrooted_where_that_is_said(
    make: Make, tmp_path: Path, kind: str, settings: str, word: str
) -> None:
    (tmp_path / "view").mkdir()
    TEES[kind].create_in(tmp_path / "t" / "tee")
    provider = {"svsm": "snp"}.get(kind, kind)
    at = str(tmp_path / "t" / "tee")
    with view.mounted(tmp_path / "view", provider=f"software-{provider}", tee=at) as sysfs:
        paced = 'driver = "configfs"\nrate = {interval_ms = 0}'  # no host limits us here
        driver = f'{paced}\nsysfs = "{sysfs}"{settings}'
        rooted = make(kind=kind, driver=driver, root_register=word).start(wait=False)
        assert rooted.process is not None
        assert rooted.process.wait(60) == (2 if provider == "snp" else 7)
        assert ("tsm.no-registers" in rooted.log()) is (provider != "snp")
        assert '"none"' in rooted.log()
        rooted.stop()
        one = make(kind=kind, driver=driver, root_register="none").start()
        try:
            for _ in range(2):
                got = read(one.evidence("payments").body, one.software())
                assert not got.rooted
            member = cbor2.loads(got.members["report"][1])
            assert ("auxblob" in member) is (provider == "snp")
            assert ("service" in member) is ("service" in settings)
            if "privlevel" in settings:
                assert got.vmpl == 3
            if word != "rtmr3":  # a token shows registers that nobody here can read otherwise
                one.extend(3, bytes(len(got.registers[3])))
                assert one.evidence("payments").status == 200
                assert one.status()["alarms"] == 1
        finally:
            one.stop()
