# SPDX-License-Identifier: Apache-2.0
"""The decision trace: what was checked, against what, and what came out.

Entries are written by the code that makes the check, at the moment it does; values are rendered
only when somebody reads them, so that a verifier in a hurry pays for a tuple and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple, NoReturn

import msgspec

from troth import errors
from troth.crypto.x509 import Certificate
from troth.errors import CODES, TrothError
from troth.wire.text import format_instant

__all__ = ["Rows", "Trace", "TraceEntry"]

TraceVerdict = Literal["held", "failed", "skipped"]
Row = tuple[str, object, object, object, TraceVerdict]

_SEEN_BEFORE: Final = "; seen before"

_CLASSES: Final[Mapping[str, type[TrothError]]] = {
    one.__name__: one
    for one in (
        errors.MalformedError,
        errors.UntrustedError,
        errors.StaleError,
        errors.DeniedError,
        errors.DriverError,
    )
}


class TraceEntry(msgspec.Struct, frozen=True):
    """One rule, rendered for people and for JSON."""

    rule: str
    expected: str
    got: str
    source: str
    verdict: TraceVerdict


class Trace:
    """A list of rules that grows while a judgement is made, also when it ends in a refusal."""

    __slots__ = ("_prefix", "_rows")

    def __init__(self) -> None:
        """Begin empty."""
        self._prefix = ""
        self._rows: list[Row | _Replayed] = []

    def __iter__(self) -> Iterator[TraceEntry]:
        for one in self._rows:
            if isinstance(one, _Replayed):
                yield from one.entries()
            else:
                yield _entry(*one)

    def __len__(self) -> int:
        return _count(self._rows)

    @property
    def position(self) -> int:
        """Where the next entry comes to stand, for `since`."""
        return len(self._rows)

    def since(self, position: int, at: datetime) -> Rows:
        """Return what was noted from `position` on, for another judgement at another instant.

        Args:
            position: as the property said.
            at: the instant of this judgement; the very object that was noted.
        """
        return Rows(self._prefix, tuple(self._rows[position:]), at)

    def replay(self, rows: Rows, at: datetime) -> None:
        """Note rules that held before for all bytes that they rest on, and hold at `at` as well."""
        self._rows.append(_Replayed(self._prefix, rows, at))

    def nested(self, prefix: str) -> Trace:
        """Return a trace whose entries stand in this one, their rules behind `prefix`."""
        inner = Trace()
        inner._prefix = self._prefix + prefix
        inner._rows = self._rows
        return inner

    def held(self, rule: str, *, expected: object, got: object, source: object) -> None:
        """Note a rule that held."""
        self._note(rule, expected, got, source, "held")

    def skipped(self, rule: str, *, why: str) -> None:
        """Note a rule that was not applied, because somebody said so by name."""
        self._note(rule, "not checked", why, "caller", "skipped")

    def failed(self, rule: str, error: TrothError, *, expected: object, source: object) -> None:
        """Note a rule that did not hold and whose check has raised already."""
        self._note(rule, expected, error.detail or error.meaning, source, "failed")

    def check(
        self, rule: str, holds: bool, code: str, *, expected: object, got: object, source: object
    ) -> None:
        """Note a rule and raise unless it holds.

        Args:
            rule: step number and name, such as `4.fmspc`.
            holds: the outcome of the comparison.
            code: what to raise; its class follows from `CODES`.
            expected: what was due.
            got: what was there.
            source: where `expected` comes from.

        Raises:
            TrothError: `code`, it does not hold.
        """
        self._note(rule, expected, got, source, "held" if holds else "failed")
        if not holds:
            self._refuse(code, expected, got)

    def _note(
        self, rule: str, expected: object, got: object, source: object, verdict: TraceVerdict
    ) -> None:
        self._rows.append((self._prefix + rule, expected, got, source, verdict))

    @staticmethod
    def _refuse(code: str, expected: object, got: object) -> NoReturn:
        kind = _CLASSES[CODES[code][0]]
        raise kind(code, f"expected {_render(expected)}, got {_render(got)}")


class Rows(NamedTuple):
    """Rules to note again in another judgement, as `Trace.since` gives them.

    Attributes:
        prefix: of the trace in which they were noted first.
        noted: they themselves, also those that were noted again there.
        at: the instant of that judgement.
    """

    prefix: str
    noted: tuple[Row | _Replayed, ...]
    at: datetime


class _Replayed(msgspec.Struct, frozen=True):
    """Rules of an earlier judgement, in the trace of one at another instant."""

    prefix: str
    rows: Rows
    at: datetime

    def entries(self) -> Iterator[TraceEntry]:
        for one in self.rows.noted:
            if isinstance(one, _Replayed):
                yield from _Replayed(self._renamed(one.prefix), one.rows, self.at).entries()
                continue
            rule, expected, got, source, verdict = one
            now = self.at if got is self.rows.at else got
            before = _render(source) + _SEEN_BEFORE
            yield _entry(self._renamed(rule), expected, now, before, verdict)

    def _renamed(self, rule: str) -> str:
        return self.prefix + rule.removeprefix(self.rows.prefix)


def _entry(
    rule: str, expected: object, got: object, source: object, verdict: TraceVerdict
) -> TraceEntry:
    return TraceEntry(rule, _render(expected), _render(got), _render(source), verdict)


def _count(rows: Iterable[Row | _Replayed]) -> int:
    return sum(_count(one.rows.noted) if isinstance(one, _Replayed) else 1 for one in rows)


def _render(value: object) -> str:
    """Spell a value: bytes as hex, instants with Z, certificates by name, sets sorted."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Certificate):
        return repr(value.common_name)
    if isinstance(value, frozenset | tuple):
        words = [_render(one) for one in value]
        return " ".join(words if isinstance(value, tuple) else sorted(words)) or "none"
    return str(value)
