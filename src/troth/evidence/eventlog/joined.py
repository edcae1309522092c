# SPDX-License-Identifier: Apache-2.0
"""Two logs of one boot as one: firmware's, and a kernel's or an agent's that goes on behind it.

A TD's RTMR2 holds what the boot loaders extended and behind it, where a kernel is set so, its IMA
list: neither log leads to the register alone. The writer of the second log began when that of the
first had ended; entries behind a match are no evidence, as in any log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from troth.errors import UntrustedError, UsageError
from troth.evidence.eventlog.columns import UNEXTENDED, Extends, Log
from troth.evidence.eventlog.examination import Examination
from troth.evidence.eventlog.mapping import RegisterMap
from troth.evidence.eventlog.replay import replay, start_of

__all__ = ["JoinedLog", "join"]


@dataclass(frozen=True, slots=True)
class JoinedLog:
    """A log and its continuation; entries of the second count on from those of the first.

    Attributes:
        first: the log that the registers began with.
        second: the one that goes on.
        mapping: that of the first, and so of the whole.
        numbers: from the second log's register numbers to the first's.
    """

    first: Log
    second: Log
    mapping: RegisterMap
    numbers: Mapping[int, int]

    @property
    def kind(self) -> str:
        """Both kinds, `ccel+ima` for one."""
        return f"{self.first.kind}+{self.second.kind}"

    @property
    def banks(self) -> tuple[str, ...]:
        """The banks of both, in the first log's order."""
        return tuple(one for one in self.first.banks if one in self.second.banks)

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def extends(self, bank: str) -> Extends:
        """Return what both extended in `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
            UntrustedError: `eventlog.wrong`, the second log says what a register held when it
                began, and that is not where the first one ends.
        """
        first, second = self.first.extends(bank), self.second.extends(bank)
        self._check_start(first, second)
        registers = [self.numbers.get(one, UNEXTENDED) for one in second.registers]
        return Extends(
            bank, [*first.registers, *registers], [*first.digests, *second.digests], first.start
        )

    def examine(self, bank: str) -> Examination:
        """Return how each entry's data stands to its digest, of both logs.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        first, second = self.first.examine(bank), self.second.examine(bank)
        count = len(self.first)
        later = [
            one if one.index is None else replace(one, index=one.index + count)
            for one in second.findings
        ]
        recomputed = {index + count: digest for index, digest in second.recomputed.items()}
        return Examination(
            [*first.data, *second.data],
            [*first.findings, *later],
            {**first.recomputed, **recomputed},
        )

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one entry for people."""
        count = len(self.first)
        return self.first.describe(index) if index < count else self.second.describe(index - count)

    def _check_start(self, first: Extends, second: Extends) -> None:
        ends = replay(first, self.mapping) if second.start else {}
        for number, value in second.start.items():
            if number not in self.numbers:
                continue
            register = self.mapping.targets[self.numbers[number]]
            due = ends.get(register, start_of(first, self.mapping, register))
            if value != due:
                said = f"{register}: the second log begins at {value.hex()}, the first ends at"
                raise UntrustedError("eventlog.wrong", f"{said} {due.hex()}")


def join(first: Log, second: Log, mapping: RegisterMap, continued: RegisterMap) -> JoinedLog:
    """Return two logs as one.

    Args:
        first: the log that the registers began with.
        second: the one that goes on, in one of its registers or more.
        mapping: which number in the first log is which register.
        continued: likewise of the second; entries for registers that `mapping` does not have are
            not replayed.

    Raises:
        UsageError: `usage.register`, the mappings have no register in common.
    """
    numbers = {
        number: mapping.targets.index(name)
        for number, name in enumerate(continued.targets)
        if name and name in mapping.targets
    }
    if not numbers:
        said = f"the mappings {mapping.name} and {continued.name} have no register in common"
        raise UsageError("usage.register", said)
    return JoinedLog(first, second, mapping, numbers)
