# SPDX-License-Identifier: Apache-2.0
"""TPMT_SIGNATURE: RSASSA or ECDSA, with SHA-256 or SHA-384 (part 2, 11.3.4)."""

from __future__ import annotations

from typing import Final, Literal, Self

import msgspec

from troth.crypto.tpm_key import HashName
from troth.errors import MalformedError
from troth.evidence.tpm.attest import sized, with_size
from troth.evidence.tpm.layout import (
    ALG_ECDSA,
    ALG_RSASSA,
    BANK_NUMBERS,
    SIGNATURE_MAX_BYTES,
)
from troth.wire.reader import Reader

__all__ = ["TpmSignature"]

_SCHEMES: Final[dict[int, Literal["RSASSA", "ECDSA"]]] = {
    ALG_RSASSA: "RSASSA",
    ALG_ECDSA: "ECDSA",
}
_HASHES: Final[dict[int, HashName]] = {0x000B: "sha256", 0x000C: "sha384"}
_COORDINATE_MOST: Final = 48  # of P-384, the largest curve here
_RSA_MOST: Final = 512  # of 4,096 bits


class TpmSignature(msgspec.Struct, frozen=True):
    """A signature.

    Attributes:
        scheme: how it was made.
        hash_name: what the message was digested with.
        value: of RSASSA as it is; of ECDSA r‖s, both of one size.
    """

    scheme: Literal["RSASSA", "ECDSA"]
    hash_name: HashName
    value: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a signature, which is all of `data`.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`; `unsupported.algorithm`, another
                scheme or hash; `tpm.size`, larger than any key's; `tpm.trailing`.
        """
        if len(data) > SIGNATURE_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {SIGNATURE_MAX_BYTES} bytes")
        reader = Reader(data)
        number = reader.big(2, "signature scheme")
        scheme = _SCHEMES.get(number)
        if scheme is None:
            raise MalformedError("unsupported.algorithm", f"signature scheme {number:#06x}")
        number = reader.big(2, "hash of the signature")
        hash_name = _HASHES.get(number)
        if hash_name is None:
            raise MalformedError("unsupported.algorithm", f"a signature with hash {number:#06x}")
        value = _rsa(reader) if scheme == "RSASSA" else _ecdsa(reader)
        reader.finish("tpm.trailing", "the signature")
        return cls(scheme, hash_name, value)

    def build(self) -> bytes:
        """Return the TPMT_SIGNATURE."""
        numbers = {name: number for number, name in _SCHEMES.items()}
        head = numbers[self.scheme].to_bytes(2, "big")
        head += BANK_NUMBERS[self.hash_name].to_bytes(2, "big")
        if self.scheme == "RSASSA":
            return head + with_size(self.value)
        half = len(self.value) // 2
        return head + with_size(self.value[:half]) + with_size(self.value[half:])


def _rsa(reader: Reader) -> bytes:
    value = sized(reader, "signature")
    if len(value) > _RSA_MOST:
        raise MalformedError("tpm.size", f"a signature of {len(value)} bytes")
    return value


def _ecdsa(reader: Reader) -> bytes:
    """Return r‖s, both padded to the longer of the two: a TPM may leave leading zeros out."""
    r, s = sized(reader, "r"), sized(reader, "s")
    size = max(len(r), len(s))
    if size > _COORDINATE_MOST:
        raise MalformedError("tpm.size", f"a signature of {len(r)} and {len(s)} bytes")
    return r.rjust(size, b"\0") + s.rjust(size, b"\0")
