# SPDX-License-Identifier: Apache-2.0
"""Hash banks: a register exists once per algorithm, and a log has a digest for each of them.

Source: TCG Algorithm Registry, table "TPM_ALG_ID"; sizes in bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from troth.errors import MalformedError

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


BANKS: Final = {
    bank.name: bank
    for bank in (
        Bank("sha1", 0x0004, 20, hashlib.sha1),
        Bank("sha256", 0x000B, 32, hashlib.sha256),
        Bank("sha384", 0x000C, 48, hashlib.sha384),
        Bank("sha512", 0x000D, 64, hashlib.sha512),
    )
}
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
