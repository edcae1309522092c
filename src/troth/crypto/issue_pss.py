# SPDX-License-Identifier: Apache-2.0
"""Issue certificates and lists signed with RSASSA-PSS: for software platforms and forgeries.

As in `issue`, a spec says what is claimed and `signed_by` who really signs; nothing is checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from troth.crypto import _tbs
from troth.crypto._tbs import Extension
from troth.crypto.certificate_parts import PSS_ALGORITHMS
from troth.crypto.der import (
    TAG_BOOLEAN,
    TAG_OCTET_STRING,
    encode_integer,
    encode_oid,
    encode_tlv,
)
from troth.crypto.issue import KeyUsage
from troth.crypto.rsa_pss import RsaPrivateKey

__all__ = ["PssCertificateSpec", "PssCrlSpec", "directory_name", "issue_pss", "issue_pss_crl"]

_TAG_UTF8: Final = 0x0C
_TAG_PRINTABLE: Final = 0x13
_TAG_SET: Final = 0x31
_TAG_URI: Final = 0x86  # RFC 5280 §4.2.1.6, GeneralName uniformResourceIdentifier
_COUNTRY: Final = "2.5.4.6"
_SUBJECT_KEY: Final = "2.5.29.14"
_KEY_USAGE: Final = "2.5.29.15"
_BASIC_CONSTRAINTS: Final = "2.5.29.19"
_CRL_NUMBER: Final = "2.5.29.20"
_CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
_AUTHORITY_KEY: Final = "2.5.29.35"


@dataclass(frozen=True, slots=True, kw_only=True)
class PssCertificateSpec:
    """What a certificate says.

    Attributes:
        subject: a name, DER.
        issuer: a name, DER.
        spki: the subject's public key, DER SubjectPublicKeyInfo.
        has_key_identifier: whether subjectKeyIdentifier is there.
        authority: SubjectPublicKeyInfo that authorityKeyIdentifier names; None leaves it out.
        serial: serial number, not negative.
        not_before: aware; whole seconds count.
        not_after: aware; whole seconds count.
        ca: what basicConstraints says; None leaves the extension out.
        path_length: pathLenConstraint; None leaves it out.
        key_usage: None leaves the extension out.
        crl_url: the CRL distribution point; None leaves the extension out.
        extensions: what follows the extensions above.
        algorithm: AlgorithmIdentifier, inside and outside.
    """

    subject: bytes
    issuer: bytes
    spki: bytes
    has_key_identifier: bool
    authority: bytes | None
    serial: int
    not_before: datetime
    not_after: datetime
    ca: bool | None
    path_length: int | None
    key_usage: KeyUsage | None
    crl_url: str | None
    extensions: tuple[Extension, ...] = ()
    algorithm: bytes = PSS_ALGORITHMS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class PssCrlSpec:
    """What a revocation list says; `next_update` None leaves it out, `revoked` are serials."""

    issuer: bytes
    authority: bytes
    this_update: datetime
    next_update: datetime | None
    revoked: tuple[int, ...] = ()
    number: int = 1
    extensions: tuple[Extension, ...] = ()
    algorithm: bytes = PSS_ALGORITHMS[0]


def issue_pss(spec: PssCertificateSpec, *, signed_by: RsaPrivateKey) -> bytes:
    """Return the DER of a version 3 certificate that says what `spec` says."""
    tbs = _tbs.sequence(
        _tbs.explicit(0, _tbs.version(3)),
        encode_integer(spec.serial),
        spec.algorithm,
        spec.issuer,
        _tbs.sequence(_tbs.time(spec.not_before), _tbs.time(spec.not_after)),
        spec.subject,
        spec.spki,
        _tbs.explicit(3, _tbs.sequence(*(one.der for one in _extensions(spec)))),
    )
    return _signed(tbs, spec.algorithm, signed_by)


def issue_pss_crl(spec: PssCrlSpec, *, signed_by: RsaPrivateKey) -> bytes:
    """Return the DER of a version 2 list that says what `spec` says."""
    number = Extension(oid=_CRL_NUMBER, value=encode_integer(spec.number))
    extensions = (number, _authority(spec.authority), *spec.extensions)
    entries = [
        _tbs.sequence(encode_integer(serial), _tbs.time(spec.this_update))
        for serial in spec.revoked
    ]
    tbs = _tbs.sequence(
        _tbs.version(2),
        spec.algorithm,
        spec.issuer,
        _tbs.time(spec.this_update),
        b"" if spec.next_update is None else _tbs.time(spec.next_update),
        _tbs.sequence(*entries) if entries else b"",
        _tbs.explicit(0, _tbs.sequence(*(one.der for one in extensions))),
    )
    return _signed(tbs, spec.algorithm, signed_by)


def directory_name(*attributes: tuple[str, str]) -> bytes:
    """Return a name of (OID, text) attributes in this order: countries printable, others UTF-8."""
    return _tbs.sequence(
        *(
            encode_tlv(
                _TAG_SET,
                _tbs.sequence(
                    encode_oid(oid),
                    encode_tlv(_TAG_PRINTABLE if oid == _COUNTRY else _TAG_UTF8, text.encode()),
                ),
            )
            for oid, text in attributes
        )
    )


def _signed(tbs: bytes, algorithm: bytes, key: RsaPrivateKey) -> bytes:
    return _tbs.sequence(tbs, algorithm, _tbs.bit_string(key.sign(tbs)))


def _extensions(spec: PssCertificateSpec) -> list[Extension]:
    found = []
    if spec.has_key_identifier:
        identifier = encode_tlv(TAG_OCTET_STRING, _key_id(spec.spki))
        found.append(Extension(oid=_SUBJECT_KEY, value=identifier))
    if spec.authority is not None:
        found.append(_authority(spec.authority))
    if spec.ca is not None:
        flag = encode_tlv(TAG_BOOLEAN, b"\xff") if spec.ca else b""
        length = b"" if spec.path_length is None else encode_integer(spec.path_length)
        constraints = _tbs.sequence(flag, length)
        found.append(Extension(oid=_BASIC_CONSTRAINTS, value=constraints, critical=True))
    if spec.key_usage is not None:
        octet = int(spec.key_usage)
        unused = (octet & -octet).bit_length() - 1 if octet else 0
        usage = _tbs.bit_string(bytes((octet,)), unused)
        found.append(Extension(oid=_KEY_USAGE, value=usage, critical=True))
    if spec.crl_url is not None:
        uri = encode_tlv(_TAG_URI, spec.crl_url.encode())
        point = _tbs.sequence(_tbs.explicit(0, _tbs.explicit(0, uri)))
        found.append(Extension(oid=_CRL_DISTRIBUTION_POINTS, value=_tbs.sequence(point)))
    return [*found, *spec.extensions]


def _authority(spki: bytes) -> Extension:
    return Extension(oid=_AUTHORITY_KEY, value=_tbs.sequence(encode_tlv(0x80, _key_id(spki))))


def _key_id(spki: bytes) -> bytes:
    """Return 20 octets that name a key: a leading part of SHA-256 (RFC 7093 §2)."""
    return hashlib.sha256(spki).digest()[:20]
