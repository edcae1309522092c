# SPDX-License-Identifier: Apache-2.0
"""The configfs driver against a kernel that does what it should not, one thing at a time."""

from __future__ import annotations

import contextlib
import errno
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.refusals import refused
from tests.tdx import REPORT_DATA
from tests.tsm.standin import REPORTS, SYSFS, ConfigfsFiles, FakeClock, Item, Snp, Tdx
from troth.errors import DriverError
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import glance
from troth.tsm.patience import INTERRUPTS

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


# --- the protocol ---------------------------------------------------------------------------------


def test_a_request_is_this_and_no_more(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    driver.report(REPORT_DATA)
    assert files.calls == [
        ("make", "entry"),
        ("restrict", "entry"),
        ("read", "generation"),
        ("write", "inblob"),
        ("read", "outblob"),
        ("read", "generation"),
        ("read", "provider"),
        ("remove", "entry"),
    ]


def test_an_entry_is_shut_before_anything_is_written(
    files: ConfigfsFiles, driver: ConfigfsDriver
) -> None:
    modes: list[int] = []
    files.before("write", "inblob", lambda: modes.append(only(files).mode))
    driver.report(REPORT_DATA)
    assert modes == [0o700]


def test_an_entry_that_cannot_be_shut_is_not_used(
    files: ConfigfsFiles, driver: ConfigfsDriver
) -> None:
    files.fail("restrict", "entry", errno.EPERM)
    with refused("tsm.denied"):
        driver.report(REPORT_DATA)
    assert files.count("write", "inblob") == 0
    served_again(files, driver)


def test_names_are_never_used_twice(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    seen: set[str] = set()
    for _ in range(10):
        files.before("write", "inblob", lambda: seen.update(files.items))
        driver.report(REPORT_DATA)
    assert len(seen) == 10


def test_an_entry_of_somebody_else_is_not_removed(
    files: ConfigfsFiles, driver: ConfigfsDriver
) -> None:
    files.fail("make", "entry", errno.EEXIST)
    with refused("tsm.entry"):
        driver.report(REPORT_DATA)
    assert files.count("remove", "entry") == 0
    served_again(files, driver)


# --- what the kernel answers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "name", "number", "code"),
    [
        ("make", "entry", errno.ENXIO, "tsm.absent"),
        ("make", "entry", errno.ENOENT, "tsm.absent"),
        ("make", "entry", errno.ENOTCONN, "tsm.absent"),
        ("make", "entry", errno.EACCES, "tsm.denied"),
        ("make", "entry", errno.EROFS, "tsm.denied"),
        ("make", "entry", errno.ENAMETOOLONG, "tsm.entry"),
        ("make", "entry", errno.ENOMEM, "tsm.entry"),
        ("read", "generation", errno.ENOENT, "tsm.entry"),
        ("write", "inblob", errno.EFBIG, "tsm.report-size"),
        ("write", "inblob", errno.EIO, "tsm.failed"),
        ("read", "outblob", errno.EIO, "tsm.failed"),
        ("read", "outblob", errno.EINVAL, "tsm.failed"),
        ("read", "outblob", errno.ENOMEM, "tsm.failed"),
        ("read", "outblob", errno.EBADMSG, "tsm.failed"),
        ("read", "outblob", errno.EFBIG, "tsm.report-size"),
        ("read", "outblob", errno.ENOTTY, "tsm.locked-out"),
        ("read", "outblob", errno.ENXIO, "tsm.failed"),  # the provider is there: its firmware
    ],
)
def test_each_errno_has_its_code(
    files: ConfigfsFiles, driver: ConfigfsDriver, operation: str, name: str, number: int, code: str
) -> None:
    files.fail(operation, name, number)
    with refused(code, errno.errorcode[number]):
        driver.report(REPORT_DATA)
    assert files.count("make", "entry") == 1
    served_again(files, driver)


def test_a_machine_without_a_tsm(tdx: Tdx) -> None:
    with refused("tsm.absent", "ENXIO"):
        ConfigfsDriver(SYSFS, files=ConfigfsFiles(None), clock=FakeClock())
    files = ConfigfsFiles(tdx)
    files.fail("names", "report", errno.ENOENT)
    with refused("tsm.absent", "ENOENT"):
        ConfigfsDriver(SYSFS, files=files, clock=FakeClock())


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR])
def test_what_passes_is_waited_for(
    files: ConfigfsFiles, driver: ConfigfsDriver, number: int
) -> None:
    files.fail("read", "outblob", number, number, number)
    assert glance(driver.report(REPORT_DATA)).report_data == REPORT_DATA
    assert files.count("make", "entry") == files.count("remove", "entry") == 4


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EBUSY, "tsm.busy"), (errno.ETIMEDOUT, "tsm.timed-out")]
)
def test_what_does_not_pass_ends_at_the_deadline(
    files: ConfigfsFiles, number: int, code: str
) -> None:
    clock = FakeClock()
    driver = ConfigfsDriver(SYSFS, Options(deadline_s=60.0), files=files, clock=clock)
    files.fail("read", "outblob", *[number] * 1000)
    with refused(code):
        driver.report(REPORT_DATA)
    assert 55.0 < sum(clock.slept) <= 60.0
    assert clock.slept[:3] == [0.01, 0.02, 0.04]
    assert max(clock.slept) == 1.0
    assert files.items == {}


def test_interruptions_are_counted(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.fail("read", "outblob", *[errno.EINTR] * INTERRUPTS)
    driver.report(REPORT_DATA)
    files.fail("read", "outblob", *[errno.EINTR] * (INTERRUPTS + 1))
    with refused("tsm.interrupted"):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_an_snp_that_timed_out_is_left_alone() -> None:
    files, driver = over(Snp())
    files.fail("read", "outblob", errno.ETIMEDOUT)
    with refused("tsm.timed-out"):
        driver.report(REPORT_DATA)
    assert files.count("read", "outblob") == 1


# --- another writer -------------------------------------------------------------------------------


def test_a_writer_between_write_and_read(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.before("read", "outblob", lambda: only(files).commit("inblob", OTHER))
    with refused("tsm.report-torn", "generation 2, 1 is due"):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_a_writer_who_writes_what_we_did(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.before("read", "outblob", lambda: only(files).commit("inblob", REPORT_DATA))
    with refused("tsm.report-torn"):
        driver.report(REPORT_DATA)


def test_a_writer_who_wipes_it(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.before("read", "outblob", lambda: only(files).commit("inblob", b""))
    with refused("tsm.report-torn"):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_a_commit_that_the_kernel_dropped(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    def forget() -> None:
        only(files).generation = 0

    files.before("read", "outblob", forget)
    with refused("tsm.report-torn", "generation 0, 1 is due"):
        driver.report(REPORT_DATA)


def test_an_entry_that_is_taken_away(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.before("read", "outblob", files.items.clear)
    with refused("tsm.entry"):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_a_write_that_is_taken_in_part(
    files: ConfigfsFiles, driver: ConfigfsDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = files.write
    monkeypatch.setattr(files, "write", lambda path, data: whole(path, data) - 1)
    with refused("tsm.failed", "inblob: 63 of 64"):
        driver.report(REPORT_DATA)
    monkeypatch.undo()
    served_again(files, driver)


# --- the provider ---------------------------------------------------------------------------------


def test_a_provider_that_vanishes(files: ConfigfsFiles, driver: ConfigfsDriver, tdx: Tdx) -> None:
    files.before("read", "outblob", lambda: setattr(files, "provider", None))
    with refused("tsm.absent"):
        driver.report(REPORT_DATA)
    assert files.items == {}
    with refused("tsm.absent"):
        driver.report(REPORT_DATA)
    files.provider = tdx
    served_again(files, driver)


def test_a_provider_that_vanishes_behind_the_report(
    files: ConfigfsFiles, driver: ConfigfsDriver
) -> None:
    files.before("read", "provider", lambda: setattr(files, "provider", None))
    with refused("tsm.absent"):
        driver.report(REPORT_DATA)
    assert files.items == {}


def test_a_provider_that_becomes_another(files: ConfigfsFiles, driver: ConfigfsDriver) -> None:
    files.before("read", "provider", lambda: setattr(files, "provider", Snp()))
    with refused("tsm.provider", "sev_guest in place of tdx_guest"):
        driver.report(REPORT_DATA)
    assert files.items == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("provider", b"other_guest\n", "tsm.provider"),
        ("provider", b"", "tsm.provider"),
        ("provider", b"tdx\xffguest\n", "tsm.attribute"),
        ("provider", b"a\nb\n", "tsm.attribute"),
        ("provider", b"x" * 4097, "tsm.attribute"),
        ("generation", b"-1\n", "tsm.attribute"),
        ("generation", b"1 \n", "tsm.attribute"),
        ("generation", b"\n", "tsm.attribute"),
        ("generation", b"9" * 21, "tsm.attribute"),
        ("generation", "٣\n".encode(), "tsm.attribute"),
    ],
)
def test_attributes_are_read_strictly(
    files: ConfigfsFiles, monkeypatch: pytest.MonkeyPatch, name: str, value: bytes, code: str
) -> None:
    whole = files.read
    monkeypatch.setattr(
        files, "read", lambda path, most: value[:most] if path.name == name else whole(path, most)
    )
    with refused(code):
        ConfigfsDriver(SYSFS, files=files, clock=FakeClock()).report(REPORT_DATA)
    assert files.items == {}


def test_a_provider_whose_reports_cannot_be_read(tdx: Tdx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tdx, "name", "other_guest")
    with refused("tsm.provider", "other_guest"):
        ConfigfsDriver(SYSFS, files=ConfigfsFiles(tdx), clock=FakeClock())


def test_an_entry_without_its_attributes(tdx: Tdx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tdx, "attributes", frozenset({"provider", "outblob"}))
    with refused("tsm.attribute", "generation, inblob"):
        ConfigfsDriver(SYSFS, files=ConfigfsFiles(tdx), clock=FakeClock())


# --- leaving nothing behind -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("make", "entry"),
        ("restrict", "entry"),
        ("read", "generation"),
        ("write", "inblob"),
        ("read", "outblob"),
        ("read", "provider"),
    ],
)
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError])
def test_whatever_ends_a_request_its_entry_goes(
    files: ConfigfsFiles,
    driver: ConfigfsDriver,
    operation: str,
    name: str,
    kind: type[BaseException],
) -> None:
    files.fail(operation, name, kind())
    with pytest.raises(kind):
        driver.report(REPORT_DATA)
    served_again(files, driver)


def test_an_interrupt_right_behind_the_making(
    files: ConfigfsFiles, driver: ConfigfsDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = files.make

    def interrupted(path: Any) -> None:
        whole(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        driver.report(REPORT_DATA)
    monkeypatch.undo()
    served_again(files, driver)


def test_an_entry_that_cannot_be_removed_costs_no_report(
    files: ConfigfsFiles, driver: ConfigfsDriver, capsys: pytest.CaptureFixture[str]
) -> None:
    files.fail("remove", "entry", errno.EIO)
    assert glance(driver.report(REPORT_DATA)).report_data == REPORT_DATA
    assert len(files.items) == 1
    assert "tsm.entry-left" in "".join(capsys.readouterr())
    driver.report(REPORT_DATA)
    assert files.items == {}


def test_entries_that_cannot_be_removed_do_not_pile_up(
    files: ConfigfsFiles, driver: ConfigfsDriver
) -> None:
    files.fail("remove", "entry", *[errno.EIO] * 10_000)
    for number in range(16):
        driver.report(bytes([number] * 64))
    with refused("tsm.entry-left"):
        driver.report(REPORT_DATA)
    assert len(files.items) == 16
    files.heal()
    driver.close()
    assert files.items == {}
    driver.report(REPORT_DATA)


# What is said of an entry that is gone: by itself, or with the daemon of the view that it was in.
GONE = {errno.ENOENT, errno.ENOTCONN, errno.ECONNABORTED}
CALLS = [
    ("make", "entry"),
    ("restrict", "entry"),
    ("remove", "entry"),
    ("read", "generation"),
    ("read", "provider"),
    ("read", "outblob"),
    ("read", "auxblob"),
    ("write", "privlevel"),
    ("write", "inblob"),
]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from(CALLS), st.sampled_from(sorted(errno.errorcode))), max_size=20
    )
)
def test_whatever_the_kernel_answers(faults: list[tuple[tuple[str, str], int]]) -> None:
    clock = FakeClock()
    files = ConfigfsFiles(Snp())
    driver = ConfigfsDriver(SYSFS, files=files, clock=clock)
    for call, number in faults:
        if call != ("remove", "entry") or number not in GONE:
            files.fail(*call, number)
    begun = clock.now
    for number in range(4):
        data = bytes([number] * 64)
        with contextlib.suppress(DriverError):
            assert glance(driver.report(data)).report_data == data
    assert clock.now - begun < 4 * 62.0  # no deadline is overrun by more than a token
    files.heal()
    driver.close()
    assert files.items == {}
    assert glance(driver.report(OTHER)).report_data == OTHER


def test_the_way_to_the_entries_is_the_kernels() -> None:
    assert REPORTS.relative_to(SYSFS).as_posix() == "kernel/config/tsm/report"
