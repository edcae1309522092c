# SPDX-License-Identifier: Apache-2.0
"""What is issued says what was asked for, and our readers and OpenSSL's read the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from troth.crypto.chain import check_ca, check_leaf
from troth.crypto.crl import Crl
from troth.crypto.issue import (
    CertificateSpec,
    Extension,
    KeyUsage,
    Name,
    certificate_pem,
    issue_certificate,
    serial_of,
)
from troth.crypto.issue_crl import CrlSpec, issue_crl
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.errors import MalformedError, UntrustedError

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROOT_KEY = PrivateKey.generate()
LEAF_KEY = PrivateKey.generate()


def name(common_name: str) -> Name:
    return Name(
        common_name=common_name, organization="Org", locality="Loc", state="ST", country="US"
    )


ROOT = CertificateSpec(
    subject=name("Root"),
    issuer=name("Root"),
    key=ROOT_KEY.public,
    authority=ROOT_KEY.public,
    serial=serial_of(ROOT_KEY.public),
    not_before=AT,
    not_after=AT + timedelta(days=365 * 30),
    ca=True,
    path_length=0,
    key_usage=KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN,
    crl_url="https://crl.invalid/root.crl",
)
LEAF = replace(
    ROOT,
    subject=name("Leaf"),
    key=LEAF_KEY.public,
    serial=serial_of(LEAF_KEY.public),
    not_after=AT + timedelta(days=365),
    ca=False,
    path_length=None,
    key_usage=KeyUsage.DIGITAL_SIGNATURE | KeyUsage.NON_REPUDIATION,
)
CRL = CrlSpec(
    issuer=name("Root"),
    authority=ROOT_KEY.public,
    this_update=AT,
    next_update=AT + timedelta(days=30),
)


def issued(spec: CertificateSpec, signed_by: PrivateKey = ROOT_KEY) -> Certificate:
    return Certificate(issue_certificate(spec, signed_by=signed_by))


def issued_crl(spec: CrlSpec, signed_by: PrivateKey = ROOT_KEY) -> Crl:
    return Crl(issue_crl(spec, signed_by=signed_by))


def test_a_chain_holds() -> None:
    root, leaf = issued(ROOT), issued(LEAF)
    root.check_issued_by(root)
    leaf.check_issued_by(root)
    check_ca(root, below=0)
    check_leaf(leaf)


def test_a_certificate_says_what_its_spec_says() -> None:
    leaf = issued(LEAF)
    assert (leaf.common_name, leaf.serial) == ("Leaf", LEAF.serial)
    assert (leaf.not_before, leaf.not_after) == (LEAF.not_before, LEAF.not_after)
    assert leaf.key.raw == LEAF_KEY.public.raw
    assert leaf.ca == (False, None)
    assert leaf.key_usage == (True, False, False)
    assert issued(ROOT).ca == (True, 0)
    assert issued(ROOT).key_usage == (False, True, True)


def test_the_library_reads_names_and_identifiers_as_they_were_meant() -> None:
    leaf = x509.load_der_x509_certificate(issue_certificate(LEAF, signed_by=ROOT_KEY))
    assert leaf.subject.rfc4514_string() == "C=US,ST=ST,L=Loc,O=Org,CN=Leaf"
    assert leaf.version is x509.Version.v3
    found = leaf.extensions
    usage = found.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.content_commitment
    subject_key = found.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert subject_key == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    authority = found.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == serial_of(ROOT_KEY.public).to_bytes(20, "big")
    (point,) = found.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name == [x509.UniformResourceIdentifier("https://crl.invalid/root.crl")]


def test_extensions_that_are_not_wanted_are_not_there() -> None:
    spec = replace(LEAF, ca=None, key_usage=None, crl_url=None)
    leaf = x509.load_der_x509_certificate(issue_certificate(spec, signed_by=ROOT_KEY))
    assert {one.oid for one in leaf.extensions} == {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }


def test_an_instant_after_2049_keeps_its_century() -> None:
    assert issued(ROOT).not_after.year == 2056


def test_an_extension_is_carried_with_its_criticality() -> None:
    extra = Extension(oid="1.2.3.4", value=b"\x05\x00", critical=True)
    leaf = issued(replace(LEAF, extensions=(extra,)))
    assert leaf.extension("1.2.3.4") == b"\x05\x00"
    assert leaf.unknown_critical == ["1.2.3.4"]
    assert (
        issued(replace(LEAF, extensions=(replace(extra, critical=False),))).unknown_critical == []
    )


def test_the_signer_need_not_be_who_is_named() -> None:
    with pytest.raises(UntrustedError) as caught:
        issued(LEAF, signed_by=LEAF_KEY).check_issued_by(issued(ROOT))
    assert caught.value.code == "chain.signature"


def test_another_digest_is_said_and_used() -> None:
    with pytest.raises(UntrustedError) as caught:
        issued(replace(LEAF, digest="sha384")).check_issued_by(issued(ROOT))
    assert caught.value.code == "chain.algorithm"
    leaf = x509.load_der_x509_certificate(
        issue_certificate(replace(LEAF, digest="sha384"), signed_by=ROOT_KEY)
    )
    root = x509.load_der_x509_certificate(issue_certificate(ROOT, signed_by=ROOT_KEY))
    leaf.verify_directly_issued_by(root)


def test_pem_holds_the_same_bytes() -> None:
    chain = (issued(LEAF), issued(ROOT))
    pem = certificate_pem(*(one.der for one in chain))
    assert certificates_from_pem(pem, most=2) == chain
    assert max(map(len, pem.splitlines())) == 64


def test_a_list_names_what_is_revoked_and_nothing_else() -> None:
    crl = issued_crl(replace(CRL, revoked=(LEAF.serial, 7)))
    crl.check_signed_by(issued(ROOT))
    assert crl.revokes(issued(LEAF))
    assert not crl.revokes(issued(replace(LEAF, serial=8)))
    assert (crl.this_update, crl.next_update) == (CRL.this_update, CRL.next_update)


def test_a_list_of_nothing_revokes_nothing() -> None:
    crl = issued_crl(CRL)
    crl.check_signed_by(issued(ROOT))
    assert not crl.revokes(issued(LEAF))


def test_a_list_carries_its_number() -> None:
    crl = x509.load_der_x509_crl(issue_crl(replace(CRL, number=300), signed_by=ROOT_KEY))
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 300


def test_a_list_that_never_expires_can_be_made_and_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        issued_crl(replace(CRL, next_update=None))
    assert caught.value.code == "crl.no-next-update"


@pytest.mark.parametrize(
    ("spec", "signer", "code"),
    [
        (CRL, LEAF_KEY, "crl.signature"),
        (replace(CRL, digest="sha384"), ROOT_KEY, "crl.signature"),
        (replace(CRL, issuer=name("Other")), ROOT_KEY, "crl.issuer"),
        (
            replace(CRL, extensions=(Extension(oid="1.2.3", value=b"\x05\x00", critical=True),)),
            ROOT_KEY,
            "crl.extension",
        ),
    ],
    ids=["other key", "other digest", "other issuer", "unknown critical extension"],
)
def test_a_list_with_a_fault_is_refused_for_it(
    spec: CrlSpec, signer: PrivateKey, code: str
) -> None:
    with pytest.raises(UntrustedError) as caught:
        issued_crl(spec, signer).check_signed_by(issued(ROOT))
    assert caught.value.code == code
