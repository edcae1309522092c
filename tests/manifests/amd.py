# SPDX-License-Identifier: Apache-2.0
"""Reports of SEV-SNP and AMD's certificates, under AMD's own keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase, cases, vectors_root
from troth.crypto.pss_certificate import PssCertificate
from troth.endorse.amd import (
    LeafCertificate,
    LeafKind,
    SnpCollateral,
    assemble,
    describe_leaf,
    read_certificates,
)
from troth.endorse.amd.leaf import AMD_ARC
from troth.evidence.snp import Product, SnpReport, describe_report
from troth.verify import (
    AMD_ARK_GENOA,
    AMD_ARK_MILAN,
    AMD_ARK_TURIN,
    Anchors,
    AnyValue,
    ChipId,
    Revocation,
    Verified,
)
from troth.verify.snp import SnpFacts, describe_snp, verify_snp

__all__ = [
    "ANCHORS",
    "CERTIFICATES",
    "LATER",
    "READERS",
    "all_sets",
    "authorities",
    "judged",
    "leaves",
    "loaded",
    "window",
]

ANCHORS: Final = {"Milan": AMD_ARK_MILAN, "Genoa": AMD_ARK_GENOA, "Turin": AMD_ARK_TURIN}
LATER: Final = datetime.fromisoformat("2026-11-01T00:00:00Z")
# What the folder has of each product: enough for the chain of every leaf.
AUTHORITIES: Final = ("ark-{}", "sev-{}", "sev-vlek-{}")
_AMD: Final = Anchors(ANCHORS.values())
_SECOND: Final = timedelta(seconds=1)
_COUNT: Final = 16  # certificates that one assembly takes beside the authorities
_NUMBERS: Final = (*(f"3.{number}" for number in range(1, 10)), "1", "2", "4", "5")
# 3.1 … 3.8 of a leaf: a field of its TCB, each a DER INTEGER.
_LEVELS: Final = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8"}


def loaded(name: str) -> PssCertificate:
    """Return the one certificate of a file."""
    (found,) = read_certificates((vectors_root() / name).read_bytes())
    return found


def authorities() -> list[PssCertificate]:
    """Return the roots and intermediates of all products."""
    return [loaded(name) for product in Product for name in _authorities(product.value)]


def leaves() -> list[PssCertificate]:
    """Return every genuine leaf certificate of the folder."""
    return [
        loaded(case.file)
        for case in cases("snp-certs")
        if case.kind == "certificate" and case.entry["serial"] == 0 and not case.expect
    ]


def all_sets() -> tuple[SnpCollateral, ...]:
    """Return the collateral that all certificates of the folder make."""
    one, two = leaves()[:_COUNT], leaves()[_COUNT:]
    return assemble(one + authorities(), (), "one") + assemble(two + authorities(), (), "two")


def judged(report: bytes, sets: tuple[SnpCollateral, ...], at: datetime) -> Verified[SnpFacts]:
    """Verify a report without a revocation list: nobody has published one of these."""
    return verify_snp(
        report,
        collateral=sets,
        anchors=_AMD,
        at=at,
        report_data=AnyValue,
        revocation=Revocation.ANY,
        chip=ChipId.NAMED,
    )


def window(case: VectorCase) -> tuple[datetime, datetime]:
    """Return the first and the last instant at which a report verifies."""
    start, end = case.expect["verifies_between"]
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def _authorities(product: str) -> list[str]:
    return [f"snp-certs/{form.format(product.lower())}.der" for form in AUTHORITIES]


# --- reports --------------------------------------------------------------------------------------


def _fields(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    report = SnpReport.parse(data)
    assert report.build() == data
    told = describe_report(report)
    assert {name: told[name] for name in case.expect} == case.expect
    by_cpuid = case.expect["cpuid_fms"] is not None
    assert told["product"] == (case.entry["product"] if by_cpuid else None)


def _inspect(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    def check(told: dict[str, Any]) -> None:
        assert {name: told["facts"][name] for name in case.expect} == case.expect

    file = vectors / case.file
    told = {"verified": False, "tee": "snp"}
    return (Command(arguments=("inspect", file), status=0, told=told, check=check),)


def _genuine(case: VectorCase, vectors: Path) -> None:
    data = stated_bytes(case, vectors)
    assert (case.expect["genuine"], case.expect["signature"]) == (True, "good")
    sets = assemble([loaded(case.expect["endorsement"]), *authorities()], (), "files")
    start, end = window(case)
    facts = judged(data, sets, start).value
    assert (facts.product, facts.anchor) == (case.entry["product"], ANCHORS[facts.product])
    assert facts.leaf.kind.name == case.entry["fields"]["signing_key"]
    assert facts.collateral.intermediate.common_name == case.expect["issuer"]
    same_tcb = facts.leaf.tcb == facts.report.reported_tcb
    assert same_tcb == case.expect["tcb_matches_certificate"]
    same_chip = facts.leaf.chip_id == facts.report.chip_id
    assert same_chip == case.expect["chip_id_matches_certificate"]
    told = describe_snp(facts)
    assert told["product"] == facts.product
    assert {name: told[name] for name in case.entry["fields"]} == case.entry["fields"]
    # The window that is stated is the one there is.
    assert facts.collateral.window == (start, end)
    judged(data, sets, end)
    for at, code in ((start - _SECOND, "chain.not-yet-valid"), (end + _SECOND, "chain.expired")):
        with refused(code):
            judged(data, sets, at)


def _verify(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    product = case.entry["product"]
    names = (case.expect["endorsement"], *_authorities(product))
    given = [word for name in names for word in ("--collateral", vectors / name)]
    fields = case.entry["fields"]

    def check(told: dict[str, Any]) -> None:
        assert {name: told["facts"][name] for name in fields} == fields

    def at(instant: datetime) -> tuple[object, ...]:
        when = ("--at", int(instant.timestamp()))
        return ("verify", vectors / case.file, *given, *when, "--without-crl")

    start, end = window(case)
    anchor = f"amd-ark-{product.lower()}"
    genuine = {"verdict": "genuine", "tee": "snp", "anchor": anchor, "code": None}
    early, late = (
        {"verdict": "stale", "code": code, "facts": None}
        for code in ("chain.not-yet-valid", "chain.expired")
    )
    return (
        Command(arguments=at(start), status=EXIT["genuine"], told=genuine, check=check),
        Command(arguments=at(end), status=EXIT["genuine"], told=genuine, check=check),
        Command(arguments=at(start - _SECOND), status=EXIT["stale"], told=early),
        Command(arguments=at(end + _SECOND), status=EXIT["stale"], told=late),
    )


def _unknown(case: VectorCase, vectors: Path) -> None:
    """Nobody published the certificate, so that other collateral would help."""
    data = stated_bytes(case, vectors)
    assert case.expect["signature"].startswith("unchecked")
    report = SnpReport.parse(data)
    with refused("collateral.missing", f"chip {report.chip_id.hex()}"):
        judged(data, (), LATER)
    with refused(_missing(report)):
        judged(data, all_sets(), LATER)


def _missing(report: SnpReport) -> str:
    """Return the code due: of one of these chips there is a certificate for an earlier TCB."""
    of_chip = [one for one in all_sets() if one.leaf.chip_id == report.chip_id]
    return "collateral.tcb" if of_chip else "collateral.missing"


def _verify_unknown(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    due = [one.file for one in cases("snp-certs") if one.kind == "certificate" and not one.expect]
    given = [word for name in due for word in ("--collateral", vectors / name)]
    file = vectors / case.file
    code = _missing(SnpReport.parse(file.read_bytes()))
    words = ("verify", file, "--at", int(LATER.timestamp()), "--without-crl")
    told = {"verdict": "stale", "tee": "snp", "facts": None}
    return (
        Command(arguments=words, status=EXIT["stale"], told={**told, "code": "collateral.missing"}),
        Command(arguments=(*words, *given), status=EXIT["stale"], told={**told, "code": code}),
    )


# --- certificates ---------------------------------------------------------------------------------


def _certificate(case: VectorCase, vectors: Path) -> None:
    entry = case.entry
    (one,) = read_certificates(stated_bytes(case, vectors))
    assert (one.common_name, one.serial) == (entry["subject_cn"], entry["serial"])
    assert one.not_before == datetime.fromisoformat(entry["not_before"])
    assert one.not_after == datetime.fromisoformat(entry["not_after"])
    stated = entry["extensions_after_1.3.6.1.4.1.3704.1"]
    assert set(stated) <= set(_NUMBERS)
    for number in _NUMBERS:
        value = one.extension(f"{AMD_ARC}.{number}")
        assert (None if value is None else value.hex()) == stated.get(number), number
    issuer = {each.common_name: each for each in authorities()}[entry["issuer_cn"]]
    if case.expect:
        assert case.expect["signature_by_sev_milan"] == "bad"
        with refused("chain.signature"):
            one.check_issued_by(issuer)
    else:
        one.check_issued_by(issuer)
    if entry["serial"] == 0:
        _check_leaf(LeafCertificate.of(one), stated, case)


def _check_leaf(leaf: LeafCertificate, stated: dict[str, str], case: VectorCase) -> None:
    told = leaf.chip_id.hex() if leaf.chip_id is not None else ""
    assert told.rstrip("0") == stated["4"].removeprefix("0440").rstrip("0")
    if case.expect:
        assert told.startswith(case.expect["hwid"].partition("…")[0])
        assert len(told) == 128
    if "tricky" in case.entry:  # the octet string that the others have not
        assert stated["4"].startswith("0440")
    assert leaf.kind is LeafKind.VCEK
    for name, number in _LEVELS.items():
        assert getattr(leaf.tcb, name) == int(stated[number][4:], 16)
    assert describe_leaf(leaf)["endorsement_product"] == leaf.product.value


def _chain(case: VectorCase, vectors: Path) -> None:
    """The chain ends in the key that is pinned."""
    intermediate, root = read_certificates(stated_bytes(case, vectors))
    intermediate.check_issued_by(root)
    root.check_issued_by(root)
    product = root.common_name.removeprefix("ARK-")
    assert product in intermediate.common_name
    assert _AMD.match(root) is ANCHORS[product]


CERTIFICATES: Final = "a certificate is no evidence; it is given beside the report it vouches for"
READERS: Final = {
    "fields": Reader(_fields, _inspect),
    "genuine": Reader(_genuine, _verify),
    "unknown": Reader(_unknown, _verify_unknown),
    "certificate": Reader(_certificate, CERTIFICATES),
    "chain": Reader(_chain, CERTIFICATES),
}
