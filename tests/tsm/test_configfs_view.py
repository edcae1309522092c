# SPDX-License-Identifier: Apache-2.0
"""The configfs driver on real files of a FUSE view, with real processes, signals and writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tests.program import HEARS_SIGINT
from tests.refusals import refused
from tests.tdx import REPORT_DATA
from tests.tsm import view
from troth.errors import DriverError
from troth.tsm.bucket import UNLIMITED
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import SNP, ServiceRequest, glance
from troth.tsm.raw import SystemFiles

OTHER: Final = bytes(reversed(REPORT_DATA))
NOBODY: Final = "65534"
ASK: Final = """
import sys
from pathlib import Path
from troth.tsm.configfs import ConfigfsDriver
driver = ConfigfsDriver(Path(sys.argv[1]))
print("READY", flush=True)
driver.report(bytes(64))
"""


class Watched(SystemFiles):
    """The machine's files, with something done before the next read of one of them."""

    def __init__(self) -> None:
        self.acts: dict[str, Callable[[Path], object]] = {}

    def read(self, path: Path, most: int) -> bytes:
        act = self.acts.pop(path.name, None)
        if act is not None:
            act(path.parent)
        return super().read(path, most)


@pytest.fixture(scope="module")
def sysfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with view.mounted(tmp_path_factory.mktemp("view")) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with view.mounted(tmp_path_factory.mktemp("slow"), latency_s=1.0) as mounted:
        yield mounted


def entries(sysfs: Path) -> set[str]:
    return {one.name for one in (sysfs / "kernel/config/tsm/report").iterdir()}


@contextmanager
def asking(sysfs: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is in the midst of a request."""
    command = [*HEARS_SIGINT, sys.executable, "-c", ASK, str(sysfs)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
            while not entries(sysfs) and process.poll() is None:
                time.sleep(0.005)
            yield process
        finally:
            process.kill()


def test_an_interrupted_process_leaves_nothing(slow: Path) -> None:
    with asking(slow) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=view.DEADLINE_S)
    assert process.returncode in {-signal.SIGINT, 1}
    assert "KeyboardInterrupt" in said
    assert entries(slow) == set()


def test_what_a_killed_process_left_is_swept_at_the_next_start(slow: Path) -> None:
    with asking(slow) as process:
        process.kill()
        process.wait(view.DEADLINE_S)
    assert len(entries(slow)) == 1
    ConfigfsDriver(slow).close()
    assert entries(slow) == set()


def test_what_a_living_process_uses_is_not(slow: Path) -> None:
    with asking(slow) as process:
        before = entries(slow)
        assert len(before) == 1
        process.send_signal(signal.SIGSTOP)
        ConfigfsDriver(slow).close()
        assert entries(slow) == before
        process.send_signal(signal.SIGCONT)
        assert process.wait(view.DEADLINE_S) == 0
    assert entries(slow) == set()


@pytest.mark.parametrize(
    "written", [OTHER, REPORT_DATA, bytes(1)], ids=["other data", "the same", "one byte"]
)
def test_a_foreign_writer_between_write_and_read(sysfs: Path, written: bytes) -> None:
    files = Watched()
    driver = ConfigfsDriver(sysfs, files=files)
    files.acts["outblob"] = lambda entry: (entry / "inblob").write_bytes(written)
    with refused("tsm.report-torn"):
        driver.report(REPORT_DATA)
    assert entries(sysfs) == set()
    assert glance(driver.report(REPORT_DATA)).report_data == REPORT_DATA


def test_a_foreign_writer_who_wipes_it(sysfs: Path) -> None:
    files = Watched()
    driver = ConfigfsDriver(sysfs, files=files)

    def too_much(entry: Path) -> None:
        with pytest.raises(OSError, match="large"):
            (entry / "inblob").write_bytes(bytes(65))

    files.acts["outblob"] = too_much
    with refused("tsm.report-torn"):
        driver.report(REPORT_DATA)
    assert entries(sysfs) == set()


def test_an_entry_that_is_taken_away(sysfs: Path) -> None:
    files = Watched()
    driver = ConfigfsDriver(sysfs, files=files)
    files.acts["outblob"] = lambda entry: entry.rmdir()
    with refused("tsm.entry"):
        driver.report(REPORT_DATA)
    driver.report(REPORT_DATA)
    assert entries(sysfs) == set()


def test_another_user_cannot_look_into_an_entry() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can let others see a mount, and become another user")
    with tempfile.TemporaryDirectory(prefix="troth-test-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with view.mounted(directory, everybody=True) as sysfs:
            files = Watched()
            driver = ConfigfsDriver(sysfs, files=files)
            seen: list[int] = []

            def look(entry: Path) -> None:
                command = ["/usr/bin/setpriv", "--reuid", NOBODY, "--regid", NOBODY]
                command += ["--clear-groups", "/bin/cat", str(entry / "generation")]
                seen.append(subprocess.run(command, check=False, capture_output=True).returncode)
                entry.chmod(0o755)  # so that the test could fail
                seen.append(subprocess.run(command, check=False, capture_output=True).returncode)

            files.acts["outblob"] = look
            driver.report(REPORT_DATA)
            assert seen == [1, 0]


def test_quotes_that_fail_in_the_vmm(tmp_path: Path) -> None:
    with view.mounted(tmp_path, fails_with="EIO") as sysfs:
        driver = ConfigfsDriver(sysfs)
        with refused("tsm.failed", "EIO"):
            driver.report(REPORT_DATA)
        assert entries(sysfs) == set()


def test_quotes_that_fail_in_the_vmm_of_an_older_kernel(tmp_path: Path) -> None:
    with view.mounted(tmp_path, kernel="6.12", fails_with="EIO") as sysfs:
        driver = ConfigfsDriver(sysfs)
        with refused("tsm.report-empty"):
            driver.report(REPORT_DATA)
        with refused("tsm.no-registers"):
            driver.registers()
        assert entries(sysfs) == set()


def test_a_service_is_asked_for_by_name_and_version(tmp_path: Path) -> None:
    guid = UUID("c476f1eb-0123-45a5-9641-b4e7dde5bfe3")
    with view.mounted(tmp_path, provider="svsm") as sysfs:
        driver = ConfigfsDriver(sysfs, Options(rate=UNLIMITED))
        assert (driver.provider, driver.privlevel_floor) == (SNP, 2)
        report = driver.report(
            REPORT_DATA, service=ServiceRequest(guid=guid, manifest_version=0x01020304)
        )
        assert report.manifestblob == guid.bytes_le + bytes((4, 3, 2, 1))
        assert report.auxblob == b"certificates"
        with refused("tsm.failed", "EINVAL"):
            driver.report(REPORT_DATA, service=ServiceRequest(provider="another"))
        assert driver.report(REPORT_DATA, privlevel=3).manifestblob is None
        assert entries(sysfs) == set()


def test_a_daemon_that_is_killed(tmp_path: Path) -> None:
    with view.served(tmp_path) as (sysfs, process):
        driver = ConfigfsDriver(sysfs)
        driver.report(REPORT_DATA)
        process.kill()
        process.wait(view.DEADLINE_S)
        for call in (lambda: driver.report(REPORT_DATA), driver.registers):
            with pytest.raises(DriverError, match=r"tsm\.absent") as told:
                call()
            assert "troth-" not in told.value.detail  # an entry's name says our ids
        with refused("tsm.absent"):
            ConfigfsDriver(sysfs)
        driver.close()


def test_a_daemon_that_is_killed_in_the_midst_of_a_request(tmp_path: Path) -> None:
    with view.served(tmp_path) as (sysfs, process):
        files = Watched()
        driver = ConfigfsDriver(sysfs, files=files)

        def kill(_: Path) -> None:
            process.kill()
            process.wait(view.DEADLINE_S)

        files.acts["outblob"] = kill
        with capture_logs() as lines:
            with refused("tsm.absent"):
                driver.report(REPORT_DATA)
            driver.close()
        assert lines == []  # its entries went with it: none is left


def test_a_machine_without_configfs(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"tsm\.absent"):
        ConfigfsDriver(tmp_path)
