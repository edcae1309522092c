# SPDX-License-Identifier: Apache-2.0
"""COSE_Sign1 in the one form that we use (BINDING 4.3, RFC 9052 §4.2).

Tag 18, protected header exactly `a10128` (ESP256), unprotected header empty, payload inside, 64
bytes r‖s. What a signature is for stands in `external_aad`, so one made over an epoch is none over
a statement. (r, s) and (r, n - s) both verify: a signature is never an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import P256_SIGNATURE_BYTES, PrivateKey
from troth.errors import MalformedError
from troth.wire import cbor

__all__ = ["COSE_SIGN1_TAG", "Sign1", "signed_bytes"]

COSE_SIGN1_TAG: Final = 18
_PROTECTED: Final = bytes.fromhex("a10128")  # {1: -9}
_TAGS: Final = frozenset({COSE_SIGN1_TAG})


def signed_bytes(payload: bytes, aad: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 §4.4): the bytes that a signature is made over.

    Args:
        payload: what is signed.
        aad: the label of the use, `external_aad`.
    """
    return cbor.encode(["Signature1", _PROTECTED, aad, payload])


@dataclass(frozen=True, slots=True)
class Sign1:
    """A payload and a signature, which nobody has verified yet.

    Attributes:
        payload: the bytes inside.
        signature: r‖s, 64 bytes.
    """

    payload: bytes
    signature: bytes

    @classmethod
    def sign(cls, key: PrivateKey, payload: bytes, aad: bytes) -> Self:
        """Sign `payload` for the use that `aad` names."""
        return cls(payload, key.sign(signed_bytes(payload, aad)))

    @classmethod
    def parse(cls, data: bytes, *, max_bytes: int) -> Self:
        """Read a tagged COSE_Sign1.

        Raises:
            MalformedError: a code of `troth.wire.cbor.decode`, or `cose.form`.
        """
        value = cbor.decode(data, max_bytes=max_bytes, tags=_TAGS)
        if not isinstance(value, cbor.Tag) or type(value.value) is not list:
            raise MalformedError("cose.form", "not a tagged array")
        match value.value:
            case [protected, unprotected, payload, signature]:
                pass
            case _:
                raise MalformedError("cose.form", "not an array of four")
        if protected != _PROTECTED or unprotected != {} or type(payload) is not bytes:
            raise MalformedError("cose.form", "a header is not the one that is due")
        if type(signature) is not bytes or len(signature) != P256_SIGNATURE_BYTES:
            raise MalformedError("cose.form", "the signature is not 64 bytes")
        return cls(payload, signature)

    def build(self) -> bytes:
        """Return the bytes; `parse` accepts no others for the same values."""
        parts = [_PROTECTED, {}, self.payload, self.signature]
        return cbor.encode(cbor.Tag(COSE_SIGN1_TAG, parts))

    def verify(self, key: CoseKey, aad: bytes, code: str) -> None:
        """Return if `key` signed the payload for the use that `aad` names.

        Raises:
            UntrustedError: `code`, it did not.
        """
        key.verifier.verify(self.signature, signed_bytes(self.payload, aad), code)
