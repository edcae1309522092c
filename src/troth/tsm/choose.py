# SPDX-License-Identifier: Apache-2.0
"""Which driver a machine wants, by what was found on it: one table, and a reason for each row.

    choose(probe(Path("/sys"), Path("/dev"), None)).driver

The kernel's own arbitration comes first. What would have to be guessed is never chosen: the sysfs
class does not tell its provider, and a software TEE vouches for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from troth.evidence.binding import RootRegister
from troth.tsm.driver import PROVIDERS, SNP, TDX
from troth.tsm.root import root_register_of, why_unrooted

__all__ = ["Choice", "DriverName", "Findings", "Found", "Option", "State", "choose"]


class DriverName(StrEnum):
    """The drivers, as configurations name them."""

    CONFIGFS = "configfs"
    IOCTL = "ioctl"
    SYSFS = "sysfs"
    EMULATED = "emulated"


class State(StrEnum):
    """How a thing was found."""

    READY = "ready"
    ABSENT = "absent"
    DENIED = "denied"  # it is there, and not for this user
    FAILED = "failed"  # it is there, and does not work


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was looked for, and what there is to say of it."""

    state: State
    detail: str

    @property
    def is_ready(self) -> bool:
        """Whether it can be used."""
        return self.state is State.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found on a machine.

    Attributes:
        configfs: configfs-tsm, with a provider whose entry could be made.
        provider: that provider, by the kernel's name; None without one.
        registers: the runtime registers of tsm-mr.
        sysfs: the sysfs class of the series before configfs.
        tdx_device: `tdx_guest`.
        sev_device: `sev-guest`.
        quote_service: the quote generation service that was named; absent if none was.
    """

    configfs: Found
    provider: str | None
    registers: Found
    sysfs: Found
    tdx_device: Found
    sev_device: Found
    quote_service: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One driver: whether it could serve here, why or why not, and what would change that."""

    driver: DriverName
    is_usable: bool
    why: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What `auto` is on this machine.

    Attributes:
        driver: the chosen one; None where none can be used.
        provider: whose reports it gives.
        root_register: what [trothd] has to say for it: the TSM's register where this kernel lets a
            guest extend it, else "none", and the boot is unrooted.
        unrooted: why it is "none"; empty where it is not.
        options: all drivers, in the order in which they are considered.
    """

    driver: DriverName | None
    provider: str | None
    root_register: RootRegister | None
    unrooted: str
    options: tuple[Option, ...]


def choose(findings: Findings) -> Choice:
    """Choose a driver: the first that is usable."""
    options = tuple(consider(findings) for consider in _ORDER)
    chosen = next((one.driver for one in options if one.is_usable), None)
    provider = None
    if chosen is DriverName.CONFIGFS:
        provider = findings.provider
    elif chosen is DriverName.IOCTL:
        provider = SNP if findings.sev_device.is_ready else TDX
    root_register, unrooted = _root(provider, findings.registers)
    return Choice(
        driver=chosen,
        provider=provider,
        root_register=root_register,
        unrooted=unrooted,
        options=options,
    )


def _root(provider: str | None, registers: Found) -> tuple[RootRegister | None, str]:
    """Return the word for the root register, and why there is none.

    The kernel's registers are those of TDX: it has none of another TSM that a guest can extend.
    """
    if provider is None:
        return None, ""
    if provider == TDX and registers.is_ready:
        return root_register_of(provider), ""
    return "none", why_unrooted(provider)


_CONFIGFS_REMEDIES: Final = {
    State.READY: "",
    State.ABSENT: "mount configfs, and load the guest module of the TEE (Linux 6.7 or newer)",
    State.DENIED: "run as root: the kernel lets nobody else make report entries",
    State.FAILED: "see the kernel's log; a provider that is stuck needs a new start of the VM",
}
_DEVICE_REMEDIES: Final = {
    State.ABSENT: "load tdx_guest or sev-guest; neither loads outside of a confidential VM",
    State.DENIED: "run as root, or as a user to whom the device belongs",
    State.FAILED: "see the kernel's log",
}


def _configfs(findings: Findings) -> Option:
    found = findings.configfs
    if found.is_ready and findings.provider not in PROVIDERS:
        return _option(
            DriverName.CONFIGFS,
            why=f"{found.detail}, whose reports troth cannot read",
            remedy=f"nothing here; it reads those of {', '.join(sorted(PROVIDERS))}",
        )
    return Option(
        driver=DriverName.CONFIGFS,
        is_usable=found.is_ready,
        why=found.detail,
        remedy=_CONFIGFS_REMEDIES[found.state],
    )


def _ioctl(findings: Findings) -> Option:
    if findings.sev_device.is_ready:
        return _option(DriverName.IOCTL, why=findings.sev_device.detail)
    if not findings.tdx_device.is_ready:
        # Of two devices that are both of no use, the one that is there has more to say.
        devices = (findings.tdx_device, findings.sev_device)
        worst = next((one for one in devices if one.state is not State.ABSENT), devices[0])
        why = "; ".join(one.detail for one in devices)
        return _option(DriverName.IOCTL, why=why, remedy=_DEVICE_REMEDIES[worst.state])
    if not findings.quote_service.is_ready:
        return _option(
            DriverName.IOCTL,
            why=f"{findings.tdx_device.detail}; {findings.quote_service.detail}",
            remedy="name the quote generation service of the host as quote_service",
        )
    return _option(DriverName.IOCTL, why=findings.tdx_device.detail)


def _sysfs(findings: Findings) -> Option:
    if not findings.sysfs.is_ready:
        return _option(
            DriverName.SYSFS,
            why=findings.sysfs.detail,
            remedy="nothing: no released kernel has it",
        )
    return _option(
        DriverName.SYSFS,
        why=f"{findings.sysfs.detail}, and does not tell its provider",
        remedy="name the driver and its provider in the configuration",
    )


def _emulated(_: Findings) -> Option:
    return _option(
        DriverName.EMULATED,
        why="a software TEE protects nothing",
        remedy="name the driver and its directory in the configuration, for development",
    )


def _option(driver: DriverName, *, why: str, remedy: str = "") -> Option:
    """Return an option, usable if nothing has to be done for it."""
    return Option(driver=driver, is_usable=not remedy, why=why, remedy=remedy)


_ORDER: Final[tuple[Callable[[Findings], Option], ...]] = (_configfs, _ioctl, _sysfs, _emulated)
