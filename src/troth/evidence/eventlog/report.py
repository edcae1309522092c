# SPDX-License-Identifier: Apache-2.0
"""The whole answer about one log, as plain values for people and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from troth.errors import UsageError
from troth.evidence.eventlog.banks import bank_of_size
from troth.evidence.eventlog.columns import UNEXTENDED, Extends, Log
from troth.evidence.eventlog.examination import Examination
from troth.evidence.eventlog.joined import JoinedLog
from troth.evidence.eventlog.mapping import MAPPINGS, RegisterMap
from troth.evidence.eventlog.match import RegisterMatch, compare, first_difference, proven
from troth.evidence.eventlog.replay import replay

__all__ = [
    "Entry",
    "Note",
    "Register",
    "ReplayReport",
    "due_registers",
    "replay_report",
    "usual_mapping",
]

MATCHED: Final = "matched"
WRONG: Final = "wrong"
UNPROVEN: Final = "unproven"
NOT_COMPARED: Final = "not-compared"

FIRMWARE_RTMRS: Final = ("rtmr0", "rtmr1", "rtmr2")


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """One register.

    Attributes:
        register: its name.
        replayed: value after the log's last entry, in hex.
        entries: how many entries extend it.
        verdict: `matched`, `wrong` or `not-compared`.
        expected: the value given, in hex; None where none was.
        matched: how many of its entries lead to the value given.
        prefix: how many entries of the whole log do.
        behind: its entries behind the match, which are no evidence.
        parted_at: index of the entry at which log and register part, where that can be told.
        parted: what was found there.
    """

    register: str
    replayed: str
    entries: int
    verdict: str = NOT_COMPARED
    expected: str | None = None
    matched: int | None = None
    prefix: int | None = None
    behind: int | None = None
    parted_at: int | None = None
    parted: str | None = None


class Note(msgspec.Struct, frozen=True):
    """A finding; `index` is None where it is about the whole log."""

    index: int | None
    finding: str
    detail: str


class Entry(msgspec.Struct, frozen=True):
    """One entry.

    Attributes:
        index: from 0; a firmware log's header is none.
        register: that it extends; None for none.
        digest: what was extended, in hex.
        proven: whether a compared register proves the digest.
        data: how the data stands to the digest, a value of `Data`.
        described: `type` and `content`, which nothing proves unless `data` says so.
    """

    index: int
    register: str | None
    digest: str
    proven: bool
    data: str
    described: dict[str, int | str]


class ReplayReport(msgspec.Struct, frozen=True):
    """What became of a log.

    Attributes:
        verdict: `matched`, every register that was given; `wrong`; `unproven`, they match and
            prove not one entry; or `not-compared`, none was given.
        code: `eventlog.wrong`, `eventlog.unproven`, or None.
        kind: of the log.
        bank: that was replayed.
        mapping: its name.
        entries: how many the log has.
        registers: those that the log extends or a value was given for.
        findings: what a reader must know.
        events: all entries where they were asked for, else None.
    """

    verdict: str
    code: str | None
    kind: str
    bank: str
    mapping: str
    entries: int
    registers: list[Register]
    findings: list[Note]
    events: list[Entry] | None


def replay_report(
    log: Log,
    expected: Mapping[str, bytes],
    *,
    mapping: RegisterMap | None = None,
    bank: str | None = None,
    reference: Log | None = None,
    with_events: bool = False,
) -> ReplayReport:
    """Replay a log, compare registers, and look at the data of its entries.

    Args:
        log: any.
        expected: register to value; none at all for a replay without a comparison.
        mapping: which number in the log is which register; None for the usual one of the kind.
        bank: a name of `BANKS`; None for the one that the values fit, or the log's first.
        reference: another log of the same kind; where a register does not match, the first entry
            that it has and this log has not is named.
        with_events: whether to list all entries.

    Raises:
        MalformedError: `eventlog.bank`.
        UsageError: `usage.register`, also where the log or the reference has not that bank.
    """
    mapping = mapping or usual_mapping(log)
    bank = bank or _bank_for(log, expected)
    _demand_bank(log, bank, "the log")
    extends = log.extends(bank)
    examined = log.examine(bank)
    values = replay(extends, mapping)
    matches: tuple[RegisterMatch, ...] = ()
    if expected:
        matches = compare(extends, mapping, expected, recomputed=examined.recomputed)
    if reference is not None:
        _demand_bank(reference, bank, "the reference")
        matches = _against(extends, reference.extends(bank), mapping, matches)
    registers = [_register(one) for one in matches]
    counts = dict.fromkeys(values, 0)
    for number in extends.registers:
        name = _target(mapping, number)
        if name in counts:
            counts[name] += 1
    registers += [
        Register(register=name, replayed=value.hex(), entries=counts[name])
        for name, value in values.items()
        if name not in expected
    ]
    verdict, code = _outcome(matches)
    return ReplayReport(
        verdict=verdict,
        code=code,
        kind=log.kind,
        bank=bank,
        mapping=mapping.name,
        entries=len(log),
        registers=registers,
        findings=[Note(one.index, one.name, one.detail) for one in examined.findings],
        events=_entries(log, bank, mapping, proven(matches), examined) if with_events else None,
    )


def usual_mapping(log: Log) -> RegisterMap:
    """Return the mapping that a log's kind usually has: MR indexes in CC logs, else PCRs.

    Of a joined log it is the one that it was joined under.
    """
    if isinstance(log, JoinedLog):
        return log.mapping
    is_cc = log.kind == "ccel" or "cc" in getattr(log, "spaces", ())
    return MAPPINGS["cc" if is_cc else "pcr"]


def due_registers(log: Log, values: Mapping[str, bytes], mapping: RegisterMap) -> dict[str, bytes]:
    """Return those of a TD's RTMRs that a log must lead to.

    A firmware's log must account for RTMR0 to RTMR2 whether it mentions them or not; RTMR3 is
    extended by the guest, which leaves no entry in that log. Logs of other kinds are of a part of
    what happened, and answer for the registers that they extend.

    Args:
        log: any.
        values: `rtmr0` to `rtmr3`.
        mapping: which number in the log is which register.

    Raises:
        UsageError: `usage.register`, there is none; or the log has no SHA-384 digests.
    """
    _demand_bank(log, "sha384", "the log")
    numbers = set(log.extends("sha384").registers)
    names = {_target(mapping, number) for number in numbers}
    names |= set(FIRMWARE_RTMRS if _is_firmware_cc(log) else ())
    due = {name: value for name, value in values.items() if name in names}
    if not due:
        raise UsageError(
            "usage.register", f"under the mapping {mapping.name} the log extends no RTMR"
        )
    return due


def _outcome(matches: Sequence[RegisterMatch]) -> tuple[str, str | None]:
    """Return verdict and code. A match that proves nothing is one of any log, and of none."""
    if not matches:
        return NOT_COMPARED, None
    if any(one.matched is None for one in matches):
        return WRONG, "eventlog.wrong"
    return (MATCHED, None) if proven(matches) else (UNPROVEN, "eventlog.unproven")


def _demand_bank(log: Log, bank: str, what: str) -> None:
    """Return if a log has a bank, or none at all, which is for `extends` to refuse."""
    if log.banks and bank not in log.banks:
        raise UsageError("usage.register", f"no {bank}: {what} has {', '.join(log.banks)}")


def _is_firmware_cc(log: Log) -> bool:
    """Say whether it is, or begins with, what the firmware of a TD logged."""
    return log.kind.partition("+")[0] == "ccel"


def _bank_for(log: Log, expected: Mapping[str, bytes]) -> str:
    """Return the bank that the values' size tells, else the log's first."""
    sizes = {len(value) for value in expected.values()}
    if len(sizes) > 1:
        raise UsageError("usage.register", "the values are of different sizes: compare one bank")
    for size in sizes:
        bank = bank_of_size(size)
        if bank is None:
            raise UsageError("usage.register", f"no bank has values of {size} bytes")
        return bank.name
    return log.banks[0] if log.banks else ""


def _against(
    ours: Extends, theirs: Extends, mapping: RegisterMap, matches: tuple[RegisterMatch, ...]
) -> tuple[RegisterMatch, ...]:
    """Name where each register that does not match parts from the reference."""
    parted = first_difference(ours, theirs, mapping)
    found = []
    for match in matches:
        if match.matched is None and match.register in parted:
            mine, other = parted[match.register]
            here = "the log's end" if mine is None else f"entry {mine}"
            there = "its end" if other is None else f"its entry {other}"
            said = f"{here} is not that of the reference, {there}"
            found.append(match._replace(parted_at=mine, parted=said))
        else:
            found.append(match)
    return tuple(found)


def _register(match: RegisterMatch) -> Register:
    return Register(
        register=match.register,
        replayed=match.replayed.hex(),
        entries=len(match.entries),
        verdict=WRONG if match.matched is None else MATCHED,
        expected=match.expected.hex(),
        matched=match.matched,
        prefix=match.prefix,
        behind=None if match.matched is None else match.behind,
        parted_at=match.parted_at,
        parted=match.parted or None,
    )


def _entries(
    log: Log, bank: str, mapping: RegisterMap, known: frozenset[int], examined: Examination
) -> list[Entry]:
    extends = log.extends(bank)
    return [
        Entry(
            index,
            _target(mapping, number) or None,
            digest.hex(),
            index in known,
            examined.data[index].value,
            log.describe(index),
        )
        for index, (number, digest) in enumerate(
            zip(extends.registers, extends.digests, strict=True)
        )
    ]


def _target(mapping: RegisterMap, number: int) -> str:
    if number == UNEXTENDED or number >= len(mapping.targets):
        return ""
    return mapping.targets[number]
