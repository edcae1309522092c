# SPDX-License-Identifier: Apache-2.0
"""The key that a token is bound to (RFC 7800 `cnf`), as a JWK and as a COSE key.

Only the key's holder can use the token. Whoever takes it demands a proof of possession, or seals
what it gives to this key.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from troth.crypto.cose_key import CoseKey
from troth.wire import base64url

__all__ = ["Confirmation", "Jwk", "jwk_of", "key_of"]

Kty = Literal["EC", "OKP"]
# The COSE algorithm and curve of each key that may confirm, as kty, crv and alg of a JWK
# (RFC 7518 §3.1 and §4.1, RFC 8037, RFC 9864).
_JWK: Final[dict[tuple[int, int], tuple[Kty, str, str]]] = {
    (-9, 1): ("EC", "P-256", "ES256"),
    (-51, 2): ("EC", "P-384", "ES384"),
    (-19, 6): ("OKP", "Ed25519", "Ed25519"),
    (-31, 1): ("EC", "P-256", "ECDH-ES+A256KW"),
    (-31, 4): ("OKP", "X25519", "ECDH-ES+A256KW"),
}


class Jwk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key; a private member is an unknown one, and refused."""

    kty: Kty
    crv: str
    alg: str
    x: str
    y: str | msgspec.UnsetType = msgspec.UNSET


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 7800 §3.2, the form with the whole key."""

    jwk: Jwk


def jwk_of(key: CoseKey) -> Jwk:
    """Return a confirmation key as a JWK."""
    kty, crv, alg = _JWK[key.algorithm, key.curve]
    y = base64url.encode(key.y) if key.y else msgspec.UNSET
    return Jwk(kty=kty, crv=crv, alg=alg, x=base64url.encode(key.x), y=y)


def key_of(jwk: Jwk) -> CoseKey:
    """Return the key that a JWK spells; it lies on its curve.

    Raises:
        MalformedError: `wire.base64url`, `cose.key` or `cose.point`.
    """
    y = b"" if jwk.y is msgspec.UNSET else base64url.decode(str(jwk.y))
    return CoseKey.from_jwk(kty=jwk.kty, crv=jwk.crv, alg=jwk.alg, x=base64url.decode(jwk.x), y=y)
