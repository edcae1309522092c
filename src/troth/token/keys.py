# SPDX-License-Identifier: Apache-2.0
"""Keys that sign tokens, and sets of keys that verify them (RFC 7517, RFC 7638)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from troth.crypto.digest import sha256
from troth.crypto.p256 import PrivateKey, PublicKey
from troth.errors import MalformedError, UntrustedError
from troth.wire import base64url, json

__all__ = ["ALGORITHM", "KeySet", "SigningKey", "jwks_json", "parse_jwks"]

ALGORITHM: Final = "ES256"  # the only one, for tokens and status lists
JWKS_MAX_BYTES: Final = 64 * 1024
_MOST_KEYS: Final = 16
_COORDINATE_BYTES: Final = 32


class _PublicJwk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verification key; a private member is an unknown one, and refused."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    alg: Literal["ES256"]
    use: Literal["sig"]
    kid: Annotated[str, Meta(min_length=1, max_length=64)]
    x: str
    y: str


class _Jwks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: Annotated[tuple[_PublicJwk, ...], Meta(max_length=_MOST_KEYS)]


class SigningKey:
    """A P-256 key with the name that tokens call it by: its thumbprint (RFC 7638)."""

    __slots__ = ("key", "kid")

    def __init__(self, key: PrivateKey) -> None:
        """Take a private key."""
        self.key: Final = key
        self.kid: Final = thumbprint(key.public)

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class KeySet:
    """Verification keys by name. An empty one verifies nothing."""

    __slots__ = ("_by_kid",)

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        """Take the keys; each is called by its thumbprint."""
        self._by_kid: Final = {thumbprint(key): key for key in keys}

    def __repr__(self) -> str:
        return f"KeySet({', '.join(self.kids)})"

    @property
    def kids(self) -> tuple[str, ...]:
        """The names of the keys."""
        return tuple(self._by_kid)

    def find(self, kid: str) -> PublicKey:
        """Return the key of that name.

        Raises:
            UntrustedError: `token.key`, there is none.
        """
        key = self._by_kid.get(kid)
        if key is None:
            raise UntrustedError("token.key", f"no key {kid!r}")
        return key


def thumbprint(key: PublicKey) -> str:
    """Return the RFC 7638 thumbprint of a P-256 key, base64url of SHA-256."""
    # Members in lexical order, no white space (RFC 7638 §3).
    members = {"crv": "P-256", "kty": "EC", "x": _x(key), "y": _y(key)}
    return base64url.encode(sha256(json.encode(members)))


def jwks_json(keys: Iterable[PublicKey]) -> bytes:
    """Return a JWK set with these keys."""
    return json.encode(
        _Jwks(
            keys=tuple(
                _PublicJwk(
                    kty="EC",
                    crv="P-256",
                    alg=ALGORITHM,
                    use="sig",
                    kid=thumbprint(key),
                    x=_x(key),
                    y=_y(key),
                )
                for key in keys
            )
        )
    )


def parse_jwks(data: bytes) -> KeySet:
    """Return the keys of a JWK set.

    Args:
        data: JSON, at most 64 KiB and 16 keys, all of them P-256 keys for ES256.

    Raises:
        MalformedError: `json.*`, `wire.base64url`, or `token.jwks`: a key is called by another
            name than its thumbprint, or twice, or its coordinates have another size.
        UntrustedError: `token.key`, a key is not on its curve.
    """
    keys = []
    for one in json.decode(data, _Jwks, max_bytes=JWKS_MAX_BYTES).keys:
        x, y = base64url.decode(one.x), base64url.decode(one.y)
        if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
            raise MalformedError("token.jwks", "a coordinate is not 32 bytes")
        key = PublicKey.from_raw(x + y, "token.key")
        if one.kid != thumbprint(key):
            raise MalformedError("token.jwks", f"the key {one.kid!r} has another thumbprint")
        keys.append(key)
    found = KeySet(keys)
    if len(found.kids) != len(keys):
        raise MalformedError("token.jwks", "a key stands in the set twice")
    return found


def _x(key: PublicKey) -> str:
    return base64url.encode(key.raw[:_COORDINATE_BYTES])


def _y(key: PublicKey) -> str:
    return base64url.encode(key.raw[_COORDINATE_BYTES:])
