# SPDX-License-Identifier: Apache-2.0
"""Taking claims out of a map: each is there, of the type that is due, and of a size that is due."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from troth.errors import MalformedError
from troth.evidence.cca.layout import HASHES, TOKEN_MAX_BYTES
from troth.wire import cbor

__all__ = ["Claims"]

_MAX_TEXT: Final = 1024  # characters; ours: the longest text seen is a URL of 58


class Claims:
    """A map of claims while it is read; what nobody takes out is left in `others`."""

    __slots__ = ("_values", "_what")

    def __init__(self, value: object, what: str) -> None:
        """Take a decoded map; `what` names it in errors.

        Raises:
            MalformedError: `cca.claim`, not a map.
        """
        if type(value) is not dict:
            raise MalformedError("cca.claim", f"{what}: not a map")
        self._values: dict[object, Any] = dict(value)
        self._what = what

    @classmethod
    def parse(cls, data: bytes, what: str) -> Claims:
        """Read a map of claims, which is all of `data`.

        Raises:
            MalformedError: `cbor.*`, `cca.claim`.
        """
        return cls(cbor.decode_foreign(data, max_bytes=TOKEN_MAX_BYTES), what)

    @property
    def others(self) -> tuple[str, ...]:
        """The labels that were not taken out: claims that have no meaning here, sorted."""
        return tuple(sorted(str(label) for label in self._values))

    def has(self, label: int) -> bool:
        """Say whether a claim is there."""
        return label in self._values

    def raw(self, label: int, name: str, sizes: Collection[int] | None = None) -> bytes:
        """Return a byte string, of one of `sizes` where they are given.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`.
        """
        value = self._take(label, name)
        return self._sized(value, name, sizes)

    def raw_list(self, label: int, name: str, count: int, sizes: Collection[int]) -> list[bytes]:
        """Return an array of exactly `count` byte strings.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`.
        """
        value = self._take(label, name)
        if type(value) is not list or len(value) != count:
            raise MalformedError("cca.claim", f"{self._what}: {name} is not an array of {count}")
        return [self._sized(one, name, sizes) for one in value]

    def maps(self, label: int, name: str, most: int) -> list[Claims]:
        """Return an array of 1 to `most` maps.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`.
        """
        value = self._take(label, name)
        if type(value) is not list or not 0 < len(value) <= most:
            raise MalformedError("cca.claim", f"{self._what}: {name} is not 1 to {most} members")
        return [Claims(one, f"{self._what}: {name}[{n}]") for n, one in enumerate(value)]

    def text(self, label: int, name: str) -> str:
        """Return a text of at most 1,024 characters.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`.
        """
        value = self._take(label, name)
        if type(value) is not str or len(value) > _MAX_TEXT:
            raise MalformedError("cca.claim", f"{self._what}: {name} is not a text, or a long one")
        return value

    def optional_text(self, label: int, name: str) -> str | None:
        """Return a text, or None where there is none.

        Raises:
            MalformedError: `cca.claim`.
        """
        return self.text(label, name) if self.has(label) else None

    def hash_algorithm(self, label: int, name: str) -> str:
        """Return the name of a hash algorithm that is known here.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`, `unsupported.algorithm`.
        """
        value = self.text(label, name)
        if value not in HASHES:
            raise MalformedError("unsupported.algorithm", f"{self._what}: {name} {value!r}")
        return value

    def number(self, label: int, name: str, most: int) -> int:
        """Return an integer from 0 to `most`.

        Raises:
            MalformedError: `cca.claim-missing`, `cca.claim`.
        """
        value = self._take(label, name)
        if type(value) is not int or not 0 <= value <= most:
            raise MalformedError("cca.claim", f"{self._what}: {name} is not from 0 to {most}")
        return value

    def _take(self, label: int, name: str) -> object:
        if label not in self._values:
            raise MalformedError("cca.claim-missing", f"{self._what}: {name} ({label})")
        taken: object = self._values.pop(label)
        return taken

    def _sized(self, value: object, name: str, sizes: Collection[int] | None) -> bytes:
        if type(value) is not bytes:
            raise MalformedError("cca.claim", f"{self._what}: {name} is not a byte string")
        if sizes is not None and len(value) not in sizes:
            due = ", ".join(str(one) for one in sizes)
            raise MalformedError(
                "cca.claim", f"{self._what}: {name} has {len(value)} bytes, not {due}"
            )
        return value
