# SPDX-License-Identifier: Apache-2.0
"""Public keys of TPMs: RSA of 2,048 to 4,096 bits with PKCS #1 v1.5, ECDSA on P-256 and P-384.

A TPM signs with the hash that its key was made for, so an elliptic curve does not decide the hash
(TPM 2.0 library, part 2, 11.2.1). SHA-1 is not among the hashes that a signature may have.
"""

from __future__ import annotations

from typing import Final, Literal, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from troth.crypto.digest import sha256
from troth.errors import MalformedError, UntrustedError

__all__ = ["RSA_LEAST_BITS", "RSA_MOST_BITS", "HashName", "KeyKind", "TpmKey", "hash_by_name"]

KeyKind = Literal["RSA", "P-256", "P-384"]
HashName = Literal["sha256", "sha384"]

RSA_LEAST_BITS: Final = 2048
RSA_MOST_BITS: Final = 4096
_RSA_EXPONENT: Final = 65537  # the default of part 2, 12.2.3.5, and what every vendor uses

_CURVES: Final[dict[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_NAMES: Final[dict[str, KeyKind]] = {"secp256r1": "P-256", "secp384r1": "P-384"}
_HASHES: Final[dict[HashName, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
}


def hash_by_name(name: HashName) -> hashes.HashAlgorithm:
    """Return the library's hash of a name."""
    return _HASHES[name]


class TpmKey:
    """A public key that signs quotes, or the certificates above it."""

    __slots__ = ("_library", "kind", "spki")

    kind: KeyKind
    spki: bytes

    def __init__(
        self, kind: KeyKind, library: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    ) -> None:
        """Wrap a library key of this kind; `of`, `from_rsa`, `from_point` check what they wrap."""
        self.kind = kind
        self._library = library
        self.spki = library.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @classmethod
    def of(cls, key: object) -> Self:
        """Wrap a key of the library.

        Raises:
            MalformedError: `tpm.key`, another kind, size or exponent.
        """
        if isinstance(key, rsa.RSAPublicKey):
            if not RSA_LEAST_BITS <= key.key_size <= RSA_MOST_BITS:
                raise MalformedError("tpm.key", f"RSA of {key.key_size} bits")
            if key.public_numbers().e != _RSA_EXPONENT:
                raise MalformedError("tpm.key", "another RSA exponent than 65537")
            return cls("RSA", key)
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _NAMES:
            return cls(_NAMES[key.curve.name], key)
        raise MalformedError("tpm.key", "not RSA, P-256 or P-384")

    @classmethod
    def from_rsa(cls, modulus: bytes, exponent: int = _RSA_EXPONENT) -> Self:
        """Make a key of its modulus, big-endian, and its exponent.

        Raises:
            MalformedError: `tpm.key`.
        """
        try:
            numbers = rsa.RSAPublicNumbers(exponent, int.from_bytes(modulus, "big"))
            return cls.of(numbers.public_key())
        except ValueError as error:
            raise MalformedError("tpm.key", str(error)) from None

    @classmethod
    def from_point(cls, kind: Literal["P-256", "P-384"], x: bytes, y: bytes) -> Self:
        """Make a key of a point, coordinates big-endian and of the curve's size or shorter.

        Raises:
            MalformedError: `tpm.key`, not on the curve.
        """
        curve = _CURVES[kind]
        try:
            numbers = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve
            )
            return cls(kind, numbers.public_key())
        except ValueError:
            raise MalformedError("tpm.key", f"not a point on {kind}") from None

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read a SubjectPublicKeyInfo in PEM.

        Raises:
            MalformedError: `tpm.key`.
        """
        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MalformedError("tpm.key", str(error)) from None
        return cls.of(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TpmKey) and self.spki == other.spki

    def __hash__(self) -> int:
        return hash(self.spki)

    def __repr__(self) -> str:
        return f"TpmKey({self.kind}, sha256:{self.spki_sha256.hex()})"

    @property
    def raw(self) -> bytes:
        """The modulus, or the point as x‖y, as a TPM's public area has them."""
        if isinstance(self._library, rsa.RSAPublicKey):
            return self._library.public_numbers().n.to_bytes(self._library.key_size // 8, "big")
        return self._library.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo, 32 bytes: what the key is pinned by."""
        return sha256(self.spki)

    def pem(self) -> bytes:
        """Return the key as a PEM SubjectPublicKeyInfo."""
        return self._library.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, hash_name: HashName, signature: bytes, message: bytes, code: str) -> None:
        """Return if `signature` over `message` holds.

        Args:
            hash_name: what the message was digested with.
            signature: of RSA as it is; of ECDSA r‖s, both of one size.
            message: what was signed.
            code: what to raise where the signature does not hold.

        Raises:
            UntrustedError: `code`.
        """
        algorithm = _HASHES[hash_name]
        try:
            if isinstance(self._library, rsa.RSAPublicKey):
                self._library.verify(signature, message, padding.PKCS1v15(), algorithm)
                return
            half = len(signature) // 2
            r, s = (int.from_bytes(one, "big") for one in (signature[:half], signature[half:]))
            der = utils.encode_dss_signature(r, s)
            self._library.verify(der, message, ec.ECDSA(algorithm))
        except InvalidSignature:
            raise UntrustedError(code, "the signature does not hold") from None
