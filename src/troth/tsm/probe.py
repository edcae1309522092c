# SPDX-License-Identifier: Apache-2.0
"""Looking for TSMs on this machine, and leaving everything as it was.

Whether configfs-tsm has a provider is known only by making an entry: one is made, and removed. No
report is asked for, so nothing is taken from a host's limit.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from troth.errors import DriverError
from troth.tsm.choose import Findings, Found, State
from troth.tsm.clock import SystemClock
from troth.tsm.configfs.entry import Entries
from troth.tsm.ioctl import CharacterDevice
from troth.tsm.ioctl.qgs import Address
from troth.tsm.raw import SystemFiles
from troth.tsm.registers import Registers

__all__ = ["DEVICES", "SYSFS", "probe"]

SYSFS: Final = Path("/sys")
DEVICES: Final = Path("/dev")

_REPORTS: Final = Path("kernel/config/tsm/report")
_MISC: Final = Path("class/misc/tdx_guest/measurements")
_CLASS: Final = Path("class/tsm/tsm0")
_CLASS_ATTRIBUTES: Final = frozenset({"inhex", "outblob", "generation"})
_DEADLINE_S: Final = 2.0
_STATES: Final = {"tsm.absent": State.ABSENT, "tsm.no-registers": State.ABSENT}
_DENIED: Final = "tsm.denied"


def probe(sysfs: Path, devices: Path, quote_service: Address | None) -> Findings:
    """Return what is found on this machine.

    Args:
        sysfs: the root of sysfs, below which configfs is mounted at `kernel/config`.
        devices: the directory of devices.
        quote_service: the quote generation service, where one is named.
    """
    configfs, provider = _configfs(sysfs)
    return Findings(
        configfs=configfs,
        provider=provider,
        registers=_registers(sysfs),
        sysfs=_class(sysfs),
        tdx_device=_device(devices / "tdx_guest"),
        sev_device=_device(devices / "sev-guest"),
        quote_service=_service(quote_service),
    )


def _configfs(sysfs: Path) -> tuple[Found, str | None]:
    path = sysfs / _REPORTS
    if not _is_there(path):
        return Found(State.ABSENT, f"{path} is not there"), None
    try:
        with Entries(SystemFiles(), path).fresh() as entry:
            provider = entry.text("provider")
    except DriverError as error:
        return _found(error, path), None
    return Found(State.READY, f"{path}: provider {provider}"), provider


def _registers(sysfs: Path) -> Found:
    try:
        held = Registers(sysfs, SystemFiles(), SystemClock(), _DEADLINE_S).values()
    except DriverError as error:
        return _found(error, sysfs / _MISC)
    return Found(State.READY, f"{sysfs / _MISC}: {len(held)} of them")


def _class(sysfs: Path) -> Found:
    path = sysfs / _CLASS
    try:
        names = {one.name for one in path.iterdir()}
    except PermissionError:
        return Found(State.DENIED, f"{path} is not for this user")
    except OSError:
        return Found(State.ABSENT, f"{path} is not there")
    if names >= _CLASS_ATTRIBUTES:
        return Found(State.READY, f"{path} is there")
    return Found(State.ABSENT, f"{path} is that of a host, not of a guest")


def _device(path: Path) -> Found:
    if not _is_there(path):
        return Found(State.ABSENT, f"{path} is not there")
    try:
        CharacterDevice(path).close()
    except DriverError as error:
        return _found(error, path)
    return Found(State.READY, f"{path} is there, and for this user")


def _service(address: Address | None) -> Found:
    if address is None:
        return Found(State.ABSENT, "no quote generation service is named")
    try:
        with contextlib.closing(address.connect(_DEADLINE_S)):
            return Found(State.READY, f"{address}: somebody listens")
    except OSError as error:
        return Found(State.FAILED, f"{address}: {error.strerror or error}")


def _found(error: DriverError, about: Path) -> Found:
    """Return what an error says of a thing."""
    if error.code == _DENIED:
        return Found(State.DENIED, f"{about} is not for this user")
    return Found(_STATES.get(error.code, State.FAILED), f"{about}: {error.detail}")


def _is_there(path: Path) -> bool:
    """Say whether something is there, also where we may not look behind it."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
