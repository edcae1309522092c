# SPDX-License-Identifier: Apache-2.0
"""The banks that a log can be replayed in: it has a digest of each event for each of its banks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from troth.errors import MalformedError
from troth.evidence.banks import PCR_BANKS

__all__ = ["ALGORITHMS", "BANKS", "Bank", "bank_named", "bank_of_size"]


class Bank(NamedTuple):
    """One algorithm: its TPM_ALG_ID, its digest's size, and a function that begins a hash."""

    name: str
    algorithm: int
    size: int
    new: Callable[[bytes], Any]

    def digest(self, data: bytes) -> bytes:
        """Return the digest of `data`."""
        return bytes(self.new(data).digest())


_HASHES: Final = {
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
BANKS: Final = {one.name: Bank(*one, _HASHES[one.name]) for one in PCR_BANKS if one.name in _HASHES}
ALGORITHMS: Final = {bank.algorithm: bank for bank in BANKS.values()}
_SIZES: Final = {bank.size: bank for bank in BANKS.values()}


def bank_named(name: str) -> Bank:
    """Return the bank of that name.

    Raises:
        MalformedError: `eventlog.bank`, an algorithm that nothing here is replayed with.
    """
    if name not in BANKS:
        raise MalformedError("eventlog.bank", f"{name!r}; {', '.join(BANKS)} are")
    return BANKS[name]


def bank_of_size(size: int) -> Bank | None:
    """Return the bank whose digests have `size` bytes, or None: the sizes differ pairwise."""
    return _SIZES.get(size)
