# SPDX-License-Identifier: Apache-2.0
"""COSE_Sign1 as silicon vendors write their tokens (RFC 9052 §4.2), with empty external data.

Our own structures have one form (`troth.crypto.cose`); a vendor's may differ in encoding, algorithm
and headers. What must hold of every one: tag 18, the algorithm in the protected header and nowhere
else, no `crit` in either header, no label in both. The signature is checked over the protected
header's bytes as they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from troth.crypto.signing_key import SigningKey
from troth.crypto.verifying_key import CURVES, VerifyingKey
from troth.errors import MalformedError
from troth.wire import cbor

__all__ = ["SIGN1_TAG", "TokenSign1"]

SIGN1_TAG: Final = 18
_HEADER_MAX_BYTES: Final = 1024
_ALG, _CRIT, _CONTENT_TYPE, _KID = 1, 2, 3, 4  # header labels, RFC 9052 §3.1
_PROTECTED: Final = frozenset({_ALG, _CONTENT_TYPE, _KID})
_ALGORITHMS: Final = frozenset(number for one in CURVES.values() for number in one.algorithms)


@dataclass(frozen=True, slots=True)
class TokenSign1:
    """A signed payload that nobody has verified yet.

    Attributes:
        protected: the protected header's bytes as they came.
        algorithm: COSE number of the signature's algorithm.
        key_id: what the protected header calls the key, if it does.
        payload: what is signed.
        signature: r‖s, or the 64 bytes of Ed25519.
    """

    protected: bytes
    algorithm: int
    key_id: bytes | None
    payload: bytes
    signature: bytes

    @classmethod
    def of(cls, value: object) -> Self:
        """Read a decoded COSE_Sign1.

        Raises:
            MalformedError: `cose.form`, not tag 18 around an array of four; `cose.header`;
                `unsupported.algorithm`; a code of `troth.wire.cbor.decode_foreign` for the
                protected header.
        """
        if not isinstance(value, cbor.Tag) or value.tag != SIGN1_TAG:
            raise MalformedError("cose.form", "not tag 18, COSE_Sign1")
        match value.value:
            case [bytes() as protected, dict() as unprotected, bytes() as payload, bytes() as end]:
                return cls(protected, *_header(protected, unprotected), payload, end)
            case _:
                raise MalformedError("cose.form", "not an array of four, of the types that are due")

    @classmethod
    def sign(
        cls,
        key: SigningKey,
        payload: bytes,
        *,
        key_id: bytes | None = None,
        protected: bytes | None = None,
    ) -> Self:
        """Sign `payload`.

        Args:
            key: what signs.
            payload: what is signed.
            key_id: what the protected header calls the key; None to not call it anything.
            protected: another protected header than that of algorithm and key.
        """
        members: dict[int, object] = {_ALG: key.algorithm}
        if key_id is not None:
            members[_KID] = key_id
        header = cbor.encode(members) if protected is None else protected
        return cls(header, key.algorithm, key_id, payload, key.sign(_signed(header, payload)))

    def value(self) -> cbor.Tag:
        """Return what `wire.cbor` encodes as this token, its unprotected header empty."""
        return cbor.Tag(SIGN1_TAG, [self.protected, {}, self.payload, self.signature])

    def verify(self, key: VerifyingKey, code: str) -> None:
        """Return if `key` signed the payload.

        Raises:
            UntrustedError: `cose.algorithm` or `code`.
        """
        message = _signed(self.protected, self.payload)
        key.verify(self.algorithm, self.signature, message, code)


def _signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 §4.4)."""
    return cbor.encode(["Signature1", protected, b"", payload])


def _header(protected: bytes, unprotected: dict[Any, Any]) -> tuple[int, bytes | None]:
    """Return algorithm and key identifier."""
    header = cbor.decode_foreign(protected, max_bytes=_HEADER_MAX_BYTES, max_depth=4)
    if type(header) is not dict or not header.keys() <= _PROTECTED:
        raise MalformedError("cose.header", "a protected header with unknown members")
    algorithm = header.get(_ALG)
    if type(algorithm) is not int:
        raise MalformedError("cose.header", "no algorithm in the protected header")
    key_id = header.get(_KID)
    if key_id is not None and type(key_id) is not bytes:
        raise MalformedError("cose.header", "a key identifier that is not bytes")
    if _CRIT in unprotected:  # in the protected header it is an unknown member
        raise MalformedError("cose.header", "a critical header, and outside of the protected one")
    if header.keys() & unprotected.keys():
        raise MalformedError("cose.header", "a label that is due in the protected header alone")
    if algorithm not in _ALGORITHMS:
        raise MalformedError("unsupported.algorithm", f"COSE algorithm {algorithm}")
    return algorithm, key_id
