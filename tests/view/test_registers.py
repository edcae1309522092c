# SPDX-License-Identifier: Apache-2.0
"""Measurement registers, in the model and as files."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conformance.processes import USER, as_user
from tests.view.daemon import Bank
from tests.view.errnos import refused_with
from tests.view.mounting import Mounted, needs_fuse, scripted_view
from troth.crypto.digest import sha384
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.registers import REGISTERS, Registers

DATA = sha384(b"event")
RTMR0 = next(one for one in REGISTERS if one.rtmr == 0)
MRTD = next(one for one in REGISTERS if one.name.startswith("mrtd"))


@pytest.mark.parametrize("data", [DATA, DATA + b"x", DATA * 2, DATA.ljust(5000)])
def test_the_first_48_bytes_extend(data: bytes) -> None:
    registers = Registers(Bank())
    assert registers.write(RTMR0, data, 0) == 48
    assert registers.value(RTMR0) == sha384(bytes(48) + DATA)


@pytest.mark.parametrize(
    ("length", "offset", "code"),
    [
        (47, 0, errno.EINVAL),
        (1, 0, errno.EINVAL),
        (48, 1, errno.EINVAL),
        (48, 28, errno.EINVAL),
        (48, 48, errno.EFBIG),
        (1, 100, errno.EFBIG),
    ],
)
def test_what_extends_nothing(length: int, offset: int, code: int) -> None:
    registers = Registers(Bank())
    with refused_with(code):
        registers.write(RTMR0, bytes(length), offset)
    assert registers.value(RTMR0) == bytes(48)


def test_an_error_of_the_provider_is_the_writes() -> None:
    class Failing(Bank):
        def extend(self, rtmr: int, digest: bytes) -> None:
            del rtmr, digest
            raise refusal(errno.EBUSY)

    registers = Registers(Failing())
    with refused_with(errno.EBUSY):
        registers.write(RTMR0, DATA, 0)
    assert registers.value(RTMR0) == bytes(48)


def test_others_cannot_be_extended() -> None:
    with refused_with(errno.EACCES):
        Registers(Bank()).write(MRTD, DATA, 0)


def test_one_lock_for_all_registers() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Bank):
        def extend(self, rtmr: int, digest: bytes) -> None:
            begun.set()
            assert go_on.wait(60)
            super().extend(rtmr, digest)

    registers, read = Registers(Slow()), threading.Event()
    writer = threading.Thread(target=lambda: registers.write(RTMR0, DATA, 0))

    def look() -> None:
        registers.value(MRTD)
        read.set()

    reader = threading.Thread(target=look)
    writer.start()
    assert begun.wait(60)
    reader.start()
    assert not read.wait(0.05), "mrtd was read during an extend"
    go_on.set()
    assert read.wait(60)
    for one in (writer, reader):
        one.join()


@pytest.fixture
def register(scripted: Mounted) -> Path:
    return scripted.measurements / "rtmr1:sha384"


@needs_fuse
def test_the_files(scripted: Mounted) -> None:
    looks = {one.name: one.stat() for one in scripted.measurements.iterdir()}
    assert set(looks) == {one.name for one in REGISTERS}
    for one in REGISTERS:
        assert looks[one.name].st_size == 48
        assert looks[one.name].st_mode & 0o7777 == (0o444 if one.rtmr is None else 0o644)
    device = scripted.root / "devices/virtual/misc/tdx_guest/measurements"
    assert device.samefile(scripted.measurements)


@needs_fuse
def test_a_file_is_fresh_and_read_in_pieces(register: Path) -> None:
    descriptor = os.open(register, os.O_RDWR)
    try:
        before = os.pread(descriptor, 100, 0)
        assert os.write(descriptor, DATA) == 48
        after = os.pread(descriptor, 20, 0) + os.pread(descriptor, 100, 20)
        assert after == sha384(before + DATA)
        assert os.pread(descriptor, 1, 48) == b""
        with refused_with(errno.EFBIG):
            os.write(descriptor, DATA)
        assert os.pwrite(descriptor, DATA, 0) == 48
    finally:
        os.close(descriptor)


@needs_fuse
def test_appending_begins_at_the_start(register: Path) -> None:
    before = register.read_bytes()
    descriptor = os.open(register, os.O_WRONLY | os.O_APPEND)
    try:
        assert os.write(descriptor, DATA) == 48
    finally:
        os.close(descriptor)
    assert register.read_bytes() == sha384(before + DATA)


@needs_fuse
def test_a_write_of_no_bytes_extends_nothing(register: Path) -> None:
    before = register.read_bytes()
    descriptor = os.open(register, os.O_WRONLY)
    try:
        assert os.write(descriptor, b"") == 0
        assert register.read_bytes() == before
        assert os.write(descriptor, DATA) == 48, "the write of no bytes moved the offset"
    finally:
        os.close(descriptor)
    assert register.read_bytes() == sha384(before + DATA)


@needs_fuse
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY])
def test_a_name_without_its_suffix_is_absent(scripted: Mounted, flags: int) -> None:
    with refused_with(errno.ENOENT):
        os.open(scripted.measurements / "rtmr2", flags)


@needs_fuse
@pytest.mark.parametrize("name", ["mrtd:sha384", "mrconfigid"])
def test_files_that_are_only_read(scripted: Mounted, name: str) -> None:
    with refused_with(errno.EACCES):
        os.open(scripted.measurements / name, os.O_WRONLY)


@needs_fuse
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # newer Pythons' on fork
def test_other_users_read_and_write_what_is_given_to_them() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with scripted_view(folder) as view:
            register = view.root / "devices/virtual/misc/tdx_guest/measurements/rtmr3:sha384"
            assert as_user(lambda: len(register.read_bytes())) == 48
            with refused_with(errno.EACCES):
                as_user(lambda: register.write_bytes(DATA))
            os.chown(register, USER, USER)
            assert as_user(lambda: register.write_bytes(DATA)) == 48
            assert register.read_bytes() == sha384(bytes(48) + DATA)


@needs_fuse
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # newer Pythons' on fork
def test_racing_extends_are_all_counted(register: Path) -> None:
    before, rounds = register.read_bytes(), 100
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            for _ in range(rounds):
                register.write_bytes(DATA)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    for _ in range(2 * rounds):
        before = sha384(before + DATA)
    assert register.read_bytes() == before
