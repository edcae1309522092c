# SPDX-License-Identifier: Apache-2.0
"""Certificates, chains of fixed shape and revocation lists, each fault on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.encodings import with_unused_bit
from tests.refusals import refused
from tests.tdx import AT
from troth.crypto import der
from troth.crypto.build import library_versions
from troth.crypto.chain import check_ca, check_current, check_leaf
from troth.crypto.crl import CRL_MAX_BYTES, Crl
from troth.crypto.issue import CertificateSpec, Digest, Extension, KeyUsage
from troth.crypto.issue_crl import CrlSpec
from troth.crypto.p256 import PrivateKey, PublicKey
from troth.crypto.x509 import CERTIFICATE_MAX_BYTES, Certificate, certificates_from_pem
from troth.tsm.emulated.tdx import SoftwareTdx

PKI: Final = SoftwareTdx.create(at=AT).pki
EVIL: Final = PrivateKey.generate()
SECOND: Final = timedelta(seconds=1)

ROOT, CA, LEAF = (Certificate(PKI.certificates[one]) for one in ("root", "platform-ca", "pck"))

Change = Callable[[CertificateSpec], CertificateSpec]
ListChange = Callable[[CrlSpec], CrlSpec]


def leaf(change: Change, signed_by: PrivateKey | None = None) -> Certificate:
    return Certificate(PKI.certificate("pck", change, signed_by=signed_by))


def ca(change: Change) -> Certificate:
    return Certificate(PKI.certificate("platform-ca", change))


# --- certificates ---------------------------------------------------------------------------------


def test_a_certificate_says_what_it_says() -> None:
    spec = PKI.spec("pck")
    assert LEAF.common_name == "Intel SGX PCK Certificate"
    assert (LEAF.subject, LEAF.issuer) == (spec.subject.der, spec.issuer.der)
    assert LEAF.serial == PKI.serial("pck")
    assert (LEAF.not_before, LEAF.not_after) == (spec.not_before, spec.not_after)
    assert LEAF.key.raw == PKI.keys["pck"].public.raw
    assert (LEAF.ca, LEAF.key_usage) == ((False, None), (True, False, False))
    assert (CA.ca, CA.key_usage) == ((True, 0), (False, True, True))
    assert LEAF.unknown_critical == []
    assert repr(CA) == f"Certificate('Intel SGX PCK Platform CA', serial={CA.serial:x})"


def test_certificates_are_equal_by_their_bytes() -> None:
    assert Certificate(LEAF.der) == LEAF
    assert hash(Certificate(LEAF.der)) == hash(LEAF)
    assert leaf(lambda spec: spec) != LEAF
    assert LEAF.der != LEAF


def test_absent_extensions_are_a_no() -> None:
    bare = leaf(lambda spec: replace(spec, ca=None, key_usage=None, extensions=()))
    assert bare.ca == (False, None)
    assert bare.key_usage == (False, False, False)
    assert bare.extension("1.2.840.113741.1.13.1") is None
    # One that the library reads itself is not handed out raw.
    assert LEAF.extension("2.5.29.15") is None


@pytest.mark.parametrize("names", [0, 2])
def test_a_common_name_is_the_only_one(names: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Intel SGX Root CA")] * names)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(AT)
        .not_valid_after(AT + SECOND)
        .sign(key, hashes.SHA256())
    )
    assert Certificate(made.public_bytes(Encoding.DER)).common_name == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        LEAF.der[:-1],
        LEAF.der + b"\0",
        b"\x30\x80" + LEAF.der[4:] + b"\0\0",
        bytes(CERTIFICATE_MAX_BYTES),
        bytes(CERTIFICATE_MAX_BYTES + 1),
        PKI.crl("root"),
    ],
    ids=["empty", "sequence", "cut", "tail", "indefinite", "zeros", "too-large", "a-list"],
)
def test_what_is_no_certificate(data: bytes) -> None:
    with refused("x509.malformed"):
        Certificate(data)


def test_an_extension_twice_is_no_certificate() -> None:
    twice = Extension(oid="1.2.3", value=b"\5\0")
    with refused("x509.malformed"):
        leaf(lambda spec: replace(spec, extensions=(twice, twice)))


def test_a_name_that_cannot_be_decoded_is_no_bug() -> None:
    # Names are compared as they are carried; only the common name is ever decoded.
    subject, issuer = b"\x0c\x19Intel SGX PCK Certificate", b"\x0c\x19Intel SGX PCK Platform CA"
    broken = Certificate(LEAF.der.replace(subject, b"\x2c" + subject[1:]))
    assert broken != LEAF
    assert broken.common_name == ""
    assert repr(broken).startswith("Certificate('', serial=")
    assert broken.subject == LEAF.subject.replace(subject, b"\x2c" + subject[1:])
    with refused("chain.signature", "'' is not signed by 'Intel SGX PCK Platform CA'"):
        broken.check_issued_by(CA)
    broken = Certificate(LEAF.der.replace(issuer, b"\x2c" + issuer[1:]))
    assert broken.common_name == LEAF.common_name
    assert broken.issuer == CA.subject.replace(issuer, b"\x2c" + issuer[1:])
    with refused("chain.issuer"):
        broken.check_issued_by(CA)


def test_the_vendors_certificates_are_read(vectors: Path) -> None:
    quote = (vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote").read_bytes()
    pem = quote[quote.index(b"-----BEGIN") :]
    chain = certificates_from_pem(pem, most=3)
    assert [one.common_name for one in chain] == [
        "Intel SGX PCK Certificate",
        "Intel SGX PCK Platform CA",
        "Intel SGX Root CA",
    ]
    for child, issuer in zip(chain, (*chain[1:], chain[2]), strict=True):
        child.check_issued_by(issuer)
    with refused("wire.pem", "more than 2"):
        certificates_from_pem(pem, most=2)


def test_another_kind_of_key_is_refused_where_it_is_used(vectors: Path) -> None:
    other = Certificate((vectors / "snp-certs" / "ark-milan.der").read_bytes())
    with refused("chain.algorithm", "not a P-256 key"):
        _ = other.key
    with refused("chain.algorithm"):
        _ = other.spki_sha256


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()], ids=["p-384", "k1"])
def test_another_curve_is_refused_where_it_is_used(curve: ec.EllipticCurve) -> None:
    key = PublicKey(ec.generate_private_key(curve).public_key())
    with refused("chain.algorithm", "not a P-256 key"):
        _ = leaf(lambda spec: replace(spec, key=key)).key


def test_a_key_that_is_no_point_is_refused_where_it_is_used() -> None:
    spki = PKI.keys["pck"].public.spki
    off = LEAF.der.replace(spki[-64:], b"\1" * 64)
    with refused("chain.algorithm"):
        _ = Certificate(off).key


def test_a_signature_is_of_whole_octets() -> None:
    # The library passes over a bit that is said not to count, where it is zero.
    with refused("x509.malformed", "not of whole octets"):
        Certificate(with_unused_bit(lambda: PKI.certificate("pck")))
    with refused("crl.malformed", "not of whole octets"):
        Crl(with_unused_bit(lambda: PKI.crl("root")))


# --- links ----------------------------------------------------------------------------------------


def test_the_links_of_a_sound_chain_hold() -> None:
    LEAF.check_issued_by(CA)
    CA.check_issued_by(ROOT)
    ROOT.check_issued_by(ROOT)


def test_a_link_by_another_key() -> None:
    with refused("chain.signature"):
        leaf(lambda spec: spec, EVIL).check_issued_by(CA)


def test_a_link_by_another_name() -> None:
    with refused("chain.issuer"):
        LEAF.check_issued_by(ROOT)
    renamed = leaf(lambda spec: replace(spec, issuer=PKI.spec("root").subject))
    with refused("chain.issuer"):
        renamed.check_issued_by(CA)


def test_a_link_by_another_digest() -> None:
    with refused("chain.algorithm", "not signed with ECDSA and SHA-256"):
        leaf(lambda spec: replace(spec, digest="sha384")).check_issued_by(CA)


def test_a_link_by_another_kind_of_key() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(AT)
        .not_valid_after(AT + SECOND)
        .sign(key, None)
    )
    other = Certificate(made.public_bytes(Encoding.DER))
    with refused("chain.algorithm"):
        other.check_issued_by(ROOT)
    with refused("chain.algorithm", "not a P-256 key"):
        LEAF.check_issued_by(other)


@pytest.mark.parametrize(
    ("inner", "outer"), [("sha256", 3), ("sha384", 2)], ids=["outer-384", "outer-256"]
)
def test_a_signature_whose_two_algorithms_differ(inner: Digest, outer: int) -> None:
    made = PKI.certificate("pck", lambda spec: replace(spec, digest=inner))
    # The outer AlgorithmIdentifier stands behind the signed part; its last octet is the digest.
    family = der.encode_oid("1.2.840.10045.4.3.2")[2:-1]
    last = made.rindex(family) + len(family)
    mixed = made[:last] + bytes((outer,)) + made[last + 1 :]
    assert mixed != made
    with refused("chain.algorithm"):
        Certificate(mixed).check_issued_by(CA)


# --- roles ----------------------------------------------------------------------------------------


def test_a_ca_for_as_many_below_as_it_says() -> None:
    check_ca(ROOT, below=0)
    check_ca(ROOT, below=1)
    check_ca(CA, below=0)
    check_ca(ca(lambda spec: replace(spec, path_length=None)), below=9)
    with refused("chain.not-ca", "path length 1, 2 needed"):
        check_ca(ROOT, below=2)
    with refused("chain.not-ca", "path length 0, 1 needed"):
        check_ca(CA, below=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: replace(spec, ca=False, path_length=None),
        lambda spec: replace(spec, ca=None),
        lambda spec: replace(spec, key_usage=None),
        lambda spec: replace(spec, key_usage=KeyUsage.CRL_SIGN),
        lambda spec: replace(spec, key_usage=KeyUsage.DIGITAL_SIGNATURE | KeyUsage.CRL_SIGN),
    ],
    ids=["not-ca", "no-constraints", "no-usage", "lists-only", "no-certificates"],
)
def test_what_is_no_ca(change: Change) -> None:
    with refused("chain.not-ca"):
        check_ca(ca(change), below=0)


def test_an_end_entity() -> None:
    check_leaf(LEAF)
    check_leaf(leaf(lambda spec: replace(spec, ca=None)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda spec: replace(spec, ca=True), "chain.leaf-is-ca"),
        (lambda spec: replace(spec, key_usage=KeyUsage.KEY_CERT_SIGN), "chain.leaf-is-ca"),
        (lambda spec: replace(spec, key_usage=KeyUsage.NON_REPUDIATION), "chain.role"),
        (lambda spec: replace(spec, key_usage=KeyUsage(0)), "chain.role"),
        (lambda spec: replace(spec, key_usage=None), "chain.role"),
    ],
    ids=["ca", "signs-certificates", "signs-no-data", "signs-nothing", "no-usage"],
)
def test_what_is_no_end_entity(change: Change, code: str) -> None:
    with refused(code):
        check_leaf(leaf(change))


@pytest.mark.parametrize("oid", ["1.2.3.4", "2.5.29.32", "2.5.29.30", "2.5.29.36"])
def test_a_critical_extension_that_nobody_enforces(oid: str) -> None:
    # Names and policies would be constrained by these; the others are of nobody's.
    values = {
        "1.2.3.4": "0500",
        "2.5.29.32": "300830060604551d2000",
        "2.5.29.30": "3008a00630048202612e",
        "2.5.29.36": "3003800100",
    }
    value = bytes.fromhex(values[oid])
    critical = Extension(oid=oid, value=value, critical=True)
    with refused("chain.extension", oid):
        check_leaf(leaf(lambda spec: replace(spec, extensions=(critical,))))
    with refused("chain.extension", oid):
        check_ca(ca(lambda spec: replace(spec, extensions=(critical,))), below=0)
    plain = replace(critical, critical=False)
    check_leaf(leaf(lambda spec: replace(spec, extensions=(plain,))))


# --- time -----------------------------------------------------------------------------------------


def test_a_certificate_counts_from_its_first_to_its_last_second() -> None:
    check_current(LEAF, LEAF.not_before)
    check_current(LEAF, LEAF.not_after)
    with refused("chain.not-yet-valid"):
        check_current(LEAF, LEAF.not_before - timedelta(microseconds=1))
    with refused("chain.expired"):
        check_current(LEAF, LEAF.not_after + timedelta(microseconds=1))


def test_a_date_beyond_2049() -> None:
    late = datetime(2050, 1, 1, tzinfo=UTC)
    assert leaf(lambda spec: replace(spec, not_after=late)).not_after == late


# --- revocation lists -----------------------------------------------------------------------------


def revocations(change: ListChange = lambda spec: spec, signed_by: PrivateKey | None = None) -> Crl:
    return Crl(PKI.crl("platform-ca", change, signed_by=signed_by))


def test_a_list_names_what_it_names() -> None:
    crl = revocations(lambda spec: replace(spec, revoked=(LEAF.serial, 7)))
    crl.check_signed_by(CA)
    assert crl.revokes(LEAF)
    assert not revocations().revokes(LEAF)
    assert repr(crl) == f"Crl(2 entries, until {crl.next_update})"
    assert crl.issuer_common_name == CA.common_name == "Intel SGX PCK Platform CA"


def test_a_serial_is_revoked_under_the_lists_own_issuer_only() -> None:
    crl = Crl(PKI.crl("root", revoked=(LEAF.serial, CA.serial)))
    assert crl.revokes(CA)
    assert not crl.revokes(LEAF)


def test_a_list_of_another_issuer() -> None:
    with refused("crl.issuer", "not the list of 'Intel SGX Root CA'"):
        revocations().check_signed_by(ROOT)


def test_a_list_by_one_who_may_not_sign_lists() -> None:
    silent = ca(lambda spec: replace(spec, key_usage=KeyUsage.KEY_CERT_SIGN))
    with refused("crl.issuer", "may not sign lists"):
        revocations().check_signed_by(silent)


def test_a_list_by_another_key() -> None:
    with refused("crl.signature"):
        revocations(signed_by=EVIL).check_signed_by(CA)


def test_a_list_by_another_digest() -> None:
    with refused("crl.signature", "not ECDSA with SHA-256"):
        revocations(lambda spec: replace(spec, digest="sha384")).check_signed_by(CA)


@pytest.mark.parametrize(
    ("oid", "value"),
    [("2.5.29.27", "020101"), ("2.5.29.28", "30038101ff"), ("1.2.3.4", "0500")],
    ids=["delta", "other-issuers", "unknown"],
)
def test_a_list_that_speaks_for_others_or_in_part(oid: str, value: str) -> None:
    critical = Extension(oid=oid, value=bytes.fromhex(value), critical=True)
    with refused("crl.extension", oid):
        revocations(lambda spec: replace(spec, extensions=(critical,))).check_signed_by(CA)
    plain = Extension(oid="1.2.3.4", value=b"\5\0")
    revocations(lambda spec: replace(spec, extensions=(plain,))).check_signed_by(CA)


def test_a_list_counts_from_its_first_to_its_last_second() -> None:
    crl = revocations()
    crl.check_current(crl.this_update)
    crl.check_current(crl.next_update)
    with refused("crl.not-yet-valid"):
        crl.check_current(crl.this_update - timedelta(microseconds=1))
    with refused("crl.expired"):
        crl.check_current(crl.next_update + timedelta(microseconds=1))


def test_a_list_that_never_expires() -> None:
    with refused("crl.no-next-update"):
        revocations(lambda spec: replace(spec, next_update=None))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        PKI.crl("root")[:-1],
        PKI.crl("root") + b"\0",
        b"-----BEGIN X509 CRL-----\n",
        LEAF.der,
        bytes(CRL_MAX_BYTES),
        bytes(CRL_MAX_BYTES + 1),
    ],
    ids=["empty", "sequence", "cut", "tail", "pem", "a-certificate", "zeros", "too-large"],
)
def test_what_is_no_list(data: bytes) -> None:
    with refused("crl.malformed"):
        Crl(data)


def test_the_vendors_lists_are_read(vectors: Path) -> None:
    for name in ("pckcrl", "rootcrl.der"):
        crl = Crl((vectors / "pcs-response" / name).read_bytes())
        assert crl.algorithm_known
        assert crl.this_update < crl.next_update


def test_the_library_has_a_version() -> None:
    library, openssl = library_versions()
    assert library[0].isdigit()
    assert openssl.startswith("OpenSSL ")
