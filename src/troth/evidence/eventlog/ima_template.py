# SPDX-License-Identifier: Apache-2.0
"""IMA templates: which fields an entry has, and the template data that its hash is of.

    template        fields
    ima             file digest (20 bytes) and name, padded with zeros to 256 bytes; no lengths
    ima-ng          d-ng | n-ng
    ima-ngv2        d-ngv2 | n-ng
    ima-sig         d-ng | n-ng | sig
    ima-sigv2       d-ngv2 | n-ng | sig
    ima-buf         d-ng | n-ng | buf
    ima-modsig      d-ng | n-ng | sig | d-modsig | modsig
    evm-sig         d-ng | n-ng | evmsig | xattrnames | xattrlengths | xattrvalues
                    | iuid | igid | imode

In all but the first, each field is a length, u32, and its bytes. Template data is in the byte
order of the machine that measured, little-endian with the option `ima_canonical_fmt`.

Source: Linux, Documentation/security/IMA-templates.rst, and security/integrity/ima/ima_template*.c
for the spelling of each field.
"""

from __future__ import annotations

import binascii
import re
import struct
from typing import Final, Literal

from troth.errors import MalformedError

__all__ = ["LEGACY", "TEMPLATES", "U32", "Order", "encode_field", "legacy_data", "split_fields"]

Order = Literal["little", "big"]
"""`little` or `big`: how the measuring machine spells integers."""

U32: Final[dict[Order, struct.Struct]] = {
    "little": struct.Struct("<I"),
    "big": struct.Struct(">I"),
}
"""A length, in either order."""

LEGACY: Final = b"ima"
LEGACY_NAME_BYTES: Final = 256  # TCG_EVENT_NAME_LEN_MAX + 1
LEGACY_DIGEST_BYTES: Final = 20

TEMPLATES: Final[dict[bytes, tuple[str, ...]]] = {
    b"ima-ng": ("d-ng", "n-ng"),
    b"ima-ngv2": ("d-ngv2", "n-ng"),
    b"ima-sig": ("d-ng", "n-ng", "sig"),
    b"ima-sigv2": ("d-ngv2", "n-ng", "sig"),
    b"ima-buf": ("d-ng", "n-ng", "buf"),
    b"ima-modsig": ("d-ng", "n-ng", "sig", "d-modsig", "modsig"),
    b"evm-sig": (
        "d-ng",
        "n-ng",
        "evmsig",
        "xattrnames",
        "xattrlengths",
        "xattrvalues",
        "iuid",
        "igid",
        "imode",
    ),
}
"""Template to its fields. The legacy template is not among them: it has no lengths."""

# Digest sizes of the algorithms that the kernel's IMA is configured with; others have any size.
_DIGEST_BYTES: Final = {
    b"md5": 16,
    b"sha1": 20,
    b"rmd160": 20,
    b"sha224": 28,
    b"sha256": 32,
    b"sm3": 32,
    b"sha384": 48,
    b"sha512": 64,
    b"wp512": 64,
}
_ALGORITHM: Final = re.compile(rb"[a-z0-9-]{2,20}")
_DIGEST_TYPES: Final = frozenset({b"ima", b"verity"})
_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,9}")
_UID_BYTES: Final = 4
_MODE_BYTES: Final = 2


def legacy_data(digest: bytes, name: bytes) -> bytes:
    """Return what the hash of an entry of template `ima` is of.

    Raises:
        MalformedError: `eventlog.ima`.
    """
    if len(digest) != LEGACY_DIGEST_BYTES or len(name) >= LEGACY_NAME_BYTES:
        raise MalformedError("eventlog.ima", f"digest {len(digest)}, name {len(name)} bytes")
    return digest + name.ljust(LEGACY_NAME_BYTES, b"\0")


def encode_field(kind: str, text: bytes, order: Order) -> bytes:
    """Return the bytes of one field from its text in an ASCII list, without the length.

    Args:
        kind: a name that stands in `TEMPLATES`.
        text: as the kernel prints it; empty for an empty field.
        order: of integers.

    Raises:
        MalformedError: `eventlog.ima`.
    """
    if not text and kind not in _NEVER_EMPTY:
        return b""
    if kind in _STRINGS:
        return text + b"\0"
    if kind in _DIGESTS:
        return _digest(text, _DIGESTS[kind])
    if kind in _NUMBERS:
        return _number(text, _NUMBERS[kind], order)
    return unhex(text)


def split_fields(template: bytes, data: bytes, order: Order) -> list[bytes]:
    """Return the fields of template data, without their lengths.

    Args:
        template: a key of `TEMPLATES`.
        data: all of an entry's template data.
        order: of integers.

    Raises:
        MalformedError: `eventlog.ima`, a field is cut short, malformed, missing or too many.
    """
    fields = []
    at = 0
    for kind in TEMPLATES[template]:
        size = int.from_bytes(data[at : at + 4], order)
        begin, at = at + 4, at + 4 + size
        field = data[begin:at]
        if not _is_sound(kind, field):
            raise MalformedError("eventlog.ima", f"field {kind}: {field[:40]!r}")
        fields.append(field)
    if at != len(data):
        raise MalformedError("eventlog.ima", f"fields of {at} bytes in {len(data)}")
    return fields


def unhex(text: bytes) -> bytes:
    """Return the bytes of hex digits.

    Raises:
        MalformedError: `eventlog.ima`.
    """
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise MalformedError("eventlog.ima", f"{text[:40]!r} is not hex") from None


_STRINGS: Final = frozenset({"n-ng", "xattrnames"})
_DIGESTS: Final = {"d-ng": 1, "d-ngv2": 2, "d-modsig": 1}  # kind to the words before the digest
_NUMBERS: Final = {"iuid": _UID_BYTES, "igid": _UID_BYTES, "imode": _MODE_BYTES}
_NEVER_EMPTY: Final = frozenset({"d-ng", "d-ngv2", "n-ng"})


def _digest(text: bytes, words: int) -> bytes:
    """Return algorithm, colon, NUL and digest from `alg:hex`; version 2 has a type in front."""
    head, _, digits = text.rpartition(b":")
    digest = unhex(digits)
    if not _is_digest(head, len(digest), words):
        raise MalformedError("eventlog.ima", f"{head[:40]!r} with a digest of {len(digest)} bytes")
    return head + b":\0" + digest


def _is_digest(head: bytes, size: int, words: int) -> bool:
    """Say whether a digest of `size` bytes may stand behind `head`, which should be `words`."""
    *types, algorithm = head.split(b":")
    if len(types) != words - 1 or not set(types) <= _DIGEST_TYPES:
        return False
    return bool(_ALGORITHM.fullmatch(algorithm)) and size == _DIGEST_BYTES.get(algorithm, size or 1)


def _number(text: bytes, size: int, order: Order) -> bytes:
    value = int(text) if _NUMBER.fullmatch(text) else 1 << 64
    if value >> (8 * size):
        raise MalformedError("eventlog.ima", f"{text[:40]!r} is not a number of {size} bytes")
    return value.to_bytes(size, order)


def _is_sound(kind: str, field: bytes) -> bool:
    """Say whether a field's bytes are of its kind."""
    if not field:
        return kind not in _NEVER_EMPTY
    if kind in _STRINGS:
        return field.find(b"\0") == len(field) - 1
    if kind in _NUMBERS:
        return len(field) == _NUMBERS[kind]
    if kind not in _DIGESTS:
        return True
    head, _, digest = field.partition(b":\0")
    return _is_digest(head, len(digest), _DIGESTS[kind])
