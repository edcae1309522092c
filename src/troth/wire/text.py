# SPDX-License-Identifier: Apache-2.0
"""Text forms of bytes and instants: hex, PEM, RFC 3339 in UTC. One spelling in, one out."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Final

from troth.errors import MalformedError

__all__ = ["format_instant", "parse_hex", "parse_instant", "pem_blocks"]

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_PEM: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,32})-----\r?\n([A-Za-z0-9+/=\r\n]++)-----END \1-----"
)
_PEM_FILLER: Final = b" \t\r\n\0"


def parse_hex(text: str, size: int | None = None) -> bytes:
    """Return the bytes that `text` spells in hex of either case, without prefix or white space.

    Args:
        text: an even number of hex digits.
        size: length in bytes that is due; None for any.

    Raises:
        MalformedError: `wire.hex`.
    """
    try:
        data = binascii.unhexlify(text)
    except ValueError as error:
        raise MalformedError("wire.hex", str(error)) from None
    if size is not None and len(data) != size:
        raise MalformedError("wire.hex", f"{len(data)} bytes where {size} are due")
    return data


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant of an RFC 3339 text that ends in `Z`.

    Raises:
        MalformedError: `wire.time`.
    """
    if not _INSTANT.fullmatch(text):
        raise MalformedError("wire.time", f"{text!r} is not YYYY-MM-DDThh:mm:ssZ")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MalformedError("wire.time", str(error)) from None


def format_instant(at: datetime) -> str:
    """Return `at` (aware) as RFC 3339 in UTC with `Z`, microseconds only where there are some."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def pem_blocks(data: bytes, label: str, *, most: int) -> list[bytes]:
    """Return the DER bytes of every PEM block in `data`, which holds nothing else.

    White space and NUL may stand around blocks: Intel's quotes end their chain in a NUL, and
    some carry CRLF line ends.

    Args:
        data: PEM text as bytes.
        label: the one label that blocks may have, such as `CERTIFICATE`.
        most: how many blocks are allowed.

    Raises:
        MalformedError: `wire.pem`, anything else stands in `data`.
    """
    blocks: list[bytes] = []
    at = 0
    for match in _PEM.finditer(data):
        if data[at : match.start()].strip(_PEM_FILLER):
            raise MalformedError("wire.pem", f"junk before block {len(blocks)}")
        at = match.end()
        if match[1] != label.encode():
            raise MalformedError("wire.pem", f"a block is labelled {match[1].decode()!r}")
        if len(blocks) == most:
            raise MalformedError("wire.pem", f"more than {most} blocks")
        blocks.append(_base64(match[2].replace(b"\r", b"").replace(b"\n", b"")))
    if data[at:].strip(_PEM_FILLER):
        raise MalformedError("wire.pem", "junk behind the last block")
    return blocks


def _base64(text: bytes) -> bytes:
    """Decode canonical base64: what encodes to other text than was read is refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedError("wire.pem", str(error)) from None
    if base64.b64encode(data) != text:
        raise MalformedError("wire.pem", "base64 is not canonical")
    return data
