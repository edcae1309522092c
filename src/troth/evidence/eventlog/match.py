# SPDX-License-Identifier: Apache-2.0
"""The prefix rule: a log is read after the report, so some prefix of it must replay to the report.

A kernel appends while it is asked for a report. A register therefore matches when its value comes
up after some entry of the log; entries of that register behind this one are no evidence. Where it
never comes up, the log is wrong, and what can be told about where it parts from the register is
told. (BINDING §5.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from troth.errors import UntrustedError, UsageError
from troth.evidence.eventlog.banks import bank_named
from troth.evidence.eventlog.columns import Extends
from troth.evidence.eventlog.mapping import RegisterMap
from troth.evidence.eventlog.replay import chain, digests_of, entries_of, start_of

__all__ = ["RegisterMatch", "compare", "first_difference", "match_prefix", "proven"]

_DIAGNOSED: Final = 128  # entries of one register: the search is quadratic, and the log a peer's


class RegisterMatch(NamedTuple):
    """What the log says about one register of a report.

    Attributes:
        register: its name.
        expected: the value in the report.
        replayed: the value after the log's last entry.
        entries: indexes of the entries that extend it.
        matched: how many of `entries` lead to `expected`; None where no prefix does.
        parted_at: index in the log of the first entry at which log and register part, where
            that can be told.
        parted: what was found there, for people.
    """

    register: str
    expected: bytes
    replayed: bytes
    entries: Sequence[int]
    matched: int | None
    parted_at: int | None = None
    parted: str = ""

    @property
    def prefix(self) -> int | None:
        """How many entries of the whole log the shortest prefix has that matches."""
        if self.matched is None:
            return None
        return self.entries[self.matched - 1] + 1 if self.matched else 0

    @property
    def behind(self) -> int:
        """How many entries of the register stand behind the match, and are no evidence."""
        return len(self.entries) - (self.matched or 0)


def match_prefix(
    extends: Extends,
    mapping: RegisterMap,
    expected: Mapping[str, bytes],
    *,
    recomputed: Mapping[int, bytes] | None = None,
) -> tuple[RegisterMatch, ...]:
    """Return the match of every register in `expected`, or raise for the first without one.

    Registers that all have their first value match the empty prefix, and so would any log: that
    is no match of this one.

    Args:
        extends: the columns of a log, in the bank of the values.
        mapping: which number in the log is which register.
        expected: register to value, from a report that is genuine.
        recomputed: as in `compare`.

    Raises:
        UntrustedError: `eventlog.wrong`, with the register and where log and register part;
            `eventlog.unproven`, the registers prove not one entry.
        UsageError: `usage.register`, as `compare`.
        MalformedError: `eventlog.bank`.
    """
    matches = compare(extends, mapping, expected, recomputed=recomputed)
    for one in matches:
        if one.matched is None:
            where = one.parted or "where they part cannot be told from the value alone"
            raise UntrustedError("eventlog.wrong", f"{one.register}: {where}")
    if not proven(matches):
        names = " ".join(expected)
        raise UntrustedError("eventlog.unproven", f"{names}: as before the first entry")
    return matches


def compare(
    extends: Extends,
    mapping: RegisterMap,
    expected: Mapping[str, bytes],
    *,
    recomputed: Mapping[int, bytes] | None = None,
) -> tuple[RegisterMatch, ...]:
    """Return what the log says about each register, whether it matches or not.

    Args:
        extends: the columns of a log, in the bank of the values.
        mapping: which number in the log is which register.
        expected: register to value; at least one.
        recomputed: index to digest, for entries whose data has another digest than the log says.

    Raises:
        UsageError: `usage.register`, no register, one that the mapping does not have, or a value
            of another size than the bank's.
        MalformedError: `eventlog.bank`.
    """
    size = bank_named(extends.bank).size
    if not expected:
        raise UsageError("usage.register", "no register to compare with")
    for register, value in expected.items():
        if register not in mapping.registers:
            has = ", ".join(mapping.registers)
            raise UsageError("usage.register", f"{register}; the mapping {mapping.name} has {has}")
        if len(value) != size:
            raise UsageError(
                "usage.register", f"{register}: {len(value)} bytes, {extends.bank} has {size}"
            )
    return tuple(
        _compare_one(extends, mapping, register, value, recomputed or {})
        for register, value in expected.items()
    )


def proven(matches: Sequence[RegisterMatch]) -> frozenset[int]:
    """Return the indexes of the entries whose digests the compared registers prove."""
    return frozenset(index for one in matches for index in one.entries[: one.matched or 0])


def first_difference(
    ours: Extends, theirs: Extends, mapping: RegisterMap
) -> dict[str, tuple[int | None, int | None]]:
    """Return where two logs part: the index in either of the first entry that the other lacks.

    Registers in which they agree are left out; None stands for a log that has ended there.

    Args:
        ours: the columns of a log.
        theirs: those of another, of the same bank.
        mapping: of both.
    """
    found: dict[str, tuple[int | None, int | None]] = {}
    for register in mapping.registers:
        left, right = (entries_of(one, mapping, register) for one in (ours, theirs))
        same = 0
        for mine, other in zip(left, right, strict=False):
            if ours.digests[mine] != theirs.digests[other]:
                break
            same += 1
        if same < max(len(left), len(right)):
            found[register] = (_at(left, same), _at(right, same))
    return found


def _at(entries: Sequence[int], position: int) -> int | None:
    return entries[position] if position < len(entries) else None


def _compare_one(
    extends: Extends,
    mapping: RegisterMap,
    register: str,
    expected: bytes,
    recomputed: Mapping[int, bytes],
) -> RegisterMatch:
    new = bank_named(extends.bank).new
    entries = entries_of(extends, mapping, register)
    value = start_of(extends, mapping, register)
    matched = 0 if value == expected else None
    for count, digest in enumerate(digests_of(extends, entries), 1):
        value = new(value + digest).digest()
        if value == expected:
            matched = count
    match = RegisterMatch(register, expected, value, entries, matched)
    if matched is not None:
        return match
    at, said = _diagnose(extends, start_of(extends, mapping, register), match, recomputed)
    return match._replace(parted_at=at, parted=said)


def _diagnose(
    extends: Extends, start: bytes, match: RegisterMatch, recomputed: Mapping[int, bytes]
) -> tuple[int | None, str]:
    """Say where log and register part, if one changed entry explains it. Never a match."""
    entries = match.entries
    if not entries:
        return None, "the register was extended, and the log has no entry for it"
    if match.expected == bytes(len(start)):
        return entries[0], f"entry {entries[0]}: the register was never extended"
    wrong = [index for index in entries if index in recomputed]
    digests = [recomputed.get(index, extends.digests[index]) for index in entries]
    if wrong and _comes_up(extends, start, digests, match.expected):
        return wrong[0], f"entry {wrong[0]}: its data is what was measured, its digest is not"
    if len(entries) > _DIAGNOSED:
        return None, ""
    return _one_changed(extends, start, match)


def _one_changed(extends: Extends, start: bytes, match: RegisterMatch) -> tuple[int | None, str]:
    """Look for one entry that was put in, or two neighbours that changed places."""
    digests = digests_of(extends, match.entries)
    value = start
    for position, index in enumerate(match.entries):
        rest = digests[position + 1 :]
        if _comes_up(extends, value, rest, match.expected):
            return index, f"entry {index} was not extended; without it the log replays"
        turned = [*rest[:1], digests[position], *rest[1:]]
        if rest and _comes_up(extends, value, turned, match.expected):
            return index, f"entry {index} and the register's next one changed places"
        value = chain(extends, value, digests[position : position + 1])
    return None, ""


def _comes_up(extends: Extends, value: bytes, digests: Sequence[bytes], expected: bytes) -> bool:
    new = bank_named(extends.bank).new
    for digest in digests:
        value = new(value + digest).digest()
        if value == expected:
            return True
    return False
