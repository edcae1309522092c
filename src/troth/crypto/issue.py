# SPDX-License-Identifier: Apache-2.0
"""Issue certificates: what software platforms, and tests that forge one thing at a time, need.

    spec = CertificateSpec(subject=…, issuer=…, key=child.public, authority=parent.public, …)
    der = issue_certificate(spec, signed_by=parent)

A spec says what the certificate claims, `signed_by` who really signs it. The two are kept apart
so that a forgery is an ordinary call. Nothing here is checked: a certificate can be issued that
no verifier accepts, which is what it is for. Revocation lists are in `issue_crl`.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Final

from troth.crypto import _tbs
from troth.crypto._tbs import Digest, Extension, Name
from troth.crypto.der import TAG_BOOLEAN, TAG_OCTET_STRING, encode_integer, encode_tlv
from troth.crypto.p256 import PrivateKey, PublicKey

__all__ = [
    "CertificateSpec",
    "Digest",
    "Extension",
    "KeyUsage",
    "Name",
    "certificate_pem",
    "issue_certificate",
    "serial_of",
]

_SUBJECT_KEY: Final = "2.5.29.14"
_KEY_USAGE: Final = "2.5.29.15"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
_TAG_URI: Final = 0x86  # RFC 5280 §4.2.1.6, GeneralName uniformResourceIdentifier
_PEM_LINE: Final = 64  # characters; RFC 7468 §2


class KeyUsage(IntFlag):
    """Bits of keyUsage, as they stand in its first octet (RFC 5280 §4.2.1.3)."""

    DIGITAL_SIGNATURE = 0x80
    NON_REPUDIATION = 0x40
    KEY_CERT_SIGN = 0x04
    CRL_SIGN = 0x02


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSpec:
    """What a certificate says.

    Attributes:
        subject: whose certificate it is.
        issuer: who is named as its issuer.
        key: the subject's public key.
        authority: the key that authorityKeyIdentifier names.
        serial: serial number, not negative.
        not_before: aware; whole seconds count.
        not_after: aware; whole seconds count.
        ca: what basicConstraints says; None leaves the extension out.
        path_length: pathLenConstraint; None leaves it out.
        key_usage: None leaves the extension out.
        crl_url: the CRL distribution point; None leaves the extension out.
        extensions: what follows the extensions above.
        digest: what the signature is made with.
    """

    subject: Name
    issuer: Name
    key: PublicKey
    authority: PublicKey
    serial: int
    not_before: datetime
    not_after: datetime
    ca: bool | None
    path_length: int | None
    key_usage: KeyUsage | None
    crl_url: str | None
    extensions: tuple[Extension, ...] = ()
    digest: Digest = "sha256"


def issue_certificate(spec: CertificateSpec, *, signed_by: PrivateKey) -> bytes:
    """Return the DER of a version 3 certificate that says what `spec` says."""
    tbs = _tbs.sequence(
        _tbs.explicit(0, _tbs.version(3)),
        encode_integer(spec.serial),
        _tbs.algorithm(spec.digest),
        spec.issuer.der,
        _tbs.sequence(_tbs.time(spec.not_before), _tbs.time(spec.not_after)),
        spec.subject.der,
        spec.key.spki,
        _tbs.explicit(3, _tbs.sequence(*(one.der for one in _extensions(spec)))),
    )
    return _tbs.signed(tbs, signed_by, spec.digest)


def serial_of(key: PublicKey) -> int:
    """Return the key identifier as a serial number: unique, and 20 octets as vendors have it."""
    return int.from_bytes(_tbs.key_identifier(key), "big")


def certificate_pem(*certificates: bytes) -> bytes:
    """Return DER certificates as PEM, one block after the other."""
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n"
        + "\n".join(textwrap.wrap(base64.b64encode(der).decode(), _PEM_LINE)).encode()
        + b"\n-----END CERTIFICATE-----\n"
        for der in certificates
    )


def _extensions(spec: CertificateSpec) -> list[Extension]:
    """Return the extensions in the order in which Intel's certificates have them."""
    found = [_tbs.authority_key(spec.authority)]
    if spec.crl_url is not None:
        uri = encode_tlv(_TAG_URI, spec.crl_url.encode())
        point = _tbs.sequence(_tbs.explicit(0, _tbs.explicit(0, uri)))
        found.append(Extension(oid=_CRL_DISTRIBUTION_POINTS, value=_tbs.sequence(point)))
    identifier = encode_tlv(TAG_OCTET_STRING, _tbs.key_identifier(spec.key))
    found.append(Extension(oid=_SUBJECT_KEY, value=identifier))
    if spec.key_usage is not None:
        octet = int(spec.key_usage)
        unused = (octet & -octet).bit_length() - 1 if octet else 0
        usage = _tbs.bit_string(bytes((octet,)), unused)
        found.append(Extension(oid=_KEY_USAGE, value=usage, critical=True))
    if spec.ca is not None:
        flag = encode_tlv(TAG_BOOLEAN, b"\xff") if spec.ca else b""
        length = b"" if spec.path_length is None else encode_integer(spec.path_length)
        constraints = _tbs.sequence(flag, length)
        found.append(Extension(oid=_BASIC_CONSTRAINTS, value=constraints, critical=True))
    return [*found, *spec.extensions]
