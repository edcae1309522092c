# SPDX-License-Identifier: Apache-2.0
"""Private keys of software TPMs and of the authorities that certify them."""

from __future__ import annotations

from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from troth.crypto.tpm_key import RSA_LEAST_BITS, HashName, KeyKind, TpmKey, hash_by_name

__all__ = ["TpmSigner"]

_EXPONENT: Final = 65537
_CURVES: Final[dict[KeyKind, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
}
_SIZES: Final[dict[KeyKind, int]] = {"P-256": 32, "P-384": 48}


class TpmSigner:
    """A signing key. Its repr says nothing; Python cannot promise to wipe it."""

    __slots__ = ("_library", "public")

    public: TpmKey

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        """Wrap a library key.

        Raises:
            MalformedError: `tpm.key`, not of a kind that TPMs have.
        """
        self._library = key
        self.public = TpmKey.of(key.public_key())

    def __repr__(self) -> str:
        return f"TpmSigner({self.public.kind})"

    @classmethod
    def generate(cls, kind: KeyKind) -> Self:
        """Make a fresh key from the system's generator; of RSA, 2,048 bits."""
        if kind == "RSA":
            return cls(rsa.generate_private_key(_EXPONENT, RSA_LEAST_BITS))
        return cls(ec.generate_private_key(_CURVES[kind]))

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Load an unencrypted PKCS #8 PEM key.

        Raises:
            ValueError: not such a key.
            MalformedError: `tpm.key`, not of a kind that TPMs have.
        """
        key = load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            message = "neither RSA nor on an elliptic curve"
            raise ValueError(message)  # noqa: TRY004 - what a file holds is a value, not a type
        return cls(key)

    @property
    def library_key(self) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
        """The wrapped key, for the issuing functions of this package."""
        return self._library

    def pem(self) -> bytes:
        """The key as unencrypted PKCS #8 PEM: for files of mode 0600 only."""
        return self._library.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, hash_name: HashName, message: bytes) -> bytes:
        """Return a signature over `message`: of RSA as it is, of ECDSA r‖s of the curve's size."""
        algorithm = hash_by_name(hash_name)
        if isinstance(self._library, rsa.RSAPrivateKey):
            return self._library.sign(message, padding.PKCS1v15(), algorithm)
        r, s = utils.decode_dss_signature(self._library.sign(message, ec.ECDSA(algorithm)))
        size = _SIZES[self.public.kind]
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
