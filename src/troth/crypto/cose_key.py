# SPDX-License-Identifier: Apache-2.0
"""Public keys as COSE keys: the five forms of BINDING 4.4 (`cnf-key`) and no other.

A key's algorithm is its only use: a signing key never receives a secret, a key for agreement
never proves possession by a signature. A key that exists here lies on its curve.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from troth.crypto.p256 import PublicKey
from troth.crypto.points import check_ed25519, check_x25519, p256_point, p384_point
from troth.errors import MalformedError

__all__ = ["AGREEMENT", "ED25519", "ESP256", "ESP384", "CoseKey"]

# COSE algorithms (RFC 9864, RFC 9053 §6.3.1).
ESP256: Final = -9
ESP384: Final = -51
ED25519: Final = -19
AGREEMENT: Final = -31  # ECDH-ES+A256KW

# COSE key parameters (RFC 9052 §7, RFC 9053 §7).
_KTY, _ALG, _CRV, _X, _Y = 1, 3, -1, -2, -3
_OKP, _EC2 = 1, 2
_P256, _P384, _X25519, _ED25519 = 1, 2, 4, 6


class _Form(NamedTuple):
    kty: int
    size: int  # bytes of a coordinate
    jwk: tuple[str, str]  # kty and crv of the same key as a JWK
    algorithms: tuple[str, ...]  # the JWK's alg


_FORMS: Final[dict[tuple[int, int], _Form]] = {
    (ESP256, _P256): _Form(_EC2, 32, ("EC", "P-256"), ("ES256",)),
    (ESP384, _P384): _Form(_EC2, 48, ("EC", "P-384"), ("ES384",)),
    (ED25519, _ED25519): _Form(_OKP, 32, ("OKP", "Ed25519"), ("EdDSA", "Ed25519")),
    (AGREEMENT, _P256): _Form(_EC2, 32, ("EC", "P-256"), ("ECDH-ES+A256KW",)),
    (AGREEMENT, _X25519): _Form(_OKP, 32, ("OKP", "X25519"), ("ECDH-ES+A256KW",)),
}
_FROM_JWK: Final = {
    (*form.jwk, name): key for key, form in _FORMS.items() for name in form.algorithms
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoseKey:
    """A public key that may stand in a binding structure.

    Attributes:
        algorithm: COSE number of its one use: `ESP256`, `ESP384`, `ED25519` or `AGREEMENT`.
        curve: COSE number of its curve.
        x: first coordinate, or the whole key of an OKP curve.
        y: second coordinate; empty on an OKP curve.
        value: the CBOR map, for encoding; not to be changed.
    """

    algorithm: int
    curve: int
    x: bytes
    y: bytes = b""
    value: dict[int, int | bytes] = field(init=False, repr=False, compare=False)
    _verifier: PublicKey | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check form and point.

        Raises:
            MalformedError: `cose.key`, not one of the five forms; `cose.point`, not usable.
        """
        form = _form(self.algorithm, self.curve)
        _check_coordinate(self.x, form.size)
        value: dict[int, int | bytes] = {
            _KTY: form.kty,
            _ALG: self.algorithm,
            _CRV: self.curve,
            _X: self.x,
        }
        if form.kty == _EC2:
            _check_coordinate(self.y, form.size)
            value[_Y] = self.y
        elif self.y:
            raise MalformedError("cose.key", "a second coordinate")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "_verifier", self._check_point())

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the key that a decoded CBOR map spells.

        Raises:
            MalformedError: `cose.key`, `cose.point`.
        """
        if type(value) is not dict:
            raise MalformedError("cose.key", "a key is a map")
        got: dict[object, Any] = value
        form = _form(got.get(_ALG), got.get(_CRV))
        due = {_KTY, _ALG, _CRV, _X, _Y} if form.kty == _EC2 else {_KTY, _ALG, _CRV, _X}
        if got.keys() != due or type(got[_KTY]) is not int or got[_KTY] != form.kty:
            raise MalformedError("cose.key", "a member is missing, unknown or wrong")
        return cls(algorithm=got[_ALG], curve=got[_CRV], x=got[_X], y=got.get(_Y, b""))

    @classmethod
    def from_jwk(cls, *, kty: str, crv: str, alg: str, x: bytes, y: bytes = b"") -> Self:
        """Return the key of a JWK's members (BINDING 4.2), coordinates decoded.

        Raises:
            MalformedError: `cose.key`, `cose.point`.
        """
        found = _FROM_JWK.get((kty, crv, alg))
        if found is None:
            raise MalformedError("cose.key", f"{kty} {crv} {alg} is not supported")
        return cls(algorithm=found[0], curve=found[1], x=x, y=y)

    @classmethod
    def from_p256(cls, key: PublicKey) -> Self:
        """Return a P-256 key for signatures (`sig-key`)."""
        return cls(algorithm=ESP256, curve=_P256, x=key.raw[:32], y=key.raw[32:])

    @property
    def verifier(self) -> PublicKey:
        """The key as one that verifies ESP256 signatures.

        Raises:
            ValueError: the key is for another use. A bug: `sig-key` places check before.
        """
        if self._verifier is None:
            message = "not an ESP256 key"
            raise ValueError(message)
        return self._verifier

    def _check_point(self) -> PublicKey | None:
        if self.curve == _P256:
            point = p256_point(self.x, self.y)
            return PublicKey(point) if self.algorithm == ESP256 else None
        if self.curve == _P384:
            p384_point(self.x, self.y)
        elif self.curve == _ED25519:
            check_ed25519(self.x)
        else:
            check_x25519(self.x)
        return None


def _form(algorithm: object, curve: object) -> _Form:
    if type(algorithm) is not int or type(curve) is not int:
        raise MalformedError("cose.key", "algorithm and curve are integers")
    form = _FORMS.get((algorithm, curve))
    if form is None:
        raise MalformedError("cose.key", f"algorithm {algorithm} on curve {curve}")
    return form


def _check_coordinate(value: object, size: int) -> None:
    if type(value) is not bytes or len(value) != size:
        raise MalformedError("cose.key", f"a coordinate is not {size} bytes")
