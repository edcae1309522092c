# SPDX-License-Identifier: Apache-2.0
"""TDX through its device and a quote generation service: quotes verify, and faults have codes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from tests.tsm.contract import CHECKS, Subject
from tests.tsm.sev_guest import Clock, SevGuest
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.tsm.bucket import UNLIMITED, TokenBucket
from troth.tsm.driver import Driver
from troth.tsm.emulated.qgs import QuoteService, SoftwareTdxDevice
from troth.tsm.emulated.tdx import SoftwareTdx, create_in, load, opened
from troth.tsm.ioctl import CharacterDevice, Device, SnpIoctlDriver, TdxIoctlDriver, UnixAddress
from troth.tsm.ioctl.abi import TDX_GET_REPORT0
from troth.tsm.raw import SystemFiles
from troth.tsm.registers import Registers
from troth.verify import Anchor, Anchors
from troth.verify.tdx import verify_tdx


class Machine:
    """A software TDX with its device, its quote service, and registers that can be extended."""

    def __init__(self, directory: Path) -> None:
        self.td = directory / "td"
        self.socket = directory / "qgs.sock"
        create_in(self.td, SoftwareTdx.create(at=AT))

    def extend(self, index: int, digest: bytes) -> None:
        with opened(self.td) as tee:
            tee.extend(index, digest)

    def driver(self, device: Device | None = None, deadline_s: float = 30.0) -> TdxIoctlDriver:
        return TdxIoctlDriver(
            device or SoftwareTdxDevice(self.td),
            UnixAddress(self.socket),
            registers=self,
            clock=Clock(),
            deadline_s=deadline_s,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    with QuoteService(made.socket, made.td):
        yield made


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: str(one.__name__))
def test_the_tdx_driver_keeps_the_contract(
    check: Callable[[Subject], None], machine: Machine
) -> None:
    check(Subject(make=machine.driver))


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: str(one.__name__))
def test_the_snp_driver_keeps_the_contract(check: Callable[[Subject], None]) -> None:
    def make() -> Driver:
        clock = Clock()
        return SnpIoctlDriver(SevGuest(), TokenBucket(UNLIMITED, clock), clock=clock)

    check(Subject(make=make, has_registers=False, has_levels=True))


def test_a_quote_verifies_under_the_root_of_the_software_tdx(machine: Machine) -> None:
    quote = machine.driver().report(REPORT_DATA).outblob
    tee = load(machine.td)
    verified = verify_tdx(
        quote,
        collateral=[parse_bundle(tee.bundle(), "own")],
        anchors=Anchors([Anchor.of(Certificate(tee.pki.certificates["root"]))]),
        at=AT,
        report_data=REPORT_DATA,
    )
    assert verified.value.body.rtmrs == machine.driver().registers()


def test_without_tsm_mr_registers_are_read_and_not_extended(machine: Machine) -> None:
    machine.extend(2, b"\1" * 48)
    driver = TdxIoctlDriver(
        SoftwareTdxDevice(machine.td),
        UnixAddress(machine.socket),
        registers=Registers(machine.td / "no sysfs", SystemFiles(), Clock(), 1.0),
        clock=Clock(),
    )
    assert driver.registers() == load(machine.td).registers()
    assert driver.register_hash() == "sha-384"
    with refused("tsm.no-registers"):
        driver.extend(2, bytes(48))


def test_a_tdreport_of_another_machine_gets_no_quote(machine: Machine, tmp_path: Path) -> None:
    create_in(tmp_path / "other", SoftwareTdx.create(at=AT))
    with refused("tsm.quote-service", "0x12003"):
        machine.driver(SoftwareTdxDevice(tmp_path / "other")).report(REPORT_DATA)


def test_a_service_that_is_gone_has_its_code(machine: Machine) -> None:
    driver = machine.driver()
    machine.socket.unlink()
    with refused("tsm.quote-service"):
        driver.report(REPORT_DATA)
    assert len(driver.registers()) == 4  # the device is still there


class Faulty:
    """A device that fails so often, or answers something else."""

    def __init__(
        self, inner: Device, numbers: list[int], change: Callable[[bytearray], None]
    ) -> None:
        self.inner, self.numbers, self.change = inner, numbers, change
        self.asked = 0

    def ioctl(self, request: int, argument: bytearray) -> None:
        self.asked += 1
        if self.numbers:
            number = self.numbers.pop(0)
            raise OSError(number, os.strerror(number))
        self.inner.ioctl(request, argument)
        self.change(argument)

    def close(self) -> None:
        self.inner.close()


def unchanged(_: bytearray) -> None:
    """Change nothing."""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOTTY, "tsm.absent"),
        (errno.ENXIO, "tsm.absent"),
        (errno.EIO, "tsm.failed"),
        (errno.EFAULT, "tsm.failed"),
        (errno.EACCES, "tsm.denied"),
    ],
)
def test_a_device_that_fails_has_its_code(machine: Machine, number: int, code: str) -> None:
    device = Faulty(SoftwareTdxDevice(machine.td), [number], unchanged)
    with refused(code):
        machine.driver(device).report(REPORT_DATA)
    assert device.asked == 1


def test_a_busy_device_is_asked_again_until_the_deadline(machine: Machine) -> None:
    busy = [errno.EBUSY, errno.EINTR, errno.EBUSY]
    device = Faulty(SoftwareTdxDevice(machine.td), busy, unchanged)
    assert machine.driver(device).report(REPORT_DATA).outblob
    device = Faulty(SoftwareTdxDevice(machine.td), [errno.EBUSY] * 100, unchanged)
    with refused("tsm.busy"):
        machine.driver(device, deadline_s=3.0).registers()
    device = Faulty(SoftwareTdxDevice(machine.td), [errno.EINTR] * 100, unchanged)
    with refused("tsm.interrupted"):
        machine.driver(device).registers()


TDREPORT: Final = 64  # where it begins in the argument


@pytest.mark.parametrize(
    ("offset", "code"),
    [(0, "tsm.report-form"), (1, "tsm.report-form"), (128, "tsm.report-other")],
)
def test_a_device_that_answers_something_else(machine: Machine, offset: int, code: str) -> None:
    def change(argument: bytearray) -> None:
        argument[TDREPORT + offset] ^= 1

    with refused(code):
        machine.driver(Faulty(SoftwareTdxDevice(machine.td), [], change)).report(REPORT_DATA)


def test_the_software_device_is_the_kernels(tmp_path: Path) -> None:
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    device = SoftwareTdxDevice(tmp_path / "td")
    argument = bytearray(REPORT_DATA + bytes(1024))
    device.ioctl(TDX_GET_REPORT0, argument)
    assert len(argument) == 1088
    assert argument[:64] == REPORT_DATA
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        device.ioctl(TDX_GET_REPORT0 + 1, argument)
    with pytest.raises(OSError, match="Input/output"):
        SoftwareTdxDevice(tmp_path / "none").ioctl(TDX_GET_REPORT0, argument)


# --- devices of the kernel ------------------------------------------------------------------------


def test_a_device_that_is_not_there_has_its_code(tmp_path: Path) -> None:
    with refused("tsm.absent"):
        CharacterDevice(tmp_path / "tdx_guest")


def test_a_device_that_is_another_one_has_its_code(machine: Machine) -> None:
    device = CharacterDevice(Path("/dev/null"))
    with refused("tsm.absent"):
        machine.driver(device).report(REPORT_DATA)
    clock = Clock()
    snp = SnpIoctlDriver(device, TokenBucket(UNLIMITED, clock), clock=clock)
    with refused("tsm.locked-out"):  # ENOTTY is what a kernel without the key answers
        snp.report(REPORT_DATA)
    snp.close()
    snp.close()
