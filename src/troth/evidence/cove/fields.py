# SPDX-License-Identifier: Apache-2.0
"""Reading claims: each of the type and size that is due, and no claim but those."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from troth.crypto.verifying_key import VerifyingKey, check_public_key
from troth.errors import MalformedError
from troth.evidence.cove.labels import TEXT_MAX, HashName

__all__ = ["Fields", "known_hash"]

_KEY_CLAIM: Final = "is not the bytes of a COSE_Key"


class Fields:
    """The members of one map while they are read."""

    __slots__ = ("_value", "_where")

    def __init__(
        self, value: object, where: str, *, due: frozenset[int], may: frozenset[int] = frozenset()
    ) -> None:
        """Take a map that has all of `due`, and besides them at most those of `may`.

        Raises:
            MalformedError: `cove.claims`.
        """
        if type(value) is not dict:
            raise MalformedError("cove.claims", f"{where} is not a map")
        self._value: Mapping[Any, Any] = value
        self._where = where
        for label in sorted(due - value.keys()):
            raise self._wrong(label, "is missing")
        if unknown := value.keys() - due - may:
            raise MalformedError("cove.claims", f"{where}: unknown are {sorted(map(str, unknown))}")

    def number(self, label: IntEnum, most: int) -> int:
        """Return a member that is a number from 0 to `most`."""
        value = self._value[label]
        if type(value) is not int or not 0 <= value <= most:
            raise self._wrong(label, f"is not a number up to {most}")
        return value

    def text(self, label: IntEnum) -> str:
        """Return a member that is a short text, fit to be shown."""
        value = self._value[label]
        if type(value) is not str or not 0 < len(value) <= TEXT_MAX or not value.isprintable():
            raise self._wrong(label, f"is not 1 to {TEXT_MAX} printable characters")
        return value

    def data(self, label: IntEnum, size: int) -> bytes:
        """Return a member that is a byte string of `size`."""
        value = self._value[label]
        if type(value) is not bytes or len(value) != size:
            raise self._wrong(label, f"is not {size} bytes")
        return value

    def optional_data(self, label: IntEnum, size: int) -> bytes | None:
        """Return `data`, or None where the member is not there."""
        return self.data(label, size) if label in self._value else None

    def digest(self, label: IntEnum, algorithm: HashName) -> bytes:
        """Return a member that is a digest of `algorithm`.

        Raises:
            MalformedError: `cove.claims`, no byte string; `cove.digest-size`, of another size.
        """
        value = self._value[label]
        if type(value) is not bytes:
            raise self._wrong(label, "is not a byte string")
        if len(value) != algorithm.size:
            raise MalformedError(
                "cove.digest-size", f"{self._where}: {len(value)} bytes for {algorithm}"
            )
        return value

    def optional_digest(self, label: IntEnum, algorithm: HashName) -> bytes | None:
        """Return `digest`, or None where the member is not there."""
        return self.digest(label, algorithm) if label in self._value else None

    def items(self, label: IntEnum, count: range) -> list[object]:
        """Return a member that is an array of as many items as `count` has.

        Raises:
            MalformedError: `cove.claims`, no array; `cove.count`, too few or too many.
        """
        value = self._value[label]
        if type(value) is not list:
            raise self._wrong(label, "is not an array")
        if len(value) not in count:
            raise MalformedError(
                "cove.count", f"{self._where}: {len(value)} for {count[0]} to {count[-1]}"
            )
        return value

    def optional_items(self, label: IntEnum, count: range) -> list[object]:
        """Return `items`, or nothing where the member is not there."""
        return self.items(label, count) if label in self._value else []

    def signing_key(self, label: IntEnum) -> VerifyingKey:
        """Return a member that is the encoded COSE_Key of a key that signs the next layer.

        Raises:
            MalformedError: `cove.claims`, or as `VerifyingKey.from_cose`.
        """
        return VerifyingKey.from_cose(self._encoded_key(label))

    def public_key(self, label: IntEnum) -> bytes:
        """Return the bytes of a member that is an encoded COSE_Key of any use.

        Raises:
            MalformedError: `cove.claims`, or as `VerifyingKey.from_cose`.
        """
        data = self._encoded_key(label)
        check_public_key(data)
        return data

    def _encoded_key(self, label: IntEnum) -> bytes:
        value = self._value[label]
        if type(value) is not bytes:
            raise self._wrong(label, _KEY_CLAIM)
        return value

    def _wrong(self, label: int, what: str) -> MalformedError:
        return MalformedError("cove.claims", f"{self._where}: {int(label)} {what}")


def known_hash(name: str) -> HashName:
    """Return the hash of a name.

    Raises:
        MalformedError: `unsupported.algorithm`.
    """
    try:
        return HashName(name)
    except ValueError:
        raise MalformedError("unsupported.algorithm", f"hash {name!r}") from None
