# SPDX-License-Identifier: Apache-2.0
"""A software SNP: one guest on one chip, with the vendor that vouches for it.

    tee = SoftwareSnp.create(at=now)
    report, bundle, root = tee.report(report_data), tee.bundle(), tee.root_pem

No files, no clock: `store` saves and loads one, and the instant is the caller's. SNP has no
runtime registers: what a guest wants to prove beyond its launch goes into the report data.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Literal, NamedTuple, Self, Unpack
from uuid import UUID

import msgspec
from msgspec.structs import replace

from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.crypto.signing_key import SigningKey
from troth.endorse.amd import LeafCertificate, SnpCollateral, snp_bundle
from troth.errors import DriverError
from troth.evidence.snp import CertificateTable, Product
from troth.evidence.snp.layout import TURIN_CHIP_ID_BYTES
from troth.tsm.emulated.snp.firmware import ReportChanges, filled, signed
from troth.tsm.emulated.snp.pki import Leaf, SnpKeys, SnpPki
from troth.tsm.emulated.snp.settings import Settings
from troth.tsm.emulated.snp.svsm import (
    SVSM,
    bound_report_data,
    service_manifest,
    services_manifest,
)

__all__ = ["Attested", "SoftwareSnp"]

DEFAULT = Settings()
_VMPL_HIGHEST = 3
_CHIP_ID_BYTES = 64


class Attested(NamedTuple):
    """What the kernel hands out for one request; the manifest is empty without an SVSM."""

    report: bytes
    certificates: bytes
    manifest: bytes


class SoftwareSnp:
    """A guest that can be reported on. Nothing of it changes once it is made."""

    def __init__(
        self, settings: Settings, at: datetime, pki: SnpPki, *, crl: bytes | None = None
    ) -> None:
        """Put a software SNP together; `create` and `store.load` are the usual ways.

        Args:
            settings: what it is like; its chip id is chosen.
            at: the instant at which certificates and list were issued, aware.
            pki: its keys and certificates.
            crl: the ARK's list, if it was issued before.
        """
        self.settings = settings
        self.at = at
        self.pki = pki
        self._crl = pki.crl() if crl is None else crl

    @classmethod
    def create(
        cls, settings: Settings = DEFAULT, *, at: datetime, keys: SnpKeys | None = None
    ) -> Self:
        """Launch a guest on a new chip.

        Args:
            settings: what it is like.
            at: the instant for which certificates and list are issued, aware.
            keys: of its hierarchy; fresh ones, which take seconds, if None.

        Raises:
            ValueError: a setting is out of its range, or `at` is not aware.
        """
        if at.tzinfo is None:
            raise ValueError("the instant has no time zone")
        settings = _chosen(_checked(settings))
        at = at.replace(microsecond=0)
        return cls(settings, at, SnpPki(settings, at, keys or SnpKeys.generate()))

    @property
    def leaf(self) -> Leaf:
        """Whose key signs the reports."""
        return "vcek" if self.settings.signing_key == "VCEK" else "vlek"

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs the reports."""
        return self.pki.keys.leaves[self.leaf]

    @property
    def root_pem(self) -> bytes:
        """The ARK's certificate, the anchor under which reports of this chip are genuine."""
        return self.pki.pem("ark")

    @property
    def crl(self) -> bytes:
        """The ARK's revocation list, DER."""
        return self._crl

    def report(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        version: Literal[2, 3, 4, 5] | None = None,
        **changes: Unpack[ReportChanges],
    ) -> bytes:
        """Return a report for `report_data`, 64 bytes.

        Args:
            report_data: what the report is for.
            privlevel: the level that asks; 0 where it is None, as the kernel has it.
            version: of the report; that of the settings where it is None.
            changes: what is to be different from a sound report, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`; `tsm.argument`, a level that does not exist or that is
                above the guest's own.
        """
        level = privlevel or 0
        if not self.settings.guest.floor <= level <= _VMPL_HIGHEST:
            raise DriverError("tsm.argument", f"VMPL {level} below {self.settings.guest.floor}")
        return self._report(report_data, level, version, **changes)

    def attest(
        self,
        report_data: bytes,
        *,
        privlevel: int | None = None,
        service: str | None = None,
        guid: UUID | None = None,
        manifest_version: int = 0,
    ) -> Attested:
        """Return what the kernel would hand out.

        Args:
            report_data: 64 bytes.
            privlevel: as for `report`; the SVSM reports at level 0, whatever is asked for.
            service: `svsm`, to ask the SVSM for a report that is bound to its manifest.
            guid: the one service that its manifest is to be of; all of them if None.
            manifest_version: of that one's manifest; there is 0 alone.

        Raises:
            DriverError: `tsm.report-data`; `tsm.argument`, also where there is no such service or
                version.
        """
        if service is None:
            return Attested(
                self.report(report_data, privlevel=privlevel), self.certificate_table(), b""
            )
        services = self.settings.services
        if service != SVSM or not services:
            raise DriverError("tsm.argument", f"no service {service!r}")
        if len(report_data) != _CHIP_ID_BYTES:
            raise DriverError("tsm.report-data", f"{len(report_data)} bytes, 64 are due")
        if guid is None:
            manifest = services_manifest(services)
        else:
            manifest = service_manifest(services, guid, manifest_version)
        report = self._report(bound_report_data(report_data, manifest), 0, None)
        return Attested(report, self.certificate_table(), manifest)

    def certificate_table(self) -> bytes:
        """Return the table that the host hands out: leaf, ASK or ASVK, and ARK."""
        held = self.pki.certificates
        if self.leaf == "vlek":
            table = CertificateTable(vlek=held["vlek"], ask=held["asvk"], ark=held["ark"])
        else:
            table = CertificateTable(vcek=held["vcek"], ask=held["ask"], ark=held["ark"])
        return table.build()

    def collateral(self) -> SnpCollateral:
        """Return the set by which this chip's reports are judged, with the ARK's list."""
        held = self.pki.certificates
        return SnpCollateral(
            source="software SNP",
            leaf=LeafCertificate.of(PssCertificate(held[self.leaf])),
            intermediate=PssCertificate(held["ask" if self.leaf == "vcek" else "asvk"]),
            root=PssCertificate(held["ark"]),
            crl=PssCrl(self._crl),
        )

    def bundle(self) -> bytes:
        """Return that set as JSON, the same bytes every time."""
        return snp_bundle(self.collateral())

    def _report(
        self, report_data: bytes, vmpl: int, version: int | None, **changes: Unpack[ReportChanges]
    ) -> bytes:
        report = filled(
            self.settings, report_data, vmpl=vmpl, version=version or self.settings.report_version
        )
        change = changes.get("change")
        return signed(
            report if change is None else change(report),
            changes.get("signed_by") or self.signing_key,
            changes.get("raw"),
        )


def _checked(settings: Settings) -> Settings:
    """Hold settings to the constraints of their types, as reading them from a file would."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _chosen(settings: Settings) -> Settings:
    """Choose what the settings leave open of the chip."""
    own = settings.platform
    size = TURIN_CHIP_ID_BYTES if settings.product is Product.TURIN else _CHIP_ID_BYTES
    platform = replace(own, chip_id=own.chip_id or secrets.token_hex(size))
    if len(platform.chip_id or "") != 2 * size:
        raise ValueError(f"a chip id of {settings.product.value} has {size} bytes")
    return replace(settings, platform=platform)
