# SPDX-License-Identifier: Apache-2.0
"""The contract suite over every driver.

TROTH_CONTRACT_SYSFS names the root of a sysfs with a TSM that makes real TDX quotes, such as `/sys`
in a guest whose kernel has one: then the suite runs over it too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.tsm import view
from tests.tsm.contract import CHECKS, Subject
from tests.tsm.standin import AT, SYSFS, ConfigfsFiles, FakeClock, Snp, SysfsFiles, Tdx
from troth.tsm.bucket import UNLIMITED
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import SNP, ServiceRequest
from troth.tsm.emulated.driver import EmulatedDriver
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.tsm.sysfs import Format, SysfsDriver

OPTIONS: Final = Options()
GIVEN: Final = os.environ.get("TROTH_CONTRACT_SYSFS")


def emulated(directory: Path) -> Subject:
    create_in(directory / "tee", SoftwareTdx.create(at=AT))
    return Subject(make=lambda: EmulatedDriver(directory / "tee"))


def configfs_tdx(_: Path) -> Subject:
    tdx = Tdx()
    tdx.changes = lambda quote: quote + bytes(100)
    return _over_configfs(ConfigfsFiles(tdx, registers=tdx.registers), Options())


def configfs_old_kernel(_: Path) -> Subject:
    return _over_configfs(ConfigfsFiles(Tdx()), Options(), has_registers=False)


def configfs_snp(_: Path) -> Subject:
    files = ConfigfsFiles(Snp())
    return _over_configfs(files, Options(), has_registers=False, has_levels=True)


def configfs_svsm(_: Path) -> Subject:
    files = ConfigfsFiles(Snp(floor=2, services=True))
    options = Options(service=ServiceRequest())
    return _over_configfs(files, options, has_registers=False, has_levels=True)


def sysfs_tdx(_: Path) -> Subject:
    files = SysfsFiles(Tdx())
    return Subject(
        make=lambda: SysfsDriver(SYSFS, files=files, clock=FakeClock()), has_registers=False
    )


def sysfs_snp(_: Path) -> Subject:
    files = SysfsFiles(Snp(), extra=True)
    return Subject(
        make=lambda: SysfsDriver(
            SYSFS, provider=SNP, form=Format.EXTENDED, files=files, clock=FakeClock()
        ),
        has_registers=False,
        has_levels=True,
    )


STAND_INS: Final[dict[str, Callable[[Path], Subject]]] = {
    "emulated": emulated,
    "configfs-tdx": configfs_tdx,
    "configfs-old-kernel": configfs_old_kernel,
    "configfs-snp": configfs_snp,
    "configfs-svsm": configfs_svsm,
    "sysfs-tdx": sysfs_tdx,
    "sysfs-snp": sysfs_snp,
}


@contextmanager
def given_kernel(_: Path) -> Iterator[Subject]:
    if GIVEN is None:
        pytest.skip("TROTH_CONTRACT_SYSFS names no sysfs")
    yield _over_sysfs(Path(GIVEN))


@contextmanager
def fuse_tdx(directory: Path) -> Iterator[Subject]:
    with view.mounted(directory) as mounted:
        yield _over_sysfs(mounted)


@contextmanager
def fuse_snp(directory: Path) -> Iterator[Subject]:
    with view.mounted(directory, provider="snp") as mounted:
        yield _over_sysfs(mounted, Options(rate=UNLIMITED), has_levels=True)


@contextmanager
def fuse_svsm(directory: Path) -> Iterator[Subject]:
    options = Options(rate=UNLIMITED, service=ServiceRequest())
    with view.mounted(directory, provider="svsm") as mounted:
        yield _over_sysfs(mounted, options, has_levels=True)


REAL: Final = {
    "fuse-tdx": fuse_tdx,
    "fuse-snp": fuse_snp,
    "fuse-svsm": fuse_svsm,
    "given-kernel": given_kernel,
}


@pytest.fixture(params=[*STAND_INS, *REAL], scope="module")
def subject(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Subject]:
    directory = tmp_path_factory.mktemp("contract")
    with ExitStack() as stack:
        if request.param in STAND_INS:
            yield STAND_INS[request.param](directory)
        else:
            yield stack.enter_context(REAL[request.param](directory))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(subject: Subject, check: Callable[[Subject], None]) -> None:
    check(subject)


def _over_configfs(files: ConfigfsFiles, options: Options, **found: Any) -> Subject:
    return Subject(
        make=lambda: ConfigfsDriver(SYSFS, options, files=files, clock=FakeClock()),
        leftovers=lambda: frozenset(files.items),
        **found,
    )


def _over_sysfs(sysfs: Path, options: Options = OPTIONS, *, has_levels: bool = False) -> Subject:
    reports = sysfs / "kernel/config/tsm/report"
    return Subject(
        make=lambda: ConfigfsDriver(sysfs, options),
        leftovers=lambda: frozenset(one.name for one in reports.iterdir()),
        has_registers=(sysfs / "class/misc/tdx_guest/measurements").is_dir(),
        has_levels=has_levels,
    )
