# SPDX-License-Identifier: Apache-2.0
"""Extends through tsm-mr: what was put in is read back, and nothing is put in twice."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.refusals import refused
from tests.tsm.standin import REGISTERS, SYSFS, ConfigfsFiles, FakeClock
from troth.crypto.digest import sha384
from troth.tsm.raw import SystemFiles
from troth.tsm.registers import Registers

DIGEST = b"\x05" * 48
RTMR3 = "rtmr3:sha384"
ONCE = sha384(bytes(48) + DIGEST)


@pytest.fixture
def files() -> ConfigfsFiles:
    return ConfigfsFiles(None, registers=[bytes(48)] * 4)


@pytest.fixture
def registers(files: ConfigfsFiles) -> Registers:
    return Registers(SYSFS, files, FakeClock(), 10.0)


def put(files: ConfigfsFiles, index: int, value: bytes) -> None:
    assert files.registers is not None
    files.registers[index] = value


def test_an_extend_is_one_write_of_48_bytes(files: ConfigfsFiles, registers: Registers) -> None:
    registers.extend(3, DIGEST)
    assert files.count("write", RTMR3) == 1
    assert registers.values() == (bytes(48), bytes(48), bytes(48), ONCE)


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EINTR])
def test_a_busy_register_is_asked_again(
    files: ConfigfsFiles, registers: Registers, number: int
) -> None:
    files.fail("write", RTMR3, number, number)
    registers.extend(3, DIGEST)
    assert registers.values()[3] == ONCE


def test_what_came_through_is_not_put_in_again(files: ConfigfsFiles, registers: Registers) -> None:
    files.before("write", RTMR3, lambda: put(files, 3, ONCE))
    files.fail("write", RTMR3, errno.EINTR)
    registers.extend(3, DIGEST)
    assert registers.values()[3] == ONCE
    assert files.count("write", RTMR3) == 1


def test_a_register_that_changed_meanwhile_is_not_extended(
    files: ConfigfsFiles, registers: Registers
) -> None:
    files.before("write", RTMR3, lambda: put(files, 3, b"\xee" * 48))
    files.fail("write", RTMR3, errno.EBUSY)
    with refused("tsm.extend-other", "RTMR3"):
        registers.extend(3, DIGEST)
    assert registers.values()[3] == b"\xee" * 48


def test_somebody_who_extends_just_before_is_seen(
    files: ConfigfsFiles, registers: Registers
) -> None:
    files.before("write", RTMR3, lambda: put(files, 3, b"\xee" * 48))
    with refused("tsm.extend-other"):
        registers.extend(3, DIGEST)
    assert registers.values()[3] == sha384(b"\xee" * 48 + DIGEST)


def test_a_write_that_did_nothing_is_seen(
    files: ConfigfsFiles, registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "write", lambda _, data: len(data))
    with refused("tsm.extend-other"):
        registers.extend(3, DIGEST)


def test_a_short_write_is_an_error(
    files: ConfigfsFiles, registers: Registers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "write", lambda _, data: len(data) - 1)
    with refused("tsm.failed", "47 of 48"):
        registers.extend(3, DIGEST)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EACCES, "tsm.denied"),
        (errno.EIO, "tsm.failed"),
        (errno.EINVAL, "tsm.failed"),
        (errno.ENXIO, "tsm.absent"),
        (errno.ENOENT, "tsm.no-registers"),
    ],
)
def test_each_errno_has_its_code(
    files: ConfigfsFiles, registers: Registers, number: int, code: str
) -> None:
    files.fail("write", RTMR3, number)
    with refused(code):
        registers.extend(3, DIGEST)
    files.fail("read", RTMR3, number)
    with refused(code):
        registers.values()


def test_a_register_that_stays_busy(files: ConfigfsFiles, registers: Registers) -> None:
    files.fail("write", RTMR3, *[errno.EBUSY] * 100)
    with refused("tsm.busy"):
        registers.extend(3, DIGEST)
    assert registers.values()[3] == bytes(48)


@pytest.mark.parametrize("size", [0, 47, 49])
def test_a_register_of_another_size_is_none(
    files: ConfigfsFiles, registers: Registers, size: int
) -> None:
    put(files, 3, bytes(size))
    with refused("tsm.attribute", f"{size} bytes"):
        registers.values()
    with refused("tsm.attribute"):
        registers.extend(3, DIGEST)


@pytest.mark.parametrize(
    "directory",
    ["class/misc/tdx_guest/measurements", "devices/virtual/misc/tdx_guest/measurements"],
)
def test_registers_are_found_at_either_path(tmp_path: Path, directory: str) -> None:
    (tmp_path / directory).mkdir(parents=True)
    for index in range(4):
        (tmp_path / directory / f"rtmr{index}:sha384").write_bytes(bytes([index] * 48))
    found = Registers(tmp_path, SystemFiles(), FakeClock(), 10.0)
    assert found.values() == tuple(bytes([index] * 48) for index in range(4))


def test_a_kernel_without_tsm_mr(tmp_path: Path) -> None:
    none = Registers(tmp_path, SystemFiles(), FakeClock(), 10.0)
    for call in (none.values, lambda: none.extend(3, DIGEST)):
        with refused("tsm.no-registers"):
            call()


def test_registers_that_may_not_be_looked_at_are_not_absent(files: ConfigfsFiles) -> None:
    files.fail("names", REGISTERS.name, errno.EACCES)
    found = Registers(SYSFS, files, FakeClock(), 10.0)
    files.fail("read", "rtmr0:sha384", errno.EACCES)
    with refused("tsm.denied"):
        found.values()
