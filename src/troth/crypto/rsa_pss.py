# SPDX-License-Identifier: Apache-2.0
"""RSASSA-PSS with SHA-384 under 4096-bit keys: how AMD signs certificates and lists.

The mask is MGF1 with SHA-384, the salt has 48 octets, the public exponent is 65537 (AMD 57230,
VCEK Certificate and KDS Interface Specification). Nothing else is taken or made.
"""

from __future__ import annotations

from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from troth.errors import UntrustedError

__all__ = ["RSA_BITS", "RsaPrivateKey", "RsaPublicKey"]

RSA_BITS: Final = 4096
_EXPONENT: Final = 65537
_SALT_BYTES: Final = 48
_DIGEST: Final = hashes.SHA384()
_PADDING: Final = padding.PSS(mgf=padding.MGF1(_DIGEST), salt_length=_SALT_BYTES)


class RsaPublicKey:
    """A 4096-bit RSA key that verifies signatures."""

    __slots__ = ("_key",)

    def __init__(self, spki: bytes, code: str) -> None:
        """Load a DER SubjectPublicKeyInfo (RFC 3279 §2.3.1).

        Raises:
            UntrustedError: `code`, not an RSA key of this size and exponent.
        """
        try:
            key = load_der_public_key(spki)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UntrustedError(code, str(error)) from None
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size != RSA_BITS:
            raise UntrustedError(code, f"not an RSA key of {RSA_BITS} bits")
        if key.public_numbers().e != _EXPONENT:
            raise UntrustedError(code, "another public exponent than 65537")
        self._key = key

    def verify(self, signature: bytes, message: bytes, code: str) -> None:
        """Return if `signature` over `message` holds.

        Raises:
            UntrustedError: `code`, it does not.
        """
        try:
            self._key.verify(signature, message, _PADDING, _DIGEST)
        except InvalidSignature:
            raise UntrustedError(code, "the signature does not hold") from None


class RsaPrivateKey:
    """A signing key. Its repr says nothing; Python cannot promise to wipe it."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        """Wrap a library key."""
        self._key = key

    def __repr__(self) -> str:
        return f"RsaPrivateKey({self._key.key_size})"

    @classmethod
    def generate(cls, bits: int = RSA_BITS) -> Self:
        """Make a fresh key from the system's generator: about a second for 4096 bits."""
        return cls(rsa.generate_private_key(_EXPONENT, bits))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Load an unencrypted PKCS #8 PEM key that `pem` wrote.

        Whether its factors are primes is not tried again: that takes a quarter of a second, and
        these keys protect nothing but a software platform's name.

        Raises:
            ValueError: not such a key.
        """
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            message = "not an RSA private key"
            raise ValueError(message)  # noqa: TRY004 - what a file holds is a value, not a type
        return cls(key)

    @property
    def spki(self) -> bytes:
        """The verifying half as DER SubjectPublicKeyInfo."""
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 PEM: for files of mode 0600 only."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """Return a signature over `message`."""
        return self._key.sign(message, _PADDING, _DIGEST)
