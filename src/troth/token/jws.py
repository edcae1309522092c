# SPDX-License-Identifier: Apache-2.0
"""The one door for signed tokens (RFC 7515, compact): one algorithm, three header members.

The library takes duplicate names and any header that it knows. So the header is read first,
strictly: exactly `alg`, `kid` and `typ`. A `crit`, `jwk`, `jku` or `x5c` is an unknown member, and
`alg` is compared with the one that is due before a key is looked for. Only then is the library
asked, with that one algorithm and that one key.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from msgspec import Meta

from troth.crypto.p256 import PublicKey
from troth.errors import MalformedError, TrothError, UntrustedError
from troth.token.keys import ALGORITHM, KeySet, SigningKey
from troth.wire import base64url, json

__all__ = ["TOKEN_MAX_BYTES", "open_jws", "sign_jws"]

TOKEN_MAX_BYTES: Final = 64 * 1024
_HEADER_MAX_BYTES: Final = 512
_PARTS: Final = 3


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alg: str
    kid: Annotated[str, Meta(max_length=64)]
    typ: str


def sign_jws(payload: bytes, key: SigningKey, *, typ: str) -> str:
    """Return a compact JWS over `payload`."""
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": typ}
    library_key = ECKey.import_key(key.key.pem())
    return jws.serialize_compact(header, payload, library_key, algorithms=[ALGORITHM])


def open_jws(text: str, keys: KeySet, *, typ: str, max_bytes: int = TOKEN_MAX_BYTES) -> bytes:
    """Return the payload of a compact JWS whose signature holds.

    Args:
        text: header, payload and signature in base64url, joined by dots.
        keys: those that may have signed it.
        typ: what the header must say that it is (RFC 8725 §3.11).
        max_bytes: limit on `text`.

    Raises:
        MalformedError: `token.malformed`.
        UntrustedError: `token.algorithm`, `token.type`, `token.key` or `token.signature`.
    """
    header, payload = _parts(text, max_bytes)
    if header.alg != ALGORITHM:
        raise UntrustedError("token.algorithm", f"{header.alg!r}, {ALGORITHM} is due")
    if header.typ.lower() != typ:
        raise UntrustedError("token.type", f"{header.typ!r}, {typ!r} is due")
    key = _library_key(keys.find(header.kid))
    try:
        signed = jws.deserialize_compact(text, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise UntrustedError("token.signature", str(error)) from None
    if signed.payload != payload:
        raise UntrustedError("token.signature", "another payload was verified")
    return payload


def _parts(text: str, max_bytes: int) -> tuple[_Header, bytes]:
    if len(text) > max_bytes:
        raise MalformedError("token.malformed", f"more than {max_bytes} characters")
    parts = text.split(".")
    if len(parts) != _PARTS:
        raise MalformedError("token.malformed", f"{len(parts)} parts, three are due")
    try:
        raw, payload, _ = (base64url.decode(part) for part in parts)
        header = json.decode(raw, _Header, max_bytes=_HEADER_MAX_BYTES, max_depth=2)
    except TrothError as error:
        raise MalformedError("token.malformed", f"header: {error}") from None
    return header, payload


def _library_key(key: PublicKey) -> ECKey:
    x, y = key.raw[:32], key.raw[32:]
    return ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url.encode(x),
            "y": base64url.encode(y),
        }
    )
