# SPDX-License-Identifier: Apache-2.0
"""A driver over the sysfs class of the second version of the TSM series (August 2023).

    class/tsm/tsm0/{inhex,outblob,generation}    and {privlevel,format} where the TEE has levels

It was never merged; kernels that carry it are out of tree. There is one state for the machine, so
all who use it must agree: we hold the advisory lock of `inhex` from the first look to the last.
`generation` moves only when a value really changes, so the writes that change something are
counted. A writer who does not heed the lock is found by it, unless it wrote what we would have.

The kernel's host side uses `class/tsm` for something else since 6.19, so this driver is named in a
configuration and never guessed; the provider too, which the interface does not tell.

Source: the series' cover letter and patch 2 of version 2 (linux-coco, 14 August 2023).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from troth.errors import DriverError
from troth.evidence.snp.layout import REPORT_BYTES
from troth.tsm import raw
from troth.tsm.bucket import TokenBucket
from troth.tsm.clock import Clock, SystemClock
from troth.tsm.configfs.options import PRIVLEVEL_MAX, Options
from troth.tsm.driver import SNP, TDX, Report, ServiceRequest, demand_report_data, settled
from troth.tsm.patience import AGAIN, AGAIN_SNP, patiently
from troth.tsm.raw import Files, SystemFiles
from troth.tsm.refusal import AT_ENTRY, AT_OPTION, told
from troth.tsm.registers import Registers

__all__ = ["Format", "SysfsDriver"]

_STATE: Final = "class/tsm/tsm0"
_DEFAULTS: Final = Options()
# include/uapi/linux/sev-guest.h, the response before the report: status, size, reserved. This
# version of the series left it in front of an SNP report; a report begins with a version, not 0.
_SNP_HEADER: Final = struct.Struct("<II24x")


class Format(StrEnum):
    """What an SNP `outblob` holds."""

    DEFAULT = "default"  # the report
    EXTENDED = "extended"  # the report and the certificates of the host


class SysfsDriver:
    """The TSM behind the sysfs class."""

    def __init__(
        self,
        sysfs: Path = Path("/sys"),
        options: Options = _DEFAULTS,
        *,
        provider: str = TDX,
        form: Format = Format.DEFAULT,
        files: Files | None = None,
        clock: Clock | None = None,
    ) -> None:
        """See whether the attributes are there.

        Args:
            sysfs: the root of sysfs.
            options: as for configfs; there are no services here.
            provider: whose reports these are, by the name that configfs-tsm would give.
            form: what is asked for with an SNP report.
            files: the file operations; the machine's if None.
            clock: measures and spends time; the machine's if None.

        Raises:
            DriverError: `tsm.absent`, `tsm.denied`, `tsm.provider`, `tsm.argument`.
        """
        self._files = SystemFiles() if files is None else files
        self._clock = SystemClock() if clock is None else clock
        self._options = options
        self._provider = provider
        self._form = form
        self._state = sysfs / _STATE
        with told(self._state, AT_ENTRY):
            self._attributes = self._files.names(self._state)
        if not {"inhex", "outblob", "generation"} <= self._attributes:
            raise DriverError("tsm.absent", f"{_STATE} is not that of a guest")
        if provider not in {SNP, TDX}:
            raise DriverError("tsm.provider", provider)
        if form is Format.EXTENDED and "format" not in self._attributes:
            raise DriverError("tsm.argument", "this TSM has no formats")
        self._bucket = TokenBucket(options.rate_of(provider), self._clock)
        self._again = AGAIN_SNP if provider == SNP else AGAIN
        self._registers = Registers(sysfs, self._files, self._clock, options.deadline_s)
        self._made = 0

    @property
    def provider(self) -> str:
        """Whose reports these are, as the driver was told."""
        return self._provider

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Return a report; see `Driver.report`.

        Raises:
            DriverError: `tsm.report-data`, `tsm.argument`, before the TSM is asked; `tsm.rate`,
                `tsm.absent`, `tsm.denied`; `tsm.busy`, `tsm.timed-out`, `tsm.interrupted`, the
                deadline passed; `tsm.locked-out`, `tsm.failed`, `tsm.attribute`,
                `tsm.report-torn`, and as `settled`.
        """
        demand_report_data(report_data)
        if service is not None or self._options.service is not None:
            raise DriverError("tsm.argument", "this interface has no services")
        wanted = self._wanted(
            report_data, self._options.privlevel if privlevel is None else privlevel
        )
        until = self._clock.monotonic() + self._options.deadline_s
        outblob = patiently(
            lambda: self._attempt(wanted, until),
            until=until,
            clock=self._clock,
            again=self._again,
        )
        outblob, auxblob = self._parts(outblob)
        self._made += 1
        report = Report(
            provider=self._provider, outblob=outblob, auxblob=auxblob, generation=self._made
        )
        return settled(report, report_data)

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
        """Nothing is held between calls."""

    def _wanted(self, report_data: bytes, privlevel: int | None) -> dict[str, str]:
        """Return what the attributes are to hold.

        Raises:
            DriverError: `tsm.argument`.
        """
        wanted = {}
        if "format" in self._attributes:
            wanted["format"] = self._form.value
        if privlevel is not None:
            if "privlevel" not in self._attributes:
                raise DriverError("tsm.argument", f"{self._provider} has no privilege levels")
            if not 0 <= privlevel <= PRIVLEVEL_MAX:
                raise DriverError("tsm.argument", f"privilege level {privlevel}")
            wanted["privlevel"] = str(privlevel)
        return wanted | {"inhex": report_data.hex()}

    def _attempt(self, wanted: dict[str, str], until: float) -> bytes:
        """Go once through the protocol, under the lock."""
        self._bucket.take(until)
        with self._locked():
            due = raw.number(self._files, self._state / "generation")
            for name, value in wanted.items():
                path = self._state / name
                due += raw.text(self._files, path) != value
                with told(path, AT_OPTION):
                    taken = self._files.write(path, value.encode() + b"\n")
                if taken != len(value) + 1:
                    raise DriverError("tsm.failed", f"{name}: {taken} bytes taken")
            outblob = raw.blob(self._files, self._state / "outblob")
            found = raw.number(self._files, self._state / "generation")
        if found != due:
            raise DriverError("tsm.report-torn", f"generation {found}, {due} is due")
        return outblob

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock that every user of the one state has to hold."""
        path = self._state / "inhex"
        with ExitStack() as held:
            with told(path):
                held.enter_context(self._files.lock(path))
            yield

    def _parts(self, outblob: bytes) -> tuple[bytes, bytes | None]:
        """Return the report, and the certificates that stand somewhere behind it.

        Raises:
            DriverError: `tsm.report-form`.
        """
        if self._provider != SNP or len(outblob) < _SNP_HEADER.size:
            return outblob, None
        status, size = _SNP_HEADER.unpack_from(outblob)
        if status == 0:
            if size != REPORT_BYTES:
                raise DriverError("tsm.report-form", f"a response of {size} bytes")
            outblob = outblob[_SNP_HEADER.size :]
        behind = outblob[REPORT_BYTES:].lstrip(b"\0") if self._form is Format.EXTENDED else b""
        return outblob[:REPORT_BYTES], behind or None
