# SPDX-License-Identifier: Apache-2.0
"""Endorsements from files and from a host's table lead to the same judgement as a bundle."""

from __future__ import annotations

import base64
import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.snp.table import DAY, bundle, certificate, crl, extended, named
from tests.snp.world import AT, REPORT_DATA, anchors, evil, settings_of, snp
from troth.crypto.issue import certificate_pem
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd import (
    SNP_BUNDLE_MAX_BYTES,
    LeafKind,
    SnpCollateral,
    assemble,
    parse_snp_bundle,
    parse_table,
    read_certificates,
    read_crl,
    snp_bundle,
)
from troth.errors import MalformedError
from troth.evidence.snp import CertificateTable
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.snp.pki import ROLES, Role
from troth.verify import ChipId, Revocation
from troth.verify.snp import verify_snp

VCEK_CHAIN: Final[tuple[Role, ...]] = ("vcek", "ask", "ark")


def held(*roles: Role) -> list[PssCertificate]:
    return [PssCertificate(snp().pki.certificates[role]) for role in roles]


def vlek() -> SoftwareSnp:
    return snp(settings_of(signing_key="VLEK"))


def judge(tee: SoftwareSnp, sets: tuple[SnpCollateral, ...], revocation: Revocation) -> str:
    verified = verify_snp(
        tee.report(REPORT_DATA),
        collateral=sets,
        anchors=anchors(tee.pki.certificates["ark"]),
        at=AT,
        report_data=REPORT_DATA,
        revocation=revocation,
        chip=ChipId.NAMED,
    )
    return verified.value.leaf.kind.name


@pytest.mark.parametrize("order", list(itertools.permutations(VCEK_CHAIN)))
def test_the_order_of_certificates_does_not_count(order: tuple[Role, ...]) -> None:
    (one,) = assemble(held(*order), [PssCrl(snp().crl)], "files")
    assert one.sha256 == snp().collateral().sha256
    assert judge(snp(), (one,), Revocation.REQUIRED) == "VCEK"


def test_one_hierarchy_makes_a_set_for_each_leaf() -> None:
    sets = assemble(held(*ROLES), (), "files")
    assert [one.leaf.kind for one in sets] == [LeafKind.VCEK, LeafKind.VLEK]
    assert [one.intermediate.common_name for one in sets] == ["SEV-Milan", "SEV-VLEK-Milan"]
    assert [one.crl for one in sets] == [None, None]
    assert judge(vlek(), sets, Revocation.ANY) == "VLEK"
    assert judge(snp(), sets, Revocation.ANY) == "VCEK"


def test_the_same_certificate_twice_is_one() -> None:
    assert len(assemble(held(*VCEK_CHAIN, *VCEK_CHAIN), (), "files")) == 1
    assert held("ark") == held("ark") != held("ask")
    assert len({*held("ark"), *held("ark")}) == 1
    assert held("ark")[0] != snp().pki.certificates["ark"]


def test_two_issuers_of_one_name_make_two_sets() -> None:
    other = PssCertificate(certificate("ask", spki=evil().spki))
    sets = assemble([other, *held(*VCEK_CHAIN)], (), "files")
    assert len(sets) == 2
    with refused("chain.signature"):
        judge(snp(), sets[:1], Revocation.ANY)
    assert judge(snp(), sets[1:], Revocation.ANY) == "VCEK"


@pytest.mark.parametrize("missing", ["ask", "ark"])
def test_a_missing_issuer_is_named(missing: Role) -> None:
    given = [role for role in VCEK_CHAIN if role != missing]
    with refused("collateral.missing", "issuer of"):
        assemble(held(*given), (), "files")


def test_no_leaf_is_no_set() -> None:
    assert assemble(held("ask", "ark"), (), "files") == ()
    assert assemble((), (), "files") == ()


def test_a_leaf_that_is_none_is_refused() -> None:
    bad = PssCertificate(extended({"3.8": None}))
    with refused("snp.certificate"):
        assemble([bad, *held("ask", "ark")], (), "files")


def test_more_than_32_certificates_are_refused() -> None:
    many = [PssCertificate(certificate("ask", serial=n)) for n in range(30)]
    assert len(assemble([*many, *held("vcek", "ark")], (), "files")) == 30
    with refused("wire.too-large"):
        assemble([*many, *held("vcek", "ask", "ark")], (), "files")


@pytest.mark.parametrize("key", ["VCEK", "VLEK"])
def test_a_hosts_table_is_enough(key: str) -> None:
    tee = snp() if key == "VCEK" else vlek()
    table = tee.certificate_table()
    for data in (table, table.ljust(16 * 1024, b"\0")):
        sets = parse_table(data, "auxblob", crls=[PssCrl(tee.crl)])
        assert [one.sha256 for one in sets] == [tee.collateral().sha256]
        assert judge(tee, sets, Revocation.REQUIRED) == key


def test_a_table_may_lack_the_authorities() -> None:
    table = CertificateTable(vcek=snp().pki.certificates["vcek"]).build()
    with refused("collateral.missing"):
        parse_table(table, "auxblob")
    sets = parse_table(table, "auxblob", more=held("ask", "ark"))
    assert judge(snp(), sets, Revocation.ANY) == "VCEK"


def test_an_empty_table_has_no_set() -> None:
    assert parse_table(b"", "auxblob", more=held("ask", "ark")) == ()
    assert parse_table(bytes(4096), "auxblob") == ()


def test_a_tables_own_root_is_no_anchor() -> None:
    root = certificate("ark", spki=evil().spki, signed_by=evil())
    ask = certificate("ask", signed_by=evil())
    own = snp().pki.certificates
    table = CertificateTable(vcek=own["vcek"], ask=ask, ark=root).build()
    with refused("chain.root"):
        judge(snp(), parse_table(table, "auxblob"), Revocation.ANY)


def test_a_table_with_junk_for_a_certificate_is_malformed() -> None:
    with refused("x509.malformed"):
        parse_table(CertificateTable(vcek=b"junk").build(), "auxblob")


def test_files_are_pem_or_der() -> None:
    own = snp().pki.certificates
    assert read_certificates(own["ask"]) == tuple(held("ask"))
    assert read_certificates(b"\n" + snp().pki.pem("ask", "ark")) == tuple(held("ask", "ark"))
    with refused("x509.malformed"):
        read_certificates(b"neither")
    with refused("wire.pem"):
        read_certificates(certificate_pem(*[own["ask"]] * 33))


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_lists_the_latest_counts(order: int) -> None:
    old, new = PssCrl(crl(this_update=AT - 3 * DAY)), PssCrl(snp().crl)
    other = PssCrl(crl(issuer=named("ARK-Genoa")))
    (one,) = assemble(held(*VCEK_CHAIN), [other, old, new][::order], "files")
    assert one.crl is new


def test_a_list_is_told_from_a_certificate() -> None:
    der = snp().crl
    text = base64.b64encode(der)
    pem = b"-----BEGIN X509 CRL-----\n" + text + b"\n-----END X509 CRL-----\n"
    for data in (der, pem):
        found = read_crl(data)
        assert found is not None
        assert found.der == der
    for other in (snp().pki.certificates["ark"], snp().pki.pem("ark"), b"", b"\x30\x03\x30\x00"):
        assert read_crl(other) is None
    with refused("wire.pem"):
        read_crl(pem + pem)
    with refused("wire.pem"):
        read_crl(b"-----BEGIN X509 CRL-----\n")


def test_a_bundle_is_written_back_to_the_same_set() -> None:
    for tee in (snp(), vlek(), snp(settings_of("Turin"))):
        text = tee.bundle()
        one = parse_snp_bundle(text, "x")
        assert one.sha256 == tee.collateral().sha256
        assert snp_bundle(one) == text
    without = parse_snp_bundle(bundle(crl=None), "x")
    assert without.crl is None
    assert without.sha256 != snp().collateral().sha256
    assert parse_snp_bundle(snp_bundle(without), "x").sha256 == without.sha256


def test_a_bundle_that_is_too_large() -> None:
    with refused("json.too-large"):
        parse_snp_bundle(b" " * (SNP_BUNDLE_MAX_BYTES + 1), "x")


def test_the_window_is_the_narrowest_of_all_parts() -> None:
    leaf, intermediate, root = snp().collateral().certificates
    crl = PssCrl(snp().crl)
    start, end = snp().collateral().window
    assert end == crl.next_update < leaf.not_after < min(intermediate.not_after, root.not_after)
    assert start == leaf.not_before
    without = parse_snp_bundle(bundle(crl=None), "x")
    assert without.window == (start, leaf.not_after)


@given(st.binary(max_size=300))
def test_bytes_are_an_endorsement_or_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_snp_bundle(data, "x")
    with pytest.raises(MalformedError):
        read_certificates(data)
