# SPDX-License-Identifier: Apache-2.0
"""Public keys of vendors' COSE structures: P-256, P-384, Ed25519, and the algorithms of each.

Silicon vendors sign with more curves than our own structures, and write a key with or without its
algorithm. So the algorithm of a signature is what its protected header says, and it must be one of
those that the key's curve has: ES256 under a P-384 key is refused, though RFC 9053 has a use for
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from troth.crypto.digest import sha256
from troth.crypto.points import check_ed25519, check_x25519, p256_point, p384_point
from troth.errors import MalformedError, UntrustedError
from troth.wire import cbor

__all__ = ["CURVES", "KEY_MAX_BYTES", "Curve", "VerifyingKey", "check_public_key"]

KEY_MAX_BYTES: Final = 1024  # of an encoded COSE_Key; one on P-384 has about 110

# COSE key parameters (RFC 9052 §7, RFC 9053 §7).
_KTY, _KID, _ALG, _OPS, _CRV, _X, _Y = 1, 2, 3, 4, -1, -2, -3
_VERIFY: Final = 2  # of key_ops
_LABELS: Final = frozenset({_KTY, _KID, _ALG, _OPS, _CRV, _X, _Y})

_Library = ec.EllipticCurvePublicKey | Ed25519PublicKey


class Curve(NamedTuple):
    """One curve.

    Attributes:
        name: as JOSE calls it.
        kty: COSE number of its key type.
        number: COSE number of the curve.
        size: of a coordinate, in bytes.
        algorithms: the COSE numbers of the signatures that fit it, the preferred one first.
    """

    name: str
    kty: int
    number: int
    size: int
    algorithms: tuple[int, ...]


# ES256 -7, ESP256 -9, ES384 -35, ESP384 -51, EdDSA -8, Ed25519 -19 (RFC 9053 §2, RFC 9864 §2).
CURVES: Final = {
    one.name: one
    for one in (
        Curve("P-256", 2, 1, 32, (-7, -9)),
        Curve("P-384", 2, 2, 48, (-35, -51)),
        Curve("Ed25519", 1, 6, 32, (-8, -19)),
    )
}
_X25519: Final = Curve("X25519", 1, 4, 32, ())  # signs nothing
_BY_NUMBER: Final = {(one.kty, one.number): one for one in (*CURVES.values(), _X25519)}
_LIBRARY_NAMES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}
_ECDSA: Final = {"P-256": ec.ECDSA(hashes.SHA256()), "P-384": ec.ECDSA(hashes.SHA384())}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key that verifies signatures; equal where curve and point are.

    Attributes:
        curve: a key of `CURVES`.
        raw: x‖y on P-256 and P-384, the 32 bytes of an Ed25519 key.
    """

    curve: Curve
    raw: bytes
    _library: _Library = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Load the point.

        Raises:
            MalformedError: `cose.key`, of another size; `cose.point`, not usable.
        """
        object.__setattr__(self, "_library", _loaded(self.curve, self.raw))

    @classmethod
    def from_cose(cls, data: bytes) -> Self:
        """Read an encoded COSE_Key (RFC 9052 §7) that somebody else wrote.

        Raises:
            MalformedError: a code of `troth.wire.cbor.decode_foreign`; `cose.key` or `cose.point`.
        """
        got = _members(data)
        curve = _curve(got)
        if curve not in CURVES.values():
            raise MalformedError("cose.key", f"no signature is made on {curve.name}")
        _check_use(got, curve)
        return cls(curve, _point(got, curve))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a SubjectPublicKeyInfo in PEM.

        Raises:
            MalformedError: `cose.key`, not a key on one of the three curves, or no point on its
                curve; `cose.point`, a point of small order.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedError("cose.key", str(error)) from None
        return cls.of(key)

    @classmethod
    def of(cls, key: object) -> Self:
        """Wrap a key of the library.

        Raises:
            MalformedError: `cose.key`, on another curve; `cose.point`.
        """
        if isinstance(key, Ed25519PublicKey):
            return cls(CURVES["Ed25519"], key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _LIBRARY_NAMES:
            point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return cls(CURVES[_LIBRARY_NAMES[key.curve.name]], point[1:])
        raise MalformedError("cose.key", "not a key on P-256, P-384 or Ed25519")

    @property
    def spki(self) -> bytes:
        """The key as DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
        return self._library.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of `spki`, 32 bytes: what trust anchors are known by."""
        return sha256(self.spki)

    def pem(self) -> bytes:
        """Return the key as a PEM SubjectPublicKeyInfo."""
        return self._library.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def cose(self) -> bytes:
        """Return the key as an encoded COSE_Key without its algorithm."""
        curve, raw = self.curve, self.raw
        value: dict[int, object] = {_KTY: curve.kty, _CRV: curve.number, _X: raw[: curve.size]}
        if raw[curve.size :]:
            value[_Y] = raw[curve.size :]
        return cbor.encode(value)

    def verify(self, algorithm: int, signature: bytes, message: bytes, code: str) -> None:
        """Return if `signature` over `message` holds.

        Args:
            algorithm: its COSE number.
            signature: r‖s, or the 64 bytes of Ed25519.
            message: what was signed.
            code: what to raise where the signature does not hold.

        Raises:
            UntrustedError: `cose.algorithm`, not one of the curve's; `code`.
        """
        if algorithm not in self.curve.algorithms:
            raise UntrustedError("cose.algorithm", f"{algorithm} under a {self.curve.name} key")
        if len(signature) != 2 * self.curve.size:
            raise UntrustedError(code, f"a signature of {len(signature)} bytes")
        try:
            self._verify(signature, message)
        except InvalidSignature:
            raise UntrustedError(code, "the signature does not hold") from None

    def _verify(self, signature: bytes, message: bytes) -> None:
        library = self._library
        ecdsa = _ECDSA.get(self.curve.name)
        if ecdsa is None:
            cast("Ed25519PublicKey", library).verify(signature, message)
            return
        size = self.curve.size
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        der = utils.encode_dss_signature(r, s)
        cast("ec.EllipticCurvePublicKey", library).verify(der, message, ecdsa)


def check_public_key(data: bytes) -> None:
    """Return if `data` is the COSE_Key of a usable public key, whatever its use.

    Raises:
        MalformedError: as `VerifyingKey.from_cose`.
    """
    got = _members(data)
    curve = _curve(got)
    raw = _point(got, curve)
    if curve is not _X25519:
        _loaded(curve, raw)
    elif len(raw) == curve.size:
        check_x25519(raw)
    else:
        raise MalformedError("cose.key", "a second coordinate")


def _loaded(curve: Curve, raw: bytes) -> _Library:
    size = curve.size
    if len(raw) != (size if curve.name == "Ed25519" else 2 * size):
        raise MalformedError("cose.key", f"{len(raw)} bytes are no key on {curve.name}")
    if curve.name == "Ed25519":
        check_ed25519(raw)
        return Ed25519PublicKey.from_public_bytes(raw)
    return (p256_point if curve.name == "P-256" else p384_point)(raw[:size], raw[size:])


def _members(data: bytes) -> dict[Any, Any]:
    got = cbor.decode_foreign(data, max_bytes=KEY_MAX_BYTES, max_depth=4)
    if type(got) is not dict or not got.keys() <= _LABELS:
        raise MalformedError("cose.key", "not a map of known members")
    if _KID in got and type(got[_KID]) is not bytes:
        raise MalformedError("cose.key", "the key's identifier is not bytes")
    return got


def _point(got: dict[Any, Any], curve: Curve) -> bytes:
    x, y = got.get(_X), got.get(_Y, b"")
    if type(x) is not bytes or type(y) is not bytes or len(x) != curve.size:
        raise MalformedError("cose.key", f"coordinates are {curve.size} bytes each")
    return x + y


def _curve(got: dict[Any, Any]) -> Curve:
    kty, number = got.get(_KTY), got.get(_CRV)
    if type(kty) is not int or type(number) is not int:
        raise MalformedError("cose.key", "key type and curve are numbers")
    curve = _BY_NUMBER.get((kty, number))
    if curve is None:
        raise MalformedError("cose.key", f"key type {kty}, curve {number}")
    return curve


def _check_use(got: dict[Any, Any], curve: Curve) -> None:
    """Refuse a key that says of itself that it is for something else."""
    if _ALG in got and got[_ALG] not in curve.algorithms:
        raise MalformedError("cose.key", f"algorithm {got[_ALG]!r} on {curve.name}")
    if _OPS in got and (type(got[_OPS]) is not list or _VERIFY not in got[_OPS]):
        raise MalformedError("cose.key", "a key that does not verify")
