# SPDX-License-Identifier: Apache-2.0
"""What every kind of log comes down to: which digest went into which register, in order.

A log of 20,000 entries is kept as columns, a list for each field, and not as 20,000 objects: the
replay then costs little more than its hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from troth.evidence.eventlog.examination import Examination

__all__ = ["LOG_MAX_BYTES", "LOG_MAX_ENTRIES", "UNEXTENDED", "Extends", "Log"]

LOG_MAX_BYTES: Final = 16 << 20  # a bundle, which carries logs, is no larger
LOG_MAX_ENTRIES: Final = 1 << 18

UNEXTENDED: Final = -1
"""Stands for a register where an entry extended none: nothing proves such an entry."""


class Extends(NamedTuple):
    """The extends of one bank: entry `i` put `digests[i]` into `registers[i]`.

    Attributes:
        bank: a name of `BANKS`.
        registers: numbers as the log has them, or `UNEXTENDED`.
        digests: of the bank's size; one for each register.
        start: the values that registers had before the first entry, where not zero.
    """

    bank: str
    registers: Sequence[int]
    digests: Sequence[bytes]
    start: Mapping[int, bytes]


class Log(Protocol):
    """A parsed log, of whatever kind. Claims, not facts, until a register agrees with them."""

    @property
    def kind(self) -> str:
        """`tpm`, `ccel`, `ima`, `cel` or `aael`; of a joined log two with a plus between."""

    @property
    def banks(self) -> tuple[str, ...]:
        """The banks that it can be replayed in."""

    def __len__(self) -> int: ...

    def extends(self, bank: str) -> Extends:
        """Return what was extended in `bank`.

        Raises:
            MalformedError: `eventlog.bank`, the log has no digests of that bank.
        """

    def examine(self, bank: str) -> Examination:
        """Return how each entry's data stands to its digest of `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one entry for people: `type`, `content`, and what else its kind has."""
