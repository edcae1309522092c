# SPDX-License-Identifier: Apache-2.0
"""Canonical event logs as values: records from different writers, in one list.

Source: TCG Canonical Event Log Format 1.0. Its registers are PCRs and NV indexes; container
launchers write TDs' MR indexes by the same scheme, with a type of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from troth.errors import MalformedError
from troth.evidence.banks import PCR_COUNT
from troth.evidence.eventlog.banks import ALGORITHMS, bank_named
from troth.evidence.eventlog.columns import LOG_MAX_ENTRIES, UNEXTENDED, Extends
from troth.evidence.eventlog.examination import Data, Examination, Finding
from troth.evidence.eventlog.mapping import CC_REGISTER_COUNT
from troth.evidence.eventlog.tcg_check import data_of_event
from troth.evidence.eventlog.tcg_types import EV_NO_ACTION, type_name
from troth.evidence.eventlog.text import readable

__all__ = ["CelContent", "CelLog", "CelRegister"]

_SPACES: Final = {"pcr": (0, PCR_COUNT), "cc": (1, CC_REGISTER_COUNT), "nv": (0, 1 << 32)}


class CelRegister(NamedTuple):
    """Where a record was extended: `pcr`, `cc` (an MR index) or `nv`, and the number there."""

    space: str
    number: int


class CelContent(NamedTuple):
    """What a record is about.

    Attributes:
        kind: `pcclient_std`, `ima_template`, `cel`, `ima_tlv`, `systemd`, `cos`, or what else the
            record calls it.
        data: what is shown, and, for firmware's events, judged by the type.
        event_type: of a firmware's event.
        measured: what the digest is of, where the format says so.
    """

    kind: str
    data: bytes
    event_type: int | None = None
    measured: bytes | None = None


@dataclass(slots=True)
class CelLog:
    """A log, in columns; readers fill it, and nobody changes it afterwards.

    Attributes:
        spaces: the kinds of register that occur; NV indexes are not replayed.
        registers: numbers, or `UNEXTENDED`.
        columns: bank to digests.
        contents: of each record.
    """

    spaces: set[str] = field(default_factory=set)
    registers: list[int] = field(default_factory=list)
    columns: dict[str, list[bytes]] = field(default_factory=dict)
    contents: list[CelContent] = field(default_factory=list)
    _algorithms: frozenset[int] = frozenset()
    _last: dict[CelRegister, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`cel`."""
        return "cel"

    @property
    def banks(self) -> tuple[str, ...]:
        """The banks that the log has digests of, in its order."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(self.contents)

    def add(
        self, number: int, register: CelRegister, digests: dict[int, bytes], content: CelContent
    ) -> None:
        """Append a record.

        Args:
            number: its own; it must be higher than the register's last one.
            register: where it was extended.
            digests: TPM_ALG_ID to digest; the same algorithms in all records.
            content: what it is about.

        Raises:
            MalformedError: `eventlog.cel-order`, `eventlog.register`, `eventlog.algorithm`,
                `eventlog.cel` or `wire.too-large`.
        """
        index = len(self)
        if number <= self._last.get(register, -1):
            raise MalformedError("eventlog.cel-order", f"record {index} has the number {number}")
        least, behind = _SPACES[register.space]
        if not least <= register.number < behind:
            raise MalformedError("eventlog.register", f"record {index}: {register.number}")
        self.spaces.add(register.space)
        if {"pcr", "cc"} <= self.spaces:
            raise MalformedError("eventlog.cel", "PCRs and MR indexes in one log")
        if index == LOG_MAX_ENTRIES:
            raise MalformedError("wire.too-large", f"more than {LOG_MAX_ENTRIES} records")
        self._add_digests(index, digests)
        self._last[register] = number
        is_replayed = register.space != "nv" and content.event_type != EV_NO_ACTION
        self.registers.append(register.number if is_replayed else UNEXTENDED)
        self.contents.append(content)

    def extends(self, bank: str) -> Extends:
        """Return what was extended in `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        if bank not in self.columns:
            held = ", ".join(self.columns) or "none that can be computed"
            raise MalformedError("eventlog.bank", f"{bank}; the log has {held}")
        return Extends(bank, self.registers, self.columns[bank], {})

    def examine(self, bank: str) -> Examination:
        """Return how each record's content stands to its digest of `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        digests = self.extends(bank).digests
        digest_of = bank_named(bank).digest
        status: list[Data] = []
        recomputed: dict[int, bytes] = {}
        for index, (content, digest) in enumerate(zip(self.contents, digests, strict=True)):
            if content.event_type is not None:
                one = data_of_event(content.event_type, digest, content.data, digest_of)
                due = content.data
            elif content.measured is not None:
                due = content.measured
                one = Data.MEASURED if digest_of(due) == digest else Data.DIFFERS
            else:
                one, due = Data.UNPROVEN, b""
            status.append(one)
            if one is Data.DIFFERS:
                recomputed[index] = digest_of(due)
        findings = [
            Finding(index, "data-differs", self.contents[index].kind) for index in recomputed
        ]
        return Examination(status, findings, recomputed)

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one record for people."""
        content = self.contents[index]
        kind = content.kind if content.event_type is None else type_name(content.event_type)
        return {"type": kind, "content": readable(content.data)}

    def _add_digests(self, index: int, digests: dict[int, bytes]) -> None:
        if not index:
            self._algorithms = frozenset(digests)
            self.columns = {ALGORITHMS[one].name: [] for one in digests if one in ALGORITHMS}
        if not digests or self._algorithms != digests.keys():
            raise MalformedError(
                "eventlog.algorithm", f"record {index} has not the first's digests"
            )
        for algorithm, digest in digests.items():
            known = ALGORITHMS.get(algorithm)
            if known is None:
                continue
            if len(digest) != known.size:
                raise MalformedError(
                    "eventlog.algorithm", f"record {index}: {known.name} of {len(digest)} bytes"
                )
            self.columns[known.name].append(digest)
