# SPDX-License-Identifier: Apache-2.0
"""What trothd needs of a TSM, and the few things that it reads out of a report itself.

A driver blocks, and is called by one thread alone: reports and extends never overlap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import UUID

from troth.crypto.digest import same
from troth.errors import DriverError, MalformedError
from troth.evidence.cca import CcaToken
from troth.evidence.cove import CoveToken
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.evidence.snp import SnpReport
from troth.evidence.snp.layout import REPORT_BYTES
from troth.evidence.tdx import TdxQuote

__all__ = [
    "CCA",
    "COVE",
    "PROVIDERS",
    "REPORT_DATA_BYTES",
    "SNP",
    "TDX",
    "Driver",
    "Glance",
    "Report",
    "ServiceRequest",
    "demand_report_data",
    "due_report_data",
    "glance",
    "settled",
]

TDX: Final = "tdx_guest"
"""The name under which the kernel's configfs-tsm offers TDX (Documentation/ABI, `provider`)."""
SNP: Final = "sev_guest"
"""The name under which it offers SEV-SNP."""
CCA: Final = "arm_cca_guest"
"""The name under which it offers Arm CCA."""
COVE: Final = "cove_guest"
"""The name that this project gives to RISC-V CoVE, which no kernel offers yet."""

PROVIDERS: Final = frozenset({TDX, SNP, CCA, COVE})
"""Those whose reports can be read here."""

REPORT_DATA_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """A service that is to make the report in the firmware's place, such as an SVSM.

    Attributes:
        provider: the service provider, by the kernel's name; `svsm` is the one that it knows.
        guid: the one service that is to be attested; None for all of them.
        manifest_version: of that service's manifest; None for the provider's default.
    """

    provider: str = "svsm"
    guid: UUID | None = None
    manifest_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one request of a report gave.

    Attributes:
        provider: who made it, by the kernel's name.
        outblob: the signed report, cut to its own length.
        auxblob: certificates that go with it, where the provider has some.
        manifestblob: what a service (an SVSM) said with it, where one was asked.
        service_provider: the service that was asked, or None.
        generation: a count that rises by one for each report of this driver, and by more if the
            driver saw another writer and could not tell whether the report is ours. A driver whose
            entries begin anew, or are shared by a lock, compares the kernel's own count itself.
    """

    provider: str
    outblob: bytes
    auxblob: bytes | None = None
    manifestblob: bytes | None = None
    service_provider: str | None = None
    generation: int


class Driver(Protocol):
    """One TSM."""

    @property
    def provider(self) -> str:
        """The kernel's name of the TSM, such as `tdx_guest`."""
        ...

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: ServiceRequest | None = None,
    ) -> Report:
        """Ask for a report over 64 bytes and wait for it.

        Args:
            report_data: 64 bytes.
            privlevel: the VMPL, where the TSM has such; None for the driver's default, which is
                the lowest level that the TSM accepts unless the driver was made with another.
            service: the service that is asked; None for the driver's default.

        Raises:
            DriverError: `tsm.…`; nothing else escapes.
        """
        ...

    def registers(self) -> tuple[bytes, ...]:
        """Return the values of the runtime registers.

        Raises:
            DriverError: `tsm.…`; `tsm.no-registers` where there are none that a guest can extend.
        """
        ...

    def register_hash(self) -> str:
        """Return the hash that extends the runtime registers, by its name at IANA (RFC 6920).

        Raises:
            DriverError: `tsm.…`; `tsm.no-registers` where there are none that a guest can extend.
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
    """What stands in a report that nobody has verified: enough to find our own mistakes.

    Attributes:
        report_data: 64 bytes.
        registers: the runtime registers, of the TEE's hash; none where the TEE has none.
        length: how many bytes the report has by what it says of itself.
    """

    report_data: bytes
    registers: tuple[bytes, ...]
    length: int


def glance(report: Report) -> Glance:
    """Look into a report, by its provider.

    Raises:
        DriverError: `tsm.report-empty`, `tsm.report-form`, `tsm.provider`.
    """
    look = _GLANCES.get(report.provider)
    if look is None:
        raise DriverError("tsm.provider", report.provider)
    if not report.outblob:
        raise DriverError("tsm.report-empty", report.provider)
    try:
        return look(report.outblob)
    except MalformedError as error:
        raise DriverError("tsm.report-form", str(error)) from None


def due_report_data(report: Report, report_data: bytes) -> bytes:
    """Return what a report over `report_data` carries.

    That is `report_data` itself, unless a service made the report: an SVSM has the firmware sign
    SHA-512(report data ‖ manifest) (AMD 58019, SVSM attestation; BINDING 4.8).
    """
    if report.manifestblob is None:
        return report_data
    return hashlib.sha512(report_data + report.manifestblob).digest()


def settled(report: Report, report_data: bytes) -> Report:
    """Return a report without what lies behind its end, if it is over what was asked for.

    A file's length is not trusted: the kernel may pad a blob, and one that shrank while it was
    read ends in bytes of another.

    Raises:
        DriverError: `tsm.report-empty`, `tsm.report-form`, `tsm.provider`; `tsm.report-other`, or
            `tsm.manifest` where a service was asked.
    """
    seen = glance(report)
    if report.service_provider is not None and not report.manifestblob:
        raise DriverError("tsm.manifest", f"{report.service_provider} gave none")
    if not same(seen.report_data, due_report_data(report, report_data)):
        if report.manifestblob is not None:
            raise DriverError("tsm.manifest", "the report is over another one, or other data")
        raise DriverError("tsm.report-other")
    if seen.length == len(report.outblob):
        return report
    return replace(report, outblob=report.outblob[: seen.length])


def demand_report_data(report_data: bytes) -> None:
    """Return if report data has the size that TDX and SNP take.

    Raises:
        DriverError: `tsm.report-data`.
    """
    if len(report_data) != REPORT_DATA_BYTES:
        raise DriverError("tsm.report-data", f"{len(report_data)} bytes, 64 are due")


def _tdx(outblob: bytes) -> Glance:
    quote = TdxQuote.parse(outblob[:QUOTE_MAX_BYTES])  # what lies behind is cut off anyway
    return Glance(quote.body.report_data, quote.body.rtmrs, quote.size)


def _snp(outblob: bytes) -> Glance:
    report = SnpReport.parse(outblob[:REPORT_BYTES])
    return Glance(report.report_data, (), REPORT_BYTES)


def _cca(outblob: bytes) -> Glance:
    token = CcaToken.parse(outblob)
    return Glance(token.realm.challenge, token.realm.rems, token.size)


def _cove(outblob: bytes) -> Glance:
    token = CoveToken.parse(outblob)
    return Glance(token.tvm.challenge, tuple(one.value for one in token.tvm.runtime), token.size)


_GLANCES: Final[dict[str, Callable[[bytes], Glance]]] = {
    TDX: _tdx,
    SNP: _snp,
    CCA: _cca,
    COVE: _cove,
}
