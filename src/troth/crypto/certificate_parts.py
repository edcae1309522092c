# SPDX-License-Identifier: Apache-2.0
"""What stands in a certificate, read by our own split of its DER or by the library's reader.

AMD gives every endorsement key certificate the serial number 0. RFC 5280 §4.1.2.2 forbids it, and
the library has announced that it will refuse such certificates. So there is one function that reads
them, `LOADER`, and two that it can be:

    split              the structure by the library's strict DER decoder, all else by us
    split_by_library   the library's certificate reader, which warns today

They agree on every certificate that both take, which a test holds them to; the same test fails the
day the library refuses. The first is the one in use: the second warns for the whole process, and
Python has no way to silence one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

import msgspec
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from troth.crypto.der import TAG_SEQUENCE, encode_tlv
from troth.crypto.names import common_name
from troth.crypto.x509 import LIBRARY_REFUSALS, check_whole_octets
from troth.errors import MalformedError

__all__ = ["LOADER", "PSS_ALGORITHMS", "Parts", "split", "split_by_library"]

# AlgorithmIdentifier of RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 octets
# (RFC 4055 §3.1), with the trailer field written out, as AMD mostly does, and left to its default.
_PSS: Final = (
    "06092a864886f70d01010a30{}a00f300d06096086480165030402020500"
    "a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
)
PSS_ALGORITHMS: Final = (
    encode_tlv(TAG_SEQUENCE, bytes.fromhex(_PSS.format("39") + "a303020101")),
    encode_tlv(TAG_SEQUENCE, bytes.fromhex(_PSS.format("34"))),
)

_VERSION_3: Final = 2  # X.509 counts versions from 0
_SALT_BYTES: Final = 48
_TAG_UTC_TIME: Final = 0x17


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate's contents. Names and keys are DER; extensions are (OID, critical, value)."""

    tbs: bytes
    signature: bytes
    is_pss: bool
    serial: int
    issuer: bytes
    subject: bytes
    common_name: str
    not_before: datetime
    not_after: datetime
    spki: bytes
    extensions: tuple[tuple[str, bool, bytes], ...]


@asn1.sequence
class _Validity:
    not_before: asn1.TLV
    not_after: asn1.TLV


@asn1.sequence
class _Extension:
    oid: ObjectIdentifier
    critical: Annotated[bool, asn1.Default(value=False)]
    value: bytes


@asn1.sequence
class _Tbs:
    version: Annotated[int, asn1.Explicit(0)]
    serial: int
    algorithm: asn1.TLV
    issuer: asn1.TLV
    validity: _Validity
    subject: asn1.TLV
    key: asn1.TLV
    extensions: Annotated[list[_Extension], asn1.Explicit(3)]


@asn1.sequence
class _Certificate:
    tbs: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


def split(der: bytes) -> Parts:
    """Return the parts of a version 3 certificate whose serial number is of at most 64 bits.

    Raises:
        MalformedError: `x509.malformed`.
    """
    try:
        outer = asn1.decode_der(_Certificate, der)
        tbs = _encoded(outer.tbs)
        inner = asn1.decode_der(_Tbs, tbs)
        subject, issuer = _encoded(inner.subject), _encoded(inner.issuer)
        name = common_name(subject)
        common_name(issuer)  # a name that cannot be read is none
        window = _instant(inner.validity.not_before), _instant(inner.validity.not_after)
    except ValueError as error:
        raise MalformedError("x509.malformed", str(error)) from None
    extensions = tuple((one.oid.dotted_string, one.critical, one.value) for one in inner.extensions)
    if inner.version != _VERSION_3 or inner.serial < 0 or outer.signature.padding_bits():
        raise MalformedError("x509.malformed", "version, serial number or signature")
    if len({oid for oid, _, _ in extensions}) != len(extensions):
        raise MalformedError("x509.malformed", "an extension occurs twice")
    algorithm = _encoded(outer.algorithm)
    return Parts(
        tbs=tbs,
        signature=outer.signature.as_bytes(),
        is_pss=algorithm in PSS_ALGORITHMS and algorithm == _encoded(inner.algorithm),
        serial=inner.serial,
        issuer=issuer,
        subject=subject,
        common_name=name,
        not_before=window[0],
        not_after=window[1],
        spki=_encoded(inner.key),
        extensions=extensions,
    )


def split_by_library(der: bytes) -> Parts:
    """Return the same from the library's reader, which warns of the serial number 0.

    Raises:
        MalformedError: `x509.malformed`.
    """
    try:
        read = x509.load_der_x509_certificate(der)
        key = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        names = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        parts = Parts(
            tbs=read.tbs_certificate_bytes,
            signature=read.signature,
            is_pss=_is_pss(read),
            serial=read.serial_number,
            issuer=read.issuer.public_bytes(),
            subject=read.subject.public_bytes(),
            common_name=str(names[0].value) if len(names) == 1 else "",
            not_before=read.not_valid_before_utc,
            not_after=read.not_valid_after_utc,
            spki=key,
            extensions=tuple(
                (one.oid.dotted_string, one.critical, one.value.public_bytes())
                for one in read.extensions
            ),
        )
    except LIBRARY_REFUSALS as error:
        raise MalformedError("x509.malformed", str(error)) from None
    check_whole_octets(der, parts.signature, "x509.malformed")
    return parts


LOADER: Final[Callable[[bytes], Parts]] = split
"""What reads AMD's certificates."""


def _encoded(value: asn1.TLV) -> bytes:
    """Return the encoding, which is DER and so has one form."""
    return encode_tlv(value.tag_bytes[0], bytes(value.data))


def _instant(value: asn1.TLV) -> datetime:
    if value.tag_bytes[0] == _TAG_UTC_TIME:
        return asn1.decode_der(asn1.UTCTime, _encoded(value)).as_datetime()
    return asn1.decode_der(asn1.GeneralizedTime, _encoded(value)).as_datetime()


def _is_pss(read: x509.Certificate) -> bool:
    if read.signature_algorithm_oid != SignatureAlgorithmOID.RSASSA_PSS:
        return False
    how, digest = read.signature_algorithm_parameters, read.signature_hash_algorithm
    return (
        isinstance(how, padding.PSS)
        and isinstance(how.mgf, padding.MGF1)
        and isinstance(how.mgf._algorithm, hashes.SHA384)  # noqa: SLF001 - nothing public says it
        and how._salt_length == _SALT_BYTES  # noqa: SLF001 - likewise
        and isinstance(digest, hashes.SHA384)
    )
