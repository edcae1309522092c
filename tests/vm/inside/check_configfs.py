# SPDX-License-Identifier: Apache-2.0
"""What the configfs driver says when the real kernel, its provider or another writer misbehaves.

pytest is given this file by name, inside the guest, while a software TDX answers through the relay.
Each refusal has its code, leaves no entry behind, and the next report is a good one.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.processes import USER, as_user, wait_for
from tests.refusals import refused
from tests.vm.inside.provider import count, parameters
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.configfs.entry import Entries
from troth.tsm.driver import glance
from troth.tsm.raw import SystemFiles

REPORTS: Final = Path("/sys/kernel/config/tsm/report")
ASKED: Final = bytes(range(64))
OTHER: Final = bytes(64)
PATIENCE_S: Final = 0.5
ASK: Final = "from troth.tsm.configfs import ConfigfsDriver as D; D().report(bytes(64))"


class Intruder(SystemFiles):
    """The machine's files; before the report is read, root writes to the private entry."""

    def __init__(self) -> None:
        self.comes = True

    def read(self, path: Path, most: int) -> bytes:
        if path.name == "outblob" and self.comes:
            self.comes = False
            (path.parent / "inblob").write_bytes(OTHER)
        return super().read(path, most)


@pytest.fixture
def driver() -> Iterator[ConfigfsDriver]:
    """A driver; what happened to it leaves nothing behind, and passes."""
    made = ConfigfsDriver(options=Options(deadline_s=PATIENCE_S))
    yield made
    assert list(REPORTS.iterdir()) == []
    assert glance(made.report(ASKED)).report_data == ASKED
    made.close()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EIO, "tsm.failed"),
        (errno.EINVAL, "tsm.failed"),
        (errno.ENXIO, "tsm.failed"),
        (errno.ENOMEM, "tsm.failed"),
        (errno.EFBIG, "tsm.report-size"),
        (errno.ENOTTY, "tsm.locked-out"),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else value,
)
def test_what_the_provider_answers_is_told_once(
    driver: ConfigfsDriver, number: int, code: str
) -> None:
    before = count("calls")
    with parameters(error=number), refused(code):
        driver.report(ASKED)
    assert count("calls") == before + 1


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EBUSY, "tsm.busy"), (errno.ETIMEDOUT, "tsm.timed-out")]
)
def test_what_passes_is_asked_again_until_the_deadline(
    driver: ConfigfsDriver, number: int, code: str
) -> None:
    before = count("calls")
    with parameters(error=number), refused(code):
        driver.report(ASKED)
    assert count("calls") > before + 1


def test_interruptions_without_end_have_an_end(driver: ConfigfsDriver) -> None:
    before = count("calls")
    with parameters(error=errno.EINTR), refused("tsm.interrupted"):
        driver.report(ASKED)
    assert count("calls") > before + 1


def test_a_provider_that_went_is_absent(driver: ConfigfsDriver) -> None:
    with parameters(registered=0):
        with refused("tsm.absent"):
            driver.report(ASKED)
        with refused("tsm.absent"):
            ConfigfsDriver()


@pytest.mark.parametrize(
    ("size", "code"),
    [(0, "tsm.report-empty"), (1, "tsm.report-form"), (5000, "tsm.report-form")],
)
def test_a_report_that_is_none_is_refused(driver: ConfigfsDriver, size: int, code: str) -> None:
    with parameters(relay=0, outblob_size=size), refused(code):
        driver.report(ASKED)


def test_a_report_over_the_kernels_limit_is_refused(driver: ConfigfsDriver) -> None:
    with parameters(relay=0, outblob_size=32769), refused("tsm.report-size"):
        driver.report(ASKED)


@pytest.mark.usefixtures("driver")
def test_another_writer_is_noticed() -> None:
    disturbed = ConfigfsDriver(files=Intruder(), options=Options(deadline_s=PATIENCE_S))
    with refused("tsm.report-torn"):
        disturbed.report(ASKED)
    assert glance(disturbed.report(ASKED)).report_data == ASKED
    disturbed.close()


@pytest.mark.usefixtures("driver")
def test_what_a_killed_process_left_is_swept_and_what_lives_is_not() -> None:
    with parameters(delay_ms=1000):
        before = count("calls")
        asking = subprocess.Popen([sys.executable, "-c", ASK])
        wait_for(lambda: count("calls") > before)
        Entries(SystemFiles(), REPORTS).sweep()
        assert len(list(REPORTS.iterdir())) == 1
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    assert len(list(REPORTS.iterdir())) == 1
    ConfigfsDriver().close()
    assert list(REPORTS.iterdir()) == []


@pytest.mark.usefixtures("driver")
def test_an_entry_is_shut_to_others_while_it_is_there() -> None:
    with parameters(delay_ms=1000):
        before = count("calls")
        asking = subprocess.Popen([sys.executable, "-c", ASK])
        wait_for(lambda: count("calls") > before)
        (entry,) = REPORTS.iterdir()
        assert entry.stat().st_mode & 0o777 == 0o700
        with pytest.raises(PermissionError):
            as_user(lambda: os.close(os.open(entry / "outblob", os.O_RDONLY)), USER)
        assert asking.wait() == 0
