# SPDX-License-Identifier: Apache-2.0
"""base64url without padding (RFC 4648 §5), one text for one byte string."""

from __future__ import annotations

import base64
import binascii

from troth.errors import MalformedError

__all__ = ["decode", "encode"]


def encode(data: bytes) -> str:
    """Return `data` as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of `text`, which must be exactly what `encode` makes of them.

    Raises:
        MalformedError: `wire.base64url`, padding, another alphabet, white space, stray bits.
    """
    try:
        raw = text.encode("ascii")
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_")
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError("wire.base64url", str(error)) from None
    if encode(data) != text:
        raise MalformedError("wire.base64url", "encoded again, the text is another")
    return data
