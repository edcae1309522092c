# SPDX-License-Identifier: Apache-2.0
"""The root register of a boot, where a TPM keeps it (BINDING 4.6)."""

from __future__ import annotations

import hashlib
from typing import Final

from troth.evidence.binding import RootStatement
from troth.evidence.binding.labels import root_event
from troth.evidence.tpm.layout import BANK_NUMBERS, BANKS

__all__ = ["ROOT_REGISTERS", "root_register"]

# Those that nothing short of a reset of the machine resets: 16 and 23 are anybody's, 17 to 22 a
# measured launch's (PC Client Platform TPM profile, 4.6.2).
ROOT_REGISTERS: Final = range(16)
_HASHED: Final = frozenset({"sha256", "sha384", "sha512"})


def root_register(root: RootStatement, before: bytes, bank: str) -> bytes:
    """Return a PCR's value behind the root step: A(before ‖ A(label ‖ 0 ‖ root statement)).

    Args:
        root: the root statement.
        before: the register's value before, of the bank's size; all zero unless policy says
            otherwise.
        bank: `sha256`, `sha384` or `sha512`; `A` is its hash.

    Raises:
        ValueError: another bank, or a value of another size. Both come from policy, never from a
            peer.
    """
    if bank not in _HASHED or len(before) != BANKS[BANK_NUMBERS[bank]][1]:
        message = f"{len(before)} bytes are no value of a register in bank {bank!r}"
        raise ValueError(message)
    event = hashlib.new(bank, root_event(root.encoded)).digest()
    return hashlib.new(bank, before + event).digest()
