# SPDX-License-Identifier: Apache-2.0
"""DER (ITU-T X.690): reading through the library, writing the few forms our issuers need.

The library's declarative reader is marked unstable; this file is its only user.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from troth.errors import MalformedError

__all__ = [
    "TAG_BOOLEAN",
    "TAG_ENUMERATED",
    "TAG_INTEGER",
    "TAG_OCTET_STRING",
    "TAG_SEQUENCE",
    "Value",
    "attributes",
    "dotted",
    "encode_attributes",
    "encode_integer",
    "encode_oid",
    "encode_tlv",
    "part",
]

TAG_BOOLEAN: Final = 0x01
TAG_INTEGER: Final = 0x02
TAG_OCTET_STRING: Final = 0x04
TAG_OID: Final = 0x06
TAG_ENUMERATED: Final = 0x0A
TAG_SEQUENCE: Final = 0x30

Value = tuple[int, bytes]
"""A tag (one byte) and the content octets behind it."""


@asn1.sequence
class _Attribute:
    oid: ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Holder:
    # The reader takes a SEQUENCE OF only as a member, so `attributes` wraps one around it.
    members: list[_Attribute]


def attributes(content: bytes, code: str) -> list[tuple[str, Value]]:
    """Return the (OID, value) pairs of a SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ANY }.

    Args:
        content: the whole encoding, tag and length included.
        code: the code to raise.

    Raises:
        MalformedError: `code`, not that form, not DER, or something stands behind it.
    """
    try:
        holder = asn1.decode_der(_Holder, encode_tlv(TAG_SEQUENCE, content))
        return [
            (dotted(one.oid), (one.value.tag_bytes[0], bytes(one.value.data)))
            for one in holder.members
        ]
    except ValueError as error:
        raise MalformedError(code, str(error)) from None


@lru_cache(maxsize=256)
def dotted(oid: ObjectIdentifier) -> str:
    """Return an OID's text, which the library writes anew each time; the last ones are kept."""
    return oid.dotted_string


def part(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the value that begins at `at` begins, and where it ends.

    Args:
        data: what the library has read before, so that it is known to be DER.
        at: the place of a tag of one byte.
    """
    size = data[at + 1]
    if size < 0x80:  # noqa: PLR2004 - X.690 §8.1.3.4, the short form
        return at + 2, at + 2 + size
    begin = at + 2 + (size & 0x7F)
    return begin, begin + int.from_bytes(data[at + 2 : begin], "big")


def encode_tlv(tag: int, content: bytes) -> bytes:
    """Return tag, shortest definite length and content (X.690 §8.1, §10.1)."""
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - X.690 §8.1.3.4, the short form
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def encode_integer(value: int) -> bytes:
    """Return a non-negative INTEGER (X.690 §8.3)."""
    return encode_tlv(TAG_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def encode_oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER (X.690 §8.19)."""
    return bytes(asn1.encode_der(ObjectIdentifier(dotted)))


def encode_attributes(members: list[tuple[str, bytes]]) -> bytes:
    """Return a SEQUENCE OF SEQUENCE { OID, ANY } from OIDs and encoded values."""
    return encode_tlv(
        TAG_SEQUENCE,
        b"".join(encode_tlv(TAG_SEQUENCE, encode_oid(oid) + value) for oid, value in members),
    )
