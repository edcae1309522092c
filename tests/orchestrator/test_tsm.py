# SPDX-License-Identifier: Apache-2.0
"""[tsm]: each driver has its own keys and no other's, and trothd runs on each that can be had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.tsm import view
from troth.errors import UsageError
from troth.orchestrator.configuration import Configuration, load_configuration
from troth.orchestrator.tsm import AutoSettings, IoctlSettings, SysfsSettings, driver_of
from troth.tsm.configfs import ConfigfsDriver
from troth.tsm.driver import glance
from troth.tsm.emulated.driver import EmulatedDriver
from troth.tsm.ioctl import SnpIoctlDriver, TdxIoctlDriver

HEAD: Final = """
[trothd]
run_directory = "/run/trothd"
admin_socket = "/run/trothd-admin/s"
root_register = "rtmr3"
[tsm]
"""
TDX_IOCTL: Final = 'driver = "ioctl"\nprovider = "tdx_guest"\nquote_service = "unix:/x"\n'


def loaded(tmp_path: Path, text: str) -> Configuration:
    path = tmp_path / "trothd.toml"
    path.write_text(HEAD + text)
    return load_configuration(str(path)).value


@pytest.mark.parametrize(
    "text",
    [
        'driver = "auto"',
        'driver = "auto"\nsysfs = "/x"\ndevices = "/y"\nquote_service = "unix:/z"',
        'driver = "configfs"',
        'driver = "configfs"\nsysfs = "/x"\nprivlevel = 2\ndeadline_s = 5',
        'driver = "configfs"\nrate = {interval_ms = 500, burst = 2}',
        'driver = "configfs"\nservice = {}',
        'driver = "configfs"\nservice = {manifest_version = 0}',
        'driver = "configfs"\nservice = {guid = "c476f1eb-0123-45a5-9641-b4e7dde5bfe3"}',
        'driver = "sysfs"\nprovider = "sev_guest"\nformat = "extended"\nprivlevel = 1',
        'driver = "sysfs"\nprovider = "tdx_guest"',
        'driver = "ioctl"\nprovider = "sev_guest"\nprivlevel = 3\ncertificates = false',
        'driver = "ioctl"\nprovider = "tdx_guest"\nquote_service = "vsock:2:4050"',
        'driver = "emulated"\ndirectory = "/x"\nlatency_ms = 1',
    ],
)
def test_a_section_that_is_one(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).tsm is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "driver"),
        ('driver = "kernel"', "driver"),
        ('driver = "auto"\nprivlevel = 0', "privlevel"),
        ('driver = "auto"\ndirectory = "/x"', "directory"),
        ('driver = "auto"\nquote_service = "/x"', "quote_service"),
        ('driver = "configfs"\ndirectory = "/x"', "directory"),
        ('driver = "configfs"\nprovider = "tdx_guest"', "provider"),
        ('driver = "configfs"\nprivlevel = 4', "privlevel"),
        ('driver = "configfs"\nprivlevel = -1', "privlevel"),
        ('driver = "configfs"\ndeadline_s = 0', "deadline_s"),
        ('driver = "configfs"\nservice = {provider = ""}', "provider"),
        ('driver = "configfs"\nservice = {provider = "a b"}', "provider"),
        ('driver = "configfs"\nservice = {guid = "x"}', "guid"),
        ('driver = "configfs"\nservice = {name = "svsm"}', "name"),
        ('driver = "configfs"\nservice = {manifest_version = 4294967296}', "manifest_version"),
        ('driver = "configfs"\nrate = {burst = 2}', "interval_ms"),
        ('driver = "configfs"\nrate = {interval_ms = 1, burst = 0}', "burst"),
        ('driver = "sysfs"', "provider"),
        ('driver = "sysfs"\nprovider = "arm_cca_guest"', "provider"),
        ('driver = "sysfs"\nprovider = "tdx_guest"\nformat = "extended"', "format"),
        ('driver = "sysfs"\nprovider = "tdx_guest"\nprivlevel = 0', "privlevel"),
        ('driver = "ioctl"\nprovider = "tdx_guest"', "quote_service"),
        ('driver = "ioctl"\nprovider = "tdx_guest"\nquote_service = "vsock:2"', "quote_service"),
        (
            'driver = "ioctl"\nprovider = "tdx_guest"\nquote_service = "vsock:4294967296:1"',
            "quote_service",
        ),
        (f"{TDX_IOCTL}privlevel = 0", "privlevel"),
        (f"{TDX_IOCTL}certificates = false", "certificates"),
        (f"{TDX_IOCTL}rate = {{interval_ms = 1}}", "rate"),
        ('driver = "ioctl"\nprovider = "sev_guest"\nquote_service = "unix:/x"', "quote_service"),
        ('driver = "emulated"', "directory"),
        ('driver = "emulated"\ndirectory = "/x"\nsysfs = "/sys"', "sysfs"),
    ],
)
def test_a_key_that_no_driver_would_read_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, text)
    assert caught.value.code == "usage.configuration"
    assert words in caught.value.detail
    assert "trothd.toml" in caught.value.detail


@dataclass
class Machine:
    sysfs: Path
    td: Path


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    directory = tmp_path_factory.mktemp("machine")
    with view.mounted(directory) as sysfs:
        yield Machine(sysfs, directory / "tee")


def test_auto_is_what_is_there(machine: Machine, tmp_path: Path) -> None:
    driver = driver_of(AutoSettings(sysfs=str(machine.sysfs), devices=str(tmp_path)))
    assert isinstance(driver, ConfigfsDriver)
    assert glance(driver.report(bytes(64))).registers == driver.registers()
    driver.close()


def test_auto_opens_a_device_where_there_is_no_configfs(tmp_path: Path) -> None:
    (tmp_path / "sev-guest").symlink_to("/dev/null")
    driver = driver_of(AutoSettings(sysfs=str(tmp_path), devices=str(tmp_path)))
    assert isinstance(driver, SnpIoctlDriver)
    driver.close()


def test_auto_never_falls_back_on_a_software_tee(tmp_path: Path) -> None:
    with refused("tsm.absent", "auto finds none"):
        driver_of(AutoSettings(sysfs=str(tmp_path), devices=str(tmp_path)))


def test_each_section_opens_its_driver(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "tdx_guest").symlink_to("/dev/null")
    text = f'driver = "configfs"\nsysfs = "{machine.sysfs}"\ndeadline_s = 5'
    assert isinstance(driver_of(loaded(tmp_path, text).tsm), ConfigfsDriver)
    text = f'driver = "emulated"\ndirectory = "{machine.td}"'
    assert isinstance(driver_of(loaded(tmp_path, text).tsm), EmulatedDriver)
    tdx = IoctlSettings(provider="tdx_guest", devices=str(tmp_path), quote_service="unix:/none")
    driver = driver_of(tdx)
    assert isinstance(driver, TdxIoctlDriver)
    driver.close()
    with refused("tsm.argument"):
        driver_of(replace(tdx, quote_service=None))
    with refused("tsm.absent"):
        driver_of(SysfsSettings(provider="tdx_guest", sysfs=str(tmp_path)))
    with refused("tsm.absent"):
        driver_of(IoctlSettings(provider="sev_guest", devices=str(tmp_path)))


def test_a_level_that_the_tsm_does_not_have_is_refused_at_the_first_report(
    machine: Machine, tmp_path: Path
) -> None:
    text = f'driver = "configfs"\nsysfs = "{machine.sysfs}"\nprivlevel = 2'
    with refused("tsm.argument"):
        driver_of(loaded(tmp_path, text).tsm).report(bytes(64))
    text = f'driver = "configfs"\nsysfs = "{machine.sysfs}"\nservice = {{}}'
    with refused("tsm.argument"):
        driver_of(loaded(tmp_path, text).tsm).report(bytes(64))
