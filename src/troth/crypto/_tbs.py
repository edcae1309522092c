# SPDX-License-Identifier: Apache-2.0
"""The parts that certificates and revocation lists are made of, in DER (RFC 5280 §4.1, §5.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from troth.crypto.der import (
    TAG_BOOLEAN,
    TAG_OCTET_STRING,
    TAG_SEQUENCE,
    encode_integer,
    encode_oid,
    encode_tlv,
)
from troth.crypto.p256 import PrivateKey, PublicKey

__all__ = ["Digest", "Extension", "Name"]

Digest = Literal["sha256", "sha384"]

_TAG_BIT_STRING: Final = 0x03
_TAG_UTF8: Final = 0x0C
_TAG_PRINTABLE: Final = 0x13
_TAG_UTC_TIME: Final = 0x17
_TAG_GENERALIZED_TIME: Final = 0x18
_TAG_SET: Final = 0x31
_LAST_UTC_TIME_YEAR: Final = 2049  # RFC 5280 §4.1.2.5: later years are GeneralizedTime

_AUTHORITY_KEY: Final = "2.5.29.35"
_ALGORITHMS: Final[dict[Digest, tuple[str, hashes.HashAlgorithm]]] = {
    "sha256": ("1.2.840.10045.4.3.2", hashes.SHA256()),
    "sha384": ("1.2.840.10045.4.3.3", hashes.SHA384()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A distinguished name of five attributes, in this order."""

    common_name: str
    organization: str
    locality: str
    state: str
    country: str

    @property
    def der(self) -> bytes:
        """The RDNSequence: country printable, the others UTF-8 (RFC 5280 appendix A.1)."""
        rows = (
            ("2.5.4.3", _TAG_UTF8, self.common_name),
            ("2.5.4.10", _TAG_UTF8, self.organization),
            ("2.5.4.7", _TAG_UTF8, self.locality),
            ("2.5.4.8", _TAG_UTF8, self.state),
            ("2.5.4.6", _TAG_PRINTABLE, self.country),
        )
        return sequence(
            *(
                encode_tlv(_TAG_SET, sequence(encode_oid(oid), encode_tlv(tag, text.encode())))
                for oid, tag, text in rows
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension by its OID and the DER of its value."""

    oid: str
    value: bytes
    critical: bool = False

    @property
    def der(self) -> bytes:
        """The Extension SEQUENCE; `critical` is left out where it is false."""
        flag = encode_tlv(TAG_BOOLEAN, b"\xff") if self.critical else b""
        return sequence(encode_oid(self.oid), flag, encode_tlv(TAG_OCTET_STRING, self.value))


def sequence(*members: bytes) -> bytes:
    """Return a SEQUENCE of encoded members."""
    return encode_tlv(TAG_SEQUENCE, b"".join(members))


def time(at: datetime) -> bytes:
    """Return a Time of whole seconds, UTCTime up to 2049."""
    utc = at.astimezone(UTC)
    if utc.year <= _LAST_UTC_TIME_YEAR:
        return encode_tlv(_TAG_UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return encode_tlv(_TAG_GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").encode())


def bit_string(content: bytes, unused: int = 0) -> bytes:
    """Return a BIT STRING whose last `unused` bits do not count."""
    return encode_tlv(_TAG_BIT_STRING, bytes((unused,)) + content)


def explicit(tag: int, content: bytes) -> bytes:
    """Return `content` under a constructed context tag of 0 to 30."""
    return encode_tlv(0xA0 | tag, content)


def key_identifier(key: PublicKey) -> bytes:
    """Return the SHA-1 of the key's point, 20 bytes (RFC 5280 §4.2.1.2, method 1)."""
    return hashlib.sha1(b"\x04" + key.raw, usedforsecurity=False).digest()


def authority_key(key: PublicKey) -> Extension:
    """Return the authorityKeyIdentifier that names `key`."""
    return Extension(oid=_AUTHORITY_KEY, value=sequence(encode_tlv(0x80, key_identifier(key))))


def algorithm(digest: Digest) -> bytes:
    """Return the AlgorithmIdentifier of ECDSA with `digest` (RFC 5758 §3.2)."""
    return sequence(encode_oid(_ALGORITHMS[digest][0]))


def signed(tbs: bytes, key: PrivateKey, digest: Digest) -> bytes:
    """Return the signed form of a to-be-signed structure."""
    signature = key.library_key.sign(tbs, ec.ECDSA(_ALGORITHMS[digest][1]))
    return sequence(tbs, algorithm(digest), bit_string(signature))


def version(number: int) -> bytes:
    """Return the INTEGER of a version, which X.509 counts from 0."""
    return encode_integer(number - 1)
