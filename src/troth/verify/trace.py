# SPDX-License-Identifier: Apache-2.0
"""The decision trace: what was checked, against what, and what came out.

Entries are written by the code that makes the check, at the moment it does; values are rendered
only when somebody reads them, so that a verifier in a hurry pays for a tuple and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, NoReturn

import msgspec

from troth import errors
from troth.crypto.x509 import Certificate
from troth.errors import CODES, TrothError
from troth.wire.text import format_instant

__all__ = ["Trace", "TraceEntry"]

TraceVerdict = Literal["held", "failed", "skipped"]

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
        self._rows: list[tuple[str, object, object, object, TraceVerdict]] = []

    def __iter__(self) -> Iterator[TraceEntry]:
        for rule, expected, got, source, verdict in self._rows:
            yield TraceEntry(rule, _render(expected), _render(got), _render(source), verdict)

    def __len__(self) -> int:
        return len(self._rows)

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
