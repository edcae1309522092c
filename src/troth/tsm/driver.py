# SPDX-License-Identifier: Apache-2.0
"""What trothd needs of a TSM, and the few things that it reads out of a report itself.

A driver blocks, and is called by one thread alone: reports and extends never overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from troth.errors import DriverError, MalformedError
from troth.evidence.tdx import TdxQuote

__all__ = ["TDX", "Driver", "Glance", "Report", "glance"]

TDX: Final = "tdx_guest"
"""The name under which the kernel's configfs-tsm offers TDX (Documentation/ABI, `provider`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one request of a report gave.

    Attributes:
        provider: who made it, by the kernel's name.
        outblob: the signed report.
        auxblob: certificates that go with it, where the provider has some.
        manifestblob: what a service (an SVSM) said with it, where one was asked.
        generation: the count of changes of the report entry, right after the report was read.
            It rises by one for each report that we asked for, unless another writer was there.
    """

    provider: str
    outblob: bytes
    auxblob: bytes | None = None
    manifestblob: bytes | None = None
    generation: int


class Driver(Protocol):
    """One TSM."""

    @property
    def provider(self) -> str:
        """The kernel's name of the TSM, such as `tdx_guest`."""
        ...

    def report(
        self, report_data: bytes, *, privlevel: int | None = None, service: str | None = None
    ) -> Report:
        """Ask for a report over 64 bytes and wait for it.

        Args:
            report_data: 64 bytes.
            privlevel: the VMPL, where the TSM has such; None for its default.
            service: the service that is asked, such as an SVSM's; None for none.

        Raises:
            DriverError: `tsm.…`; nothing else escapes.
        """
        ...

    def registers(self) -> tuple[bytes, ...]:
        """Return the values of the runtime registers.

        Raises:
            DriverError: `tsm.…`.
        """
        ...

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a runtime register.

        Raises:
            DriverError: `tsm.…`; after this one it is not known whether the register changed.
        """
        ...

    def close(self) -> None:
        """Let go of the TSM."""
        ...


@dataclass(frozen=True, slots=True)
class Glance:
    """What stands in a report that nobody has verified: enough to find our own mistakes."""

    report_data: bytes
    registers: tuple[bytes, ...]


def glance(report: Report) -> Glance:
    """Look into a report, by its provider.

    Raises:
        DriverError: `tsm.report-empty`, `tsm.report-form`, `tsm.provider`.
    """
    if not report.outblob:
        raise DriverError("tsm.report-empty", report.provider)
    look = _GLANCES.get(report.provider)
    if look is None:
        raise DriverError("tsm.provider", report.provider)
    try:
        return look(report.outblob)
    except MalformedError as error:
        raise DriverError("tsm.report-form", str(error)) from None


def _tdx(outblob: bytes) -> Glance:
    body = TdxQuote.parse(outblob).body
    return Glance(body.report_data, body.rtmrs)


_GLANCES: Final[dict[str, Callable[[bytes], Glance]]] = {TDX: _tdx}
