# SPDX-License-Identifier: Apache-2.0
"""Looking for TSMs finds what is there, with its reason, and leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.tdx import AT
from tests.tsm import view
from troth.tsm.choose import DriverName, State, choose
from troth.tsm.emulated.qgs import QuoteService
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.tsm.ioctl.qgs import UnixAddress
from troth.tsm.probe import probe

AS_NOBODY: Final = """
import os, sys
from pathlib import Path
from troth.tsm.probe import probe
os.setgroups([]); os.setgid(65534); os.setuid(65534)
found = probe(Path(sys.argv[1]), Path(sys.argv[2]), None)
print(found.configfs.state, found.tdx_device.state)
shut = Path(sys.argv[3])
found = probe(shut, shut, None)
print(found.configfs.state, found.sysfs.state, found.tdx_device.state, found.sev_device.state)
"""


def entries(sysfs: Path) -> list[str]:
    return [one.name for one in (sysfs / "kernel/config/tsm/report").iterdir()]


def test_a_machine_without_anything(tmp_path: Path) -> None:
    found = probe(tmp_path, tmp_path, None)
    assert {
        one.state
        for one in (
            found.configfs,
            found.registers,
            found.sysfs,
            found.tdx_device,
            found.sev_device,
            found.quote_service,
        )
    } == {State.ABSENT}
    assert found.provider is None
    assert choose(found).driver is None
    assert list(tmp_path.iterdir()) == []


def test_configfs_and_registers_of_a_view(tmp_path: Path) -> None:
    with view.mounted(tmp_path) as sysfs:
        found = probe(sysfs, tmp_path, None)
        assert found.configfs.is_ready
        assert found.registers.is_ready
        assert found.provider == "tdx_guest"
        assert entries(sysfs) == []
        choice = choose(found)
        assert (choice.driver, choice.provider) == (DriverName.CONFIGFS, "tdx_guest")


def test_a_kernel_without_tsm_mr(tmp_path: Path) -> None:
    with view.mounted(tmp_path, kernel="6.12") as sysfs:
        found = probe(sysfs, tmp_path, None)
        assert found.configfs.is_ready
        assert found.registers.state is State.ABSENT
        assert "6.16" in found.registers.detail


def test_what_is_not_for_this_user_is_said() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "tdx_guest").touch(0o600)
        (directory / "shut").mkdir(0o700)
        with view.mounted(directory, everybody=True) as sysfs:
            command = [sys.executable, "-c", AS_NOBODY, str(sysfs), name]
            command.append(str(directory / "shut"))
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.stdout.split() == ["denied"] * 6, done.stderr
            assert entries(sysfs) == []


def test_a_view_whose_process_died_is_absent(tmp_path: Path) -> None:
    with view.served(tmp_path) as (sysfs, process):
        process.kill()
        process.wait()
        found = probe(sysfs, tmp_path, None)
    assert found.configfs.state is State.ABSENT
    assert not found.registers.is_ready


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (("inhex", "outblob", "generation"), State.READY),
        (("connect", "dsm"), State.ABSENT),  # the host's class of the same name, since 6.19
        ((), State.ABSENT),
    ],
)
def test_the_sysfs_class_is_a_guests(tmp_path: Path, names: tuple[str, ...], state: State) -> None:
    directory = tmp_path / "class/tsm/tsm0"
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).touch()
    found = probe(tmp_path, tmp_path, None)
    assert found.sysfs.state is state
    assert choose(found).driver is None


def test_devices_and_a_quote_service(tmp_path: Path) -> None:
    devices = tmp_path / "dev"
    devices.mkdir()
    (devices / "tdx_guest").symlink_to("/dev/null")
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    path = tmp_path / "qgs.sock"
    assert probe(tmp_path, devices, UnixAddress(path)).quote_service.state is State.FAILED
    with QuoteService(path, tmp_path / "td"):
        found = probe(tmp_path, devices, UnixAddress(path))
    assert found.tdx_device.is_ready
    assert found.quote_service.is_ready
    choice = choose(found)
    assert (choice.driver, choice.provider) == (DriverName.IOCTL, "tdx_guest")


def test_a_device_that_cannot_be_opened_has_failed(tmp_path: Path) -> None:
    (tmp_path / "sev-guest").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "tdx_guest"))
        found = probe(tmp_path, tmp_path, None)
    assert found.sev_device.state is State.FAILED
    assert not found.tdx_device.is_ready
