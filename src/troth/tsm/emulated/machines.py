# SPDX-License-Identifier: Apache-2.0
"""The software TEEs that bundles are made over, each as a driver asks it: what a kernel would do.

    with MACHINES[kind_of(directory)].opened(directory) as machine:
        machine.attest(report_data, None, None)

Which kind a directory holds is said by its `tee.json`, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from troth.errors import DriverError, TrothError
from troth.tsm.driver import CCA, COVE, SNP, TDX, ServiceRequest
from troth.tsm.emulated import cca, cove, snp, tdx
from troth.tsm.emulated.files import kind_in

__all__ = ["MACHINES", "Blobs", "Machine", "MachineKind", "kind_of"]

_VMPL_HIGHEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """What the kernel would hand out for one request."""

    outblob: bytes
    auxblob: bytes | None = None
    manifestblob: bytes | None = None


class Machine(Protocol):
    """A software TEE that is held alone."""

    def attest(
        self, report_data: bytes, privlevel: int | None, service: ServiceRequest | None
    ) -> Blobs:
        """Make a report over 64 bytes.

        Raises:
            DriverError: `tsm.argument`, there is no such level or service; `tsm.report-data`.
        """
        ...

    def registers(self) -> tuple[bytes, ...]:
        """Return the runtime registers.

        Raises:
            DriverError: `tsm.no-registers`.
        """
        ...

    def register_hash(self) -> str:
        """Return the name of the registers' hash; see `Driver.register_hash`."""
        ...

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a runtime register.

        Raises:
            DriverError: `tsm.no-registers`, `tsm.register`.
        """
        ...


@dataclass(frozen=True, slots=True)
class MachineKind:
    """A kind of software TEE: its provider by the kernel's name, and how a directory is held."""

    provider: str
    opened: Callable[[Path], AbstractContextManager[Machine]]


def kind_of(directory: Path) -> str:
    """Return which kind of software TEE a directory holds, one of `MACHINES`.

    Raises:
        DriverError: `tsm.state`, none, or one that no bundle is made over.
    """
    try:
        kind = kind_in(directory)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None
    if kind not in MACHINES:
        known = ", ".join(MACHINES)
        raise DriverError("tsm.state", f"{directory}: {kind!r} comes in no bundle; {known} do")
    return kind


class _HasRegisters(Protocol):
    def registers(self) -> tuple[bytes, ...]: ...

    def extend(self, index: int, digest: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class _Measured:
    """A TEE with registers, and with neither levels nor services."""

    provider: str
    tee: _HasRegisters
    quote: Callable[[bytes], bytes]
    algorithm: str

    def attest(
        self, report_data: bytes, privlevel: int | None, service: ServiceRequest | None
    ) -> Blobs:
        if privlevel is not None or service is not None:
            raise DriverError(
                "tsm.argument", f"{self.provider} has neither privilege levels nor services"
            )
        return Blobs(outblob=self.quote(report_data))

    def registers(self) -> tuple[bytes, ...]:
        found = self.tee.registers()
        if not found:
            raise DriverError("tsm.no-registers", f"this {self.provider} was made without")
        return found

    def register_hash(self) -> str:
        self.registers()
        return self.algorithm

    def extend(self, index: int, digest: bytes) -> None:
        self.registers()
        self.tee.extend(index, digest)


@dataclass(frozen=True, slots=True)
class _Levelled:
    """A guest of SEV-SNP, as configfs-tsm shows one: levels, services, and no registers."""

    tee: snp.SoftwareSnp

    def attest(
        self, report_data: bytes, privlevel: int | None, service: ServiceRequest | None
    ) -> Blobs:
        floor = self.tee.settings.guest.floor
        level = floor if privlevel is None else privlevel
        if not floor <= level <= _VMPL_HIGHEST:
            raise DriverError(
                "tsm.argument", f"privilege level {level}; {floor} to {_VMPL_HIGHEST} are"
            )
        if service is None:
            made = self.tee.attest(report_data, privlevel=level)
            return Blobs(outblob=made.report, auxblob=made.certificates)
        made = self.tee.attest(
            report_data,
            privlevel=level,
            service=service.provider,
            guid=service.guid,
            manifest_version=service.manifest_version or 0,
        )
        return Blobs(outblob=made.report, auxblob=made.certificates, manifestblob=made.manifest)

    def registers(self) -> tuple[bytes, ...]:
        raise DriverError("tsm.no-registers", SNP)

    def register_hash(self) -> str:
        raise DriverError("tsm.no-registers", SNP)

    def extend(self, index: int, digest: bytes) -> None:
        raise DriverError("tsm.no-registers", f"{SNP}: {index}, {len(digest)} bytes")


@contextmanager
def _tdx(directory: Path) -> Iterator[Machine]:
    with tdx.opened(directory) as tee:
        yield _Measured(TDX, tee, tee.quote, "sha-384")


@contextmanager
def _snp(directory: Path) -> Iterator[Machine]:
    with snp.opened(directory) as tee:
        yield _Levelled(tee)


@contextmanager
def _cca(directory: Path) -> Iterator[Machine]:
    with cca.opened(directory) as tee:
        yield _Measured(CCA, tee, tee.token, tee.settings.realm.hash_algorithm)


@contextmanager
def _cove(directory: Path) -> Iterator[Machine]:
    with cove.opened(directory) as tee:
        yield _Measured(COVE, tee, tee.token, tee.settings.tvm.algorithm)


MACHINES: Final[Mapping[str, MachineKind]] = {
    "tdx": MachineKind(TDX, _tdx),
    "snp": MachineKind(SNP, _snp),
    "cca": MachineKind(CCA, _cca),
    "cove": MachineKind(COVE, _cove),
}
