# SPDX-License-Identifier: Apache-2.0
"""The door for reports: SEV-SNP, and the certificate table that a host adds to one."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from tests.fuzz.door import Door, Way
from tests.fuzz.judged import AT, CHALLENGE, judged, shown
from troth.crypto.pss_certificate import PssCertificate
from troth.endorse.amd import parse_snp_bundle, parse_table
from troth.evidence.snp import CertificateTable, SnpReport
from troth.policy import Endorsements
from troth.tsm.emulated.snp import Settings, SnpKeys, SoftwareSnp
from troth.verify import Anchor, Anchors

__all__ = ["DOOR"]

KEYS: Final = SnpKeys.generate()


def chip(product: Any, chip_id: str, version: Any, key: Any) -> SoftwareSnp:
    platform = replace(Settings().platform, product=product, chip_id=chip_id)
    settings = replace(Settings(), platform=platform, report_version=version, signing_key=key)
    return SoftwareSnp.create(settings, at=AT, keys=KEYS)


CHIPS: Final = (
    chip("Milan", "c0" * 64, 2, "VCEK"),
    chip("Milan", "c0" * 64, 5, "VLEK"),
    chip("Genoa", "c2" * 64, 3, "VCEK"),
    chip("Turin", "c1" * 8, 5, "VCEK"),
)
REPORTS: Final = tuple(one.report(CHALLENGE) for one in CHIPS)
TABLES: Final = tuple(one.certificate_table() for one in CHIPS)
ANCHORS: Final = Anchors(Anchor.of(PssCertificate(one.pki.certificates["ark"])) for one in CHIPS)
SETS: Final = tuple(parse_snp_bundle(one.bundle(), "a bundle") for one in CHIPS)


def is_built_again(report: SnpReport, data: bytes) -> bool:
    return report.build() == data


def is_same_table(table: CertificateTable, _: bytes) -> bool:
    """A host may pad and order as it likes, so the table's meaning is what comes back."""
    return CertificateTable.parse(table.build()) == table


DOOR: Final = Door(
    name="report",
    ways=(
        Way(name="SNP", parse=SnpReport.parse, seeds=REPORTS, holds=is_built_again),
        Way(name="table", parse=CertificateTable.parse, seeds=TABLES, holds=is_same_table),
        Way(
            name="sets of a table",
            parse=lambda data: parse_table(data, "a table"),
            seeds=TABLES,
            holds=lambda sets, _: all(len(one.sha256) for one in sets),
        ),
        shown("snp", *REPORTS),
        judged("snp", *REPORTS, anchors=ANCHORS, endorsements=Endorsements(snp=SETS)),
    ),
    modules=("troth.evidence.snp.*", "troth.verify.snp.*", "troth.endorse.amd.*"),
)
