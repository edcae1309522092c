# SPDX-License-Identifier: Apache-2.0
"""Distinguished names, of which only the common name is ever looked at (RFC 5280 §4.1.2.4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import NameOID

from troth.crypto.der import TAG_SEQUENCE, encode_tlv

__all__ = ["common_name"]

_TEXT: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}  # UTF8, Printable and IA5 strings


@asn1.sequence
class _Attribute:
    oid: ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Name:
    # The reader takes a SEQUENCE OF only as a member, so one is wrapped around it.
    members: list[asn1.SetOf[_Attribute]]


@lru_cache(maxsize=64)
def common_name(name: bytes) -> str:
    """Return the only common name of a name in DER; empty where there is none, or several.

    Certificates of one kind have one name, so the last ones are remembered, by their bytes.

    Raises:
        ValueError: the name cannot be read.
    """
    held = asn1.decode_der(_Name, encode_tlv(TAG_SEQUENCE, name))
    found = [
        _text(one.value)
        for group in held.members
        for one in group.as_list()
        if one.oid == NameOID.COMMON_NAME
    ]
    return found[0] if len(found) == 1 else ""


def _text(value: asn1.TLV) -> str:
    encoding = _TEXT.get(value.tag_bytes[0])
    if encoding is None:
        message = f"a common name of tag {value.tag_bytes.hex()}"
        raise ValueError(message)
    return bytes(value.data).decode(encoding)
