# SPDX-License-Identifier: Apache-2.0
"""TPMT_PUBLIC of an attestation key: its kind, attributes, scheme and public point or modulus.

Source: TPM 2.0 Library, part 2, 12.2.4 (TPMT_PUBLIC), 12.2.3.5 and 12.2.3.6 (parameters).
"""

from __future__ import annotations

from typing import Final, Literal, Self, cast

import msgspec

from troth.crypto.tpm_key import TpmKey
from troth.errors import MalformedError
from troth.evidence.tpm.attest import sized, with_size
from troth.evidence.tpm.layout import (
    ALG_ECC,
    ALG_ECDSA,
    ALG_NULL,
    ALG_RSA,
    ALG_RSASSA,
    ATTRIBUTES_DUE,
    ATTRIBUTES_FORBIDDEN,
    BANKS,
    CURVES,
    PUBLIC_MAX_BYTES,
)
from troth.wire.reader import Reader

__all__ = ["TpmPublic"]

_DEFAULT_EXPONENT: Final = 65537  # written as zero


class TpmPublic(msgspec.Struct, frozen=True, kw_only=True):
    """A public area. `unique` is the modulus, or x‖y of the curve's size each.

    Attributes:
        name_algorithm: what the key's name is digested with.
        attributes: TPMA_OBJECT.
        policy: authPolicy.
        hash_name: of the signing scheme; None where the key has no scheme of its own.
        kind: of the key.
        bits: of an RSA key; 0 on a curve.
        unique: the key.
    """

    name_algorithm: str
    attributes: int
    policy: bytes
    hash_name: str | None
    kind: Literal["RSA", "P-256", "P-384"]
    bits: int
    unique: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a TPM2B_PUBLIC, which is all of `data`.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`, `unsupported.algorithm`,
                `tpm.public` or `tpm.trailing`.
        """
        if len(data) > PUBLIC_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {PUBLIC_MAX_BYTES} bytes")
        outer = Reader(data)
        reader = Reader(sized(outer, "public area"))
        outer.finish("tpm.trailing", "the public area")
        kind = reader.big(2, "type of the key")
        if kind not in (ALG_RSA, ALG_ECC):
            raise MalformedError("unsupported.algorithm", f"a key of type {kind:#06x}")
        name_algorithm = _hash(reader)
        attributes = reader.big(4, "attributes of the key")
        policy = sized(reader, "authPolicy")
        # A restricted signing key has no symmetric algorithm (12.2.3.5).
        if reader.big(2, "symmetric algorithm of the key") != ALG_NULL:
            raise MalformedError("tpm.public", "not a signing key: it has a symmetric algorithm")
        found = _rsa(reader) if kind == ALG_RSA else _ecc(reader)
        reader.finish("tpm.trailing", "the public area")
        hash_name, name, bits, unique = found
        return cls(
            name_algorithm=name_algorithm,
            attributes=attributes,
            policy=policy,
            hash_name=hash_name,
            kind=name,
            bits=bits,
            unique=unique,
        )

    def build(self) -> bytes:
        """Return the TPM2B_PUBLIC."""
        numbers = {name: number for number, (name, _) in BANKS.items()}
        rsa = self.kind == "RSA"
        scheme = (ALG_RSASSA if rsa else ALG_ECDSA).to_bytes(2, "big")
        parts = [
            (ALG_RSA if rsa else ALG_ECC).to_bytes(2, "big"),
            numbers[self.name_algorithm].to_bytes(2, "big"),
            self.attributes.to_bytes(4, "big"),
            with_size(self.policy),
            ALG_NULL.to_bytes(2, "big"),
            ALG_NULL.to_bytes(2, "big")
            if self.hash_name is None
            else scheme + numbers[self.hash_name].to_bytes(2, "big"),
        ]
        if rsa:
            parts += [self.bits.to_bytes(2, "big"), bytes(4), with_size(self.unique)]
        else:
            curve = next(number for number, (name, _) in CURVES.items() if name == self.kind)
            half = len(self.unique) // 2
            x, y = self.unique[:half], self.unique[half:]
            parts += [curve.to_bytes(2, "big"), ALG_NULL.to_bytes(2, "big")]
            parts += [with_size(x), with_size(y)]
        return with_size(b"".join(parts))

    @property
    def is_attestation_key(self) -> bool:
        """Whether the key was made in its TPM, stays there, and signs what that TPM made."""
        due, forbidden = ATTRIBUTES_DUE, ATTRIBUTES_FORBIDDEN
        return self.attributes & due == due and not self.attributes & forbidden

    @property
    def key(self) -> TpmKey:
        """The public key.

        Raises:
            MalformedError: `tpm.key`.
        """
        if self.kind == "RSA":
            return TpmKey.from_rsa(self.unique)
        half = len(self.unique) // 2
        return TpmKey.from_point(self.kind, self.unique[:half], self.unique[half:])


def _hash(reader: Reader) -> str:
    number = reader.big(2, "hash of the key")
    if number not in BANKS:
        raise MalformedError("unsupported.algorithm", f"a key with hash {number:#06x}")
    return BANKS[number][0]


def _scheme(reader: Reader, due: int) -> str | None:
    number = reader.big(2, "signature scheme of the key")
    if number == ALG_NULL:
        return None
    if number != due:
        raise MalformedError("unsupported.algorithm", f"a key for signature scheme {number:#06x}")
    return _hash(reader)


_Found = tuple[str | None, Literal["RSA", "P-256", "P-384"], int, bytes]


def _rsa(reader: Reader) -> _Found:
    hash_name = _scheme(reader, ALG_RSASSA)
    bits = reader.big(2, "size of the key")
    exponent = reader.big(4, "exponent of the key")
    if exponent not in (0, _DEFAULT_EXPONENT):
        raise MalformedError("tpm.public", f"exponent {exponent}; 65537 is")
    modulus = sized(reader, "modulus")
    if int.from_bytes(modulus, "big").bit_length() != bits or len(modulus) * 8 != bits:
        raise MalformedError("tpm.public", f"a modulus of {len(modulus)} bytes for {bits} bits")
    return hash_name, "RSA", bits, modulus


def _ecc(reader: Reader) -> _Found:
    hash_name = _scheme(reader, ALG_ECDSA)
    number = reader.big(2, "curve of the key")
    if number not in CURVES:
        raise MalformedError("unsupported.algorithm", f"curve {number:#06x}")
    if reader.big(2, "key derivation of the key") != ALG_NULL:
        raise MalformedError("tpm.public", "a signing key has no key derivation")
    name, size = CURVES[number]
    x, y = sized(reader, "x"), sized(reader, "y")
    if max(len(x), len(y)) > size:
        raise MalformedError("tpm.public", f"coordinates of {len(x)} and {len(y)} bytes")
    unique = x.rjust(size, b"\0") + y.rjust(size, b"\0")
    return hash_name, cast("Literal['P-256', 'P-384']", name), 0, unique
