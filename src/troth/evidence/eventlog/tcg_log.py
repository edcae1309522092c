# SPDX-License-Identifier: Apache-2.0
"""A firmware log as a value, in columns, and one event of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import BANKS, bank_named
from troth.evidence.eventlog.columns import Extends
from troth.evidence.eventlog.examination import Data, Examination, Finding
from troth.evidence.eventlog.spec_id import SpecId
from troth.evidence.eventlog.tcg_check import data_of_event, separators
from troth.evidence.eventlog.tcg_types import type_name
from troth.evidence.eventlog.text import readable

__all__ = ["TcgEvent", "TcgLog"]

SHA1_EVENT: Final = struct.Struct("<II20sI")  # register, type, digest, size of the data
NO_REGISTER: Final = 0xFFFFFFFF
STARTUP_LOCALITY: Final = b"StartupLocality\0"


class TcgEvent(NamedTuple):
    """One event: what a log holds of it, and what a builder needs.

    Attributes:
        register: PCR, or MR index in a CC log.
        type: a key of `EVENT_TYPES`, or a number that is none.
        digests: bank to digest.
        data: the event's data, which the digest may or may not be of.
    """

    register: int
    type: int
    digests: dict[str, bytes]
    data: bytes

    @classmethod
    def of_data(
        cls, register: int, kind: int, data: bytes, banks: Iterable[str] = ("sha384",)
    ) -> TcgEvent:
        """Return an event whose digests are of its data."""
        digests = {name: bytes(BANKS[name].new(data).digest()) for name in banks}
        return cls(register, kind, digests, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcgLog:
    """A parsed firmware log, in columns; entry 0 is the first event behind the header.

    Attributes:
        kind: `tpm` or `ccel`.
        header: the specification id; None in the SHA-1 form.
        registers: as the log has them.
        types: of the events. No register holds them: whoever wrote the log chose them.
        extended: `registers`, with `UNEXTENDED` for events that extend nothing.
        columns: bank to digests; algorithms that cannot be computed here are left out.
        spans: where in `data` each event's data begins and ends.
        start: bank to PCR 0's value before the first event, where not zero.
        size: number of bytes up to the padding.
        data: all bytes that were parsed.
    """

    kind: str
    header: SpecId | None
    registers: list[int]
    types: list[int]
    extended: list[int]
    columns: dict[str, list[bytes]]
    spans: list[tuple[int, int]]
    start: dict[str, bytes]
    size: int
    data: bytes

    def __len__(self) -> int:
        return len(self.types)

    def __iter__(self) -> Iterator[TcgEvent]:
        return (self.event(index) for index in range(len(self)))

    @property
    def banks(self) -> tuple[str, ...]:
        """The banks that the log has digests of, in its order."""
        return tuple(self.columns)

    def extends(self, bank: str) -> Extends:
        """Return what was extended in `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        if bank not in self.columns:
            held = ", ".join(self.columns) or "none that can be computed"
            raise MalformedError("eventlog.bank", f"{bank}; the log has {held}")
        start = {0: self.start[bank]} if bank in self.start else {}
        return Extends(bank, self.extended, self.columns[bank], start)

    def event(self, index: int) -> TcgEvent:
        """Return one event as a value of its own."""
        digests = {name: column[index] for name, column in self.columns.items()}
        return TcgEvent(self.registers[index], self.types[index], digests, self.content(index))

    def content(self, index: int) -> bytes:
        """Return the data of one event."""
        begin, end = self.spans[index]
        return self.data[begin:end]

    def examine(self, bank: str) -> Examination:
        """Return how each event's data stands to its digest of `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        digests = self.extends(bank).digests
        digest_of = bank_named(bank).digest
        contents = [self.data[begin:end] for begin, end in self.spans]
        status = [
            data_of_event(kind, digest, content, digest_of)
            for kind, digest, content in zip(self.types, digests, contents, strict=True)
        ]
        wrong = [index for index, one in enumerate(status) if one is Data.DIFFERS]
        findings = [
            Finding(index, "data-differs", f"{type_name(self.types[index])}") for index in wrong
        ]
        findings += separators(self.registers, self.types, contents, self.kind)
        recomputed = {index: digest_of(contents[index]) for index in wrong}
        return Examination(status, findings, recomputed)

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one event for people: its type, and its data as far as it is text."""
        return {"type": type_name(self.types[index]), "content": readable(self.content(index))}
