# SPDX-License-Identifier: Apache-2.0
"""Private keys for the COSE structures of software TEEs, on the curves that vendors use."""

from __future__ import annotations

from typing import Final, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from troth.crypto.verifying_key import VerifyingKey

__all__ = ["CurveName", "SigningKey"]

CurveName = Literal["P-256", "P-384", "Ed25519"]

_CURVES: Final[dict[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "P-256": hashes.SHA256(),
    "P-384": hashes.SHA384(),
}

_Library = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


class SigningKey:
    """A signing key. Its repr says nothing; Python cannot promise to wipe it."""

    __slots__ = ("_library", "public")

    public: VerifyingKey

    def __init__(self, key: _Library) -> None:
        """Wrap a library key, which the caller knows to be on one of the three curves."""
        self._library = key
        self.public = VerifyingKey.of(key.public_key())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.curve.name})"

    @classmethod
    def generate(cls, curve: CurveName) -> Self:
        """Make a fresh key from the system's generator."""
        if curve == "Ed25519":
            return cls(Ed25519PrivateKey.generate())
        return cls(ec.generate_private_key(_CURVES[curve]))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Load an unencrypted PKCS #8 PEM key.

        Raises:
            ValueError: not such a key.
            MalformedError: `cose.key`, on another curve.
        """
        try:
            key = load_pem_private_key(pem, None)
        except (TypeError, UnsupportedAlgorithm) as error:  # encrypted; of an unknown kind
            raise ValueError(str(error)) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | Ed25519PrivateKey):
            message = "not a private key of an elliptic curve"
            raise ValueError(message)  # noqa: TRY004 - what a file holds is a value, not a type
        return cls(key)

    @property
    def algorithm(self) -> int:
        """The COSE number of the algorithm that it signs with."""
        return self.public.curve.algorithms[0]

    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 PEM: for files of mode 0600 only."""
        return self._library.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """Return a signature over `message`: r‖s, or the 64 bytes of Ed25519."""
        if isinstance(self._library, Ed25519PrivateKey):
            return self._library.sign(message)
        curve = self.public.curve
        der = self._library.sign(message, ec.ECDSA(_HASHES[curve.name]))
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")
