# SPDX-License-Identifier: Apache-2.0
"""A driver over configfs-tsm: one private entry for each try of each request.

    g = generation; write the options and inblob, n writes
    read outblob, then auxblob and manifestblob where they are wanted
    the report is ours if generation is g + n now, and it is over the report data asked for

Another writer cannot enter the entry, and if it does (root can), one of the two tells. The kernel
commits inblob at close and never says how that went; the generation says it.

auxblob is read once, behind the outblob of an entry that has seen one request: both kernels of
which we have recordings keep the length of an auxblob that they freed, and reading it again after
the provider gave none is an Oops.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from troth.errors import DriverError
from troth.tsm.bucket import TokenBucket
from troth.tsm.clock import Clock, SystemClock
from troth.tsm.configfs.entry import Entries, Entry
from troth.tsm.configfs.options import PRIVLEVEL_MAX, Options, demand_service
from troth.tsm.driver import (
    PROVIDERS,
    SNP,
    Report,
    ServiceRequest,
    demand_report_data,
    settled,
)
from troth.tsm.patience import AGAIN, AGAIN_SNP, patiently
from troth.tsm.raw import Files, SystemFiles
from troth.tsm.registers import Registers

__all__ = ["ConfigfsDriver"]

_REPORTS: Final = "kernel/config/tsm/report"
_DEFAULTS: Final = Options()
# Other drivers in the kernel may show these too, as arm_cca_guest does, and heed none of them.
_OF_SNP: Final = frozenset({"auxblob", "manifestblob", "privlevel_floor"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the provider is, as its entries show it: the same for all of them while it is there."""

    provider: str
    attributes: frozenset[str]
    floor: int | None


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be written, in this order, and who is to answer."""

    writes: tuple[tuple[str, bytes], ...]
    service: str | None


class ConfigfsDriver:
    """The TSM behind configfs-tsm."""

    def __init__(
        self,
        sysfs: Path = Path("/sys"),
        options: Options = _DEFAULTS,
        *,
        files: Files | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Sweep what ended processes left, and see what the provider is.

        Args:
            sysfs: the root of sysfs, below which configfs is mounted at `kernel/config`.
            options: what is done where a request does not say otherwise.
            files: the file operations; the machine's if None.
            clock: measures and spends time; the machine's if None.

        Raises:
            DriverError: `tsm.absent`, `tsm.denied`, `tsm.entry`, `tsm.provider`, `tsm.attribute`.
        """
        files = SystemFiles() if files is None else files
        self._clock = SystemClock() if clock is None else clock
        self._options = options
        self._entries = Entries(files, sysfs / _REPORTS)
        self._entries.sweep()
        with self._entries.fresh() as entry:
            self._shape = _shape(entry)
        self._bucket = TokenBucket(options.rate_of(self.provider), self._clock)
        self._again = AGAIN_SNP if self.provider == SNP else AGAIN
        self._registers = Registers(sysfs, files, self._clock, options.deadline_s)
        self._made = 0

    @property
    def provider(self) -> str:
        """The kernel's name of the TSM, as it was when the driver was made."""
        return self._shape.provider

    @property
    def privlevel_floor(self) -> int | None:
        """The lowest privilege level that the TSM accepts; None where it has none."""
        return self._shape.floor

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Return a report; see `Driver.report`.

        Raises:
            DriverError: `tsm.report-data`, `tsm.argument`, before the TSM is asked; `tsm.rate`;
                `tsm.absent`, `tsm.denied`, `tsm.entry`, `tsm.entry-left`; `tsm.busy`,
                `tsm.timed-out`, `tsm.interrupted`, the deadline passed; `tsm.locked-out`,
                `tsm.failed`, `tsm.attribute`; `tsm.report-torn`, and as `settled`.
        """
        demand_report_data(report_data)
        request = self._request(
            report_data,
            self._options.privlevel if privlevel is None else privlevel,
            self._options.service if service is None else service,
        )
        until = self._clock.monotonic() + self._options.deadline_s
        found = patiently(
            lambda: self._attempt(request, until),
            until=until,
            clock=self._clock,
            again=self._again,
        )
        report = settled(found, report_data)
        self._made += 1
        return replace(report, generation=self._made)

    def registers(self) -> tuple[bytes, ...]:
        """Return RTMR0 to RTMR3; see `Registers.values`."""
        return self._registers.values()

    def register_hash(self) -> str:
        """Return the name of their hash; see `Registers.hash`."""
        return self._registers.hash()

    def extend(self, index: int, digest: bytes) -> None:
        """Extend an RTMR; see `Registers.extend`."""
        self._registers.extend(index, digest)

    def close(self) -> None:
        """Try a last time to remove what could not be removed."""
        self._entries.remove_left()

    def _request(
        self, report_data: bytes, privlevel: int | None, service: ServiceRequest | None
    ) -> _Request:
        """Put together what is written.

        Raises:
            DriverError: `tsm.argument`.
        """
        writes: list[tuple[str, bytes]] = []
        level = self._level(privlevel)
        if level is not None:
            writes.append(("privlevel", b"%d" % level))
        if service is not None:
            demand_service(service)
            if "manifestblob" not in self._shape.attributes:
                raise DriverError("tsm.argument", f"{self.provider} has no services")
            writes.append(("service_provider", service.provider.encode()))
            if service.guid is not None:
                writes.append(("service_guid", str(service.guid).encode()))
            if service.manifest_version is not None:
                writes.append(("service_manifest_version", b"%d" % service.manifest_version))
        writes.append(("inblob", report_data))
        return _Request(tuple(writes), None if service is None else service.provider)

    def _level(self, privlevel: int | None) -> int | None:
        """Return the level to write: an entry's own is 0, which may lie below the floor."""
        floor = self._shape.floor
        if privlevel is None or floor is None:
            if privlevel is not None:
                raise DriverError("tsm.argument", f"{self.provider} has no privilege levels")
            return floor
        if not floor <= privlevel <= PRIVLEVEL_MAX:
            raise DriverError(
                "tsm.argument", f"privilege level {privlevel}; {floor} to {PRIVLEVEL_MAX} are"
            )
        return privlevel

    def _attempt(self, request: _Request, until: float) -> Report:
        """Go once through the protocol, in an entry of its own."""
        self._bucket.take(until)
        with self._entries.fresh() as entry:
            due = entry.number("generation") + len(request.writes)
            for name, value in request.writes:
                entry.write(name, value)
            try:
                report = self._read(entry, request)
            except DriverError as error:
                if error.code in self._again:
                    raise
                _undisturbed(entry, due)
                if error.code == "tsm.absent":  # ENXIO, and it is there: its firmware's answer
                    raise DriverError("tsm.failed", error.detail) from None
                raise
            found = _undisturbed(entry, due)
        if found != self.provider:
            raise DriverError("tsm.provider", f"{found} in place of {self.provider}")
        return report

    def _read(self, entry: Entry, request: _Request) -> Report:
        outblob = entry.blob("outblob")
        has_aux = bool(outblob) and "auxblob" in self._shape.attributes
        return Report(
            provider=self.provider,
            outblob=outblob,
            auxblob=(entry.blob("auxblob") or None) if has_aux else None,
            manifestblob=None if request.service is None else entry.blob("manifestblob"),
            service_provider=request.service,
            generation=0,
        )


def _shape(entry: Entry) -> _Shape:
    """See what the provider is.

    Raises:
        DriverError: `tsm.provider`, its reports cannot be read here; `tsm.attribute`, an attribute
            that each provider has is not there; and as `Entry`.
    """
    attributes = entry.names()
    missing = {"generation", "inblob", "outblob", "provider"} - attributes
    if missing:
        raise DriverError("tsm.attribute", f"not there: {', '.join(sorted(missing))}")
    provider = entry.text("provider")
    if provider not in PROVIDERS:
        raise DriverError("tsm.provider", provider)
    if provider != SNP:
        attributes -= _OF_SNP
    floor = entry.number("privlevel_floor") if "privlevel_floor" in attributes else None
    return _Shape(provider, attributes, floor)


def _undisturbed(entry: Entry, due: int) -> str:
    """Return the provider's name if nobody else wrote to the entry.

    Raises:
        DriverError: `tsm.report-torn`; `tsm.entry`, it was taken away; `tsm.absent`, the provider
            is gone.
    """
    found = entry.number("generation")
    if found != due:
        raise DriverError("tsm.report-torn", f"generation {found}, {due} is due")
    return entry.text("provider")
