# SPDX-License-Identifier: Apache-2.0
"""ECDSA on P-256 with SHA-256, keys and signatures as raw big-endian pairs of 32 bytes.

Intel writes points as x‖y and signatures as r‖s; the library wants SEC 1 and DER. The
conversions are here and nowhere else. (r, n - s) is accepted as the standard has it: a signed
object is not a unique identifier.
"""

from __future__ import annotations

import secrets
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from troth.errors import UntrustedError

__all__ = ["P256_KEY_BYTES", "P256_SIGNATURE_BYTES", "PrivateKey", "PublicKey"]

P256_KEY_BYTES: Final = 64  # x‖y
P256_SIGNATURE_BYTES: Final = 64  # r‖s
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SP 800-186
_WIDE_BYTES: Final = 40


class PublicKey:
    """A point on P-256 that verifies signatures."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        """Wrap a library key, which the caller knows to be on P-256."""
        self._key = key

    @classmethod
    def from_raw(cls, raw: bytes, code: str) -> Self:
        """Load a key from x‖y (64 bytes).

        Raises:
            UntrustedError: `code`, the bytes are not a point on the curve.
        """
        try:
            return cls(ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + raw))
        except ValueError:
            raise UntrustedError(code, "not a point on P-256") from None

    @property
    def raw(self) -> bytes:
        """The point as x‖y, 64 bytes."""
        return self._key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]

    @property
    def spki(self) -> bytes:
        """The key as DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
        return self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, message: bytes, code: str) -> None:
        """Return if `signature` (r‖s, 64 bytes) over `message` holds.

        Raises:
            UntrustedError: `code`, it does not.
        """
        r = int.from_bytes(signature[:32], "big")
        s = int.from_bytes(signature[32:], "big")
        self.verify_der(utils.encode_dss_signature(r, s), message, code)

    def verify_der(self, signature: bytes, message: bytes, code: str) -> None:
        """Return if a DER-encoded signature over `message` holds; see `verify`."""
        try:
            self._key.verify(signature, message, _ECDSA)
        except InvalidSignature:
            raise UntrustedError(code, "the signature does not hold") from None


class PrivateKey:
    """A P-256 signing key. Its repr says nothing; Python cannot promise to wipe it."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Wrap a library key, which the caller knows to be on P-256."""
        self._key = key

    def __repr__(self) -> str:
        return "PrivateKey(P-256)"

    @classmethod
    def generate(cls) -> Self:
        """Make a fresh key from the kernel's generator.

        Not from the library's: the kernel seeds its own anew when a VM was copied, so that two
        copies make two keys. With 64 bits more than the order has (FIPS 186-5, A.2.1).
        """
        wide = int.from_bytes(secrets.token_bytes(_WIDE_BYTES), "big")
        return cls(ec.derive_private_key(1 + wide % (_ORDER - 1), _CURVE))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Load an unencrypted PKCS #8 PEM key.

        Raises:
            ValueError: not such a key, or not on P-256.
        """
        key = load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != _CURVE.name:
            message = "not a P-256 private key"
            raise ValueError(message)
        return cls(key)

    @property
    def library_key(self) -> ec.EllipticCurvePrivateKey:
        """The wrapped key, for the issuing functions of this package."""
        return self._key

    @property
    def public(self) -> PublicKey:
        """The verifying half."""
        return PublicKey(self._key.public_key())

    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 PEM: for files of mode 0600 only."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """Return a signature over `message` as r‖s, 64 bytes."""
        r, s = utils.decode_dss_signature(self._key.sign(message, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
