# SPDX-License-Identifier: Apache-2.0
"""The section [tsm]: which driver trothd has, and what that driver needs; no key of another one's.

    driver = "auto"        what `troth doctor` says is chosen on this machine
             "configfs"    the kernel's configfs-tsm
             "ioctl"       /dev/sev-guest, or /dev/tdx_guest and a quote generation service
             "sysfs"       the series before configfs
             "emulated"    a software TDX, SNP, CCA or CoVE, for development

Each section is a type of its own, so a key that its driver would not read is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from troth.errors import DriverError
from troth.tsm.bucket import Rate, TokenBucket
from troth.tsm.choose import DriverName, choose
from troth.tsm.clock import SystemClock
from troth.tsm.configfs import ConfigfsDriver, Options
from troth.tsm.driver import SNP, TDX, Driver, ServiceRequest
from troth.tsm.emulated.driver import EmulatedDriver, Injection
from troth.tsm.ioctl import CharacterDevice, SnpIoctlDriver, TdxIoctlDriver
from troth.tsm.ioctl.qgs import Address, parse_address
from troth.tsm.probe import probe
from troth.tsm.raw import SystemFiles
from troth.tsm.registers import Registers
from troth.tsm.sysfs import Format, SysfsDriver

__all__ = ["EmulatedSettings", "TsmSettings", "driver_of", "named_provider", "tsm_problems"]

Level = Annotated[int, msgspec.Meta(ge=0, le=3)]
Provider = Literal["tdx_guest", "sev_guest"]
Interval = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Patience = Annotated[int, msgspec.Meta(ge=1, le=600)]

_TDX_DEVICE: Final = "tdx_guest"
_SEV_DEVICE: Final = "sev-guest"


class Tsm(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="driver"
):
    """A section."""


class RateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often the TSM is asked at most; see `troth.tsm.bucket`."""

    interval_ms: Interval
    burst: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service that makes the reports, such as an SVSM."""

    provider: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "svsm"
    guid: UUID | None = None  # of one service; all of them if None
    manifest_version: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None


class ConfigfsSettings(Tsm, frozen=True, kw_only=True, tag="configfs"):
    """Reports of configfs-tsm."""

    sysfs: str = "/sys"
    privlevel: Level | None = None  # the lowest that the TSM accepts if None
    service: ServiceSettings | None = None
    deadline_s: Patience = 60
    rate: RateSettings | None = None  # what the provider needs if None


class SysfsSettings(Tsm, frozen=True, kw_only=True, tag="sysfs"):
    """Reports of the sysfs class, which does not tell its provider."""

    provider: Provider
    sysfs: str = "/sys"
    format: Format = Format.DEFAULT
    privlevel: Level | None = None
    deadline_s: Patience = 60
    rate: RateSettings | None = None


class IoctlSettings(Tsm, frozen=True, kw_only=True, tag="ioctl"):
    """Reports of a guest device."""

    provider: Provider
    sysfs: str = "/sys"  # for the registers
    devices: str = "/dev"
    quote_service: str | None = None  # for tdx_guest
    privlevel: Level | None = None  # for sev_guest; 0 if None
    certificates: bool = True  # for sev_guest: whether the host is asked for its own
    deadline_s: Patience = 60
    rate: RateSettings | None = None  # for sev_guest


class AutoSettings(Tsm, frozen=True, kw_only=True, tag="auto"):
    """Reports of what is there."""

    sysfs: str = "/sys"
    devices: str = "/dev"
    quote_service: str | None = None
    deadline_s: Patience = 60


class EmulatedSettings(Tsm, frozen=True, kw_only=True, tag="emulated"):
    """Reports of a software TEE, in this process. Which kind it is, its directory says."""

    directory: str
    privlevel: Level | None = None  # of SNP; the lowest that the guest may ask from if None
    service: ServiceSettings | None = None  # likewise
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 0
    inject: list[Injection] = []


TsmSettings = ConfigfsSettings | SysfsSettings | IoctlSettings | AutoSettings | EmulatedSettings
"""[tsm]."""


def tsm_problems(tsm: TsmSettings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what types alone cannot say, with the path of the key."""
    if isinstance(tsm, IoctlSettings | AutoSettings) and tsm.quote_service is not None:
        try:
            parse_address(tsm.quote_service)
        except DriverError as error:
            yield ("tsm", "quote_service"), error.detail
    if isinstance(tsm, SysfsSettings) and tsm.provider == TDX:
        yield from _useless(tsm, TDX, privlevel=None, format=Format.DEFAULT)
    if isinstance(tsm, IoctlSettings) and tsm.provider == TDX:
        if tsm.quote_service is None:
            yield ("tsm", "quote_service"), "missing: tdx_guest makes no quotes by itself"
        yield from _useless(tsm, TDX, privlevel=None, certificates=True, rate=None)
    if isinstance(tsm, IoctlSettings) and tsm.provider == SNP:
        yield from _useless(tsm, SNP, quote_service=None)


def named_provider(tsm: TsmSettings) -> str | None:
    """Return the provider that a section names; None where only the TSM itself could say."""
    return tsm.provider if isinstance(tsm, SysfsSettings | IoctlSettings) else None


def driver_of(tsm: TsmSettings) -> Driver:
    """Open the driver that is configured.

    Raises:
        DriverError: `tsm.absent`, `auto` finds none; otherwise as the drivers.
    """
    match tsm:
        case ConfigfsSettings():
            return ConfigfsDriver(Path(tsm.sysfs), _options(tsm))
        case SysfsSettings():
            return SysfsDriver(
                Path(tsm.sysfs), _options(tsm), provider=tsm.provider, form=tsm.format
            )
        case IoctlSettings():
            return _snp(tsm) if tsm.provider == SNP else _tdx(tsm)
        case AutoSettings():
            return driver_of(_found(tsm))
        case EmulatedSettings():
            return EmulatedDriver(
                Path(tsm.directory),
                latency_s=tsm.latency_ms / 1000,
                inject=tsm.inject,
                privlevel=tsm.privlevel,
                service=_service(tsm.service),
            )


def _found(tsm: AutoSettings) -> TsmSettings:
    """Return the section that a person would have written for this machine."""
    address = None if tsm.quote_service is None else parse_address(tsm.quote_service)
    choice = choose(probe(Path(tsm.sysfs), Path(tsm.devices), address))
    if choice.driver is DriverName.CONFIGFS:
        return ConfigfsSettings(sysfs=tsm.sysfs, deadline_s=tsm.deadline_s)
    if choice.driver is DriverName.IOCTL:
        is_tdx = choice.provider == TDX
        return IoctlSettings(
            provider=TDX if is_tdx else SNP,
            sysfs=tsm.sysfs,
            devices=tsm.devices,
            quote_service=tsm.quote_service if is_tdx else None,
            deadline_s=tsm.deadline_s,
        )
    raise DriverError("tsm.absent", f"auto finds none, see troth doctor: {choice.options[0].why}")


def _snp(tsm: IoctlSettings) -> Driver:
    clock = SystemClock()
    return SnpIoctlDriver(
        CharacterDevice(Path(tsm.devices) / _SEV_DEVICE),
        TokenBucket(_options(tsm).rate_of(SNP), clock),
        clock=clock,
        deadline_s=tsm.deadline_s,
        privlevel=tsm.privlevel or 0,
        certificates=tsm.certificates,
    )


def _tdx(tsm: IoctlSettings) -> Driver:
    clock = SystemClock()
    address = _address(tsm)
    return TdxIoctlDriver(
        CharacterDevice(Path(tsm.devices) / _TDX_DEVICE),
        address,
        registers=Registers(Path(tsm.sysfs), SystemFiles(), clock, tsm.deadline_s),
        clock=clock,
        deadline_s=tsm.deadline_s,
    )


def _address(tsm: IoctlSettings) -> Address:
    if tsm.quote_service is None:
        raise DriverError("tsm.argument", "tdx_guest needs a quote_service")
    return parse_address(tsm.quote_service)


def _options(tsm: ConfigfsSettings | SysfsSettings | IoctlSettings) -> Options:
    rate = tsm.rate
    return Options(
        privlevel=tsm.privlevel,
        service=_service(tsm.service) if isinstance(tsm, ConfigfsSettings) else None,
        deadline_s=tsm.deadline_s,
        rate=None if rate is None else Rate(interval_s=rate.interval_ms / 1000, burst=rate.burst),
    )


def _service(service: ServiceSettings | None) -> ServiceRequest | None:
    if service is None:
        return None
    return ServiceRequest(
        provider=service.provider, guid=service.guid, manifest_version=service.manifest_version
    )


def _useless(
    tsm: TsmSettings, provider: str, **unset: object
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the keys that are set and that this provider has no use for."""
    for name, default in unset.items():
        if getattr(tsm, name) != default:
            yield ("tsm", name), f"{provider} has no use for it"
