# SPDX-License-Identifier: Apache-2.0
"""The attestation agent's own log (CoCo AAEL) in its text form.

    INIT sha384/0000…              the register's value when the agent began
    domain operation content       one event a line

The digest of an event is the digest of its line without the line feed, and so is that of the first
line, which is extended too. Where the agent appends to a CC log instead, its events are records
of that log, of type EV_EVENT_TAG.

Source: confidential-containers, guest-components: specification "Attestation Agent Event Log".
The specification spells the first line `INIT/sha384 0000…`, its implementations as above; both
are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import bank_named
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES, Extends
from troth.evidence.eventlog.examination import Data, Examination, Finding

__all__ = ["AAEL_DEFAULT_REGISTER", "AaelLog", "parse_aael"]

AAEL_DEFAULT_REGISTER: Final = 17
"""The PCR that the agent extends unless it is configured otherwise."""

_INIT: Final = re.compile(
    r"INIT(?: (?P<a>sha\d{3})/(?P<b>[0-9a-f]+)|/(?P<c>sha\d{3}) (?P<d>[0-9a-f]+))", re.ASCII
)
_EVENT: Final = re.compile(r"[^\s]+ [^\s]+ .+")


@dataclass(frozen=True, slots=True)
class AaelLog:
    """A parsed log; entry 0 is the first line.

    Attributes:
        bank: the algorithm of the first line, the only one that it can be replayed in.
        initial: the register's value before the first line.
        lines: without their line feeds.
        register: which register the agent extends, which the log does not say.
    """

    bank: str
    initial: bytes
    lines: tuple[str, ...]
    register: int = AAEL_DEFAULT_REGISTER

    @property
    def kind(self) -> str:
        """`aael`."""
        return "aael"

    @property
    def banks(self) -> tuple[str, ...]:
        """The one bank."""
        return (self.bank,)

    def __len__(self) -> int:
        return len(self.lines)

    def extends(self, bank: str) -> Extends:
        """Return what was extended.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        if bank != self.bank:
            raise MalformedError("eventlog.bank", f"{bank}; the log has {self.bank}")
        digest = bank_named(bank).digest
        digests = [digest(line.encode()) for line in self.lines]
        return Extends(bank, [self.register] * len(self), digests, {self.register: self.initial})

    def examine(self, bank: str) -> Examination:
        """Return that all data is measured: digests are not in the log, but made from it.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        self.extends(bank)
        findings = []
        if any(self.initial):
            said = "the register was extended before the log began, and the log does not say how"
            findings.append(Finding(None, "starts-elsewhere", said))
        return Examination([Data.MEASURED] * len(self), findings, {})

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one line for people."""
        name, _, content = self.lines[index].partition(" ")
        return {"type": name, "content": content}


def parse_aael(data: bytes, *, register: int = AAEL_DEFAULT_REGISTER) -> AaelLog:
    """Return an agent's log in its text form.

    Args:
        data: UTF-8, lines ended by a line feed; at the last one it may be missing.
        register: which register the agent extends.

    Raises:
        MalformedError: `wire.too-large`, `eventlog.header`, `eventlog.aael` or `eventlog.bank`.
    """
    if len(data) > LOG_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{len(data)} bytes, {LOG_MAX_BYTES} allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("eventlog.aael", str(error)) from None
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > LOG_MAX_ENTRIES:
        raise MalformedError("wire.too-large", f"{len(lines)} lines, {LOG_MAX_ENTRIES} allowed")
    first = _INIT.fullmatch(lines[0])
    if first is None:
        raise MalformedError("eventlog.header", "the first line is not INIT algorithm/value")
    bank = bank_named(first["a"] or first["c"])
    value = first["b"] or first["d"]
    if len(value) != 2 * bank.size:
        raise MalformedError("eventlog.header", f"a value of {len(value)} digits for {bank.name}")
    for number, line in enumerate(lines[1:], 2):
        if not _EVENT.fullmatch(line) or not line.isprintable():
            raise MalformedError(
                "eventlog.aael", f"line {number} is not domain, operation, content"
            )
    return AaelLog(bank.name, bytes.fromhex(value), tuple(lines), register)
