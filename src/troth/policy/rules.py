# SPDX-License-Identifier: Apache-2.0
"""Trying every rule of a section, noting each, and saying no at the end if any of them did."""

from __future__ import annotations

from typing import Any

from troth.errors import DeniedError
from troth.policy.values import ABSENT, ANY
from troth.verify import AnyValue, Trace

__all__ = ["Rules"]


class Rules:
    """The rules of one section while they are tried."""

    def __init__(self, section: str, policy: str, trace: Trace) -> None:
        """Note rules in `trace`, as those of `section` in the policy called `policy`."""
        self._section = section
        self._policy = policy
        self._trace = trace
        self._refusals: list[DeniedError] = []

    def holds(self, name: str, outcome: bool, code: str, *, expected: object, got: object) -> None:
        """Note a rule; one that does not hold is remembered, and the next is tried."""
        try:
            self._trace.check(
                f"policy.{name}",
                outcome,
                code,
                expected=expected,
                got=got,
                source=f"{self._policy}: {self._section}.{name}",
            )
        except DeniedError as error:
            self._refusals.append(DeniedError(code, f"{self._section}.{name}: {error.detail}"))

    def fits(
        self, name: str, value: object, accepted: frozenset[Any] | type[AnyValue], code: str
    ) -> None:
        """Note whether `value` is one of the accepted ones."""
        self.holds(
            name,
            isinstance(accepted, type) or value in accepted,
            code,
            expected=spell(accepted),
            got="absent" if value == ABSENT else value,
        )

    def decide(self) -> None:
        """Return if every rule held.

        Raises:
            DeniedError: that of the first rule that did not.
        """
        if self._refusals:
            raise self._refusals[0]


def spell(accepted: frozenset[Any] | type[AnyValue]) -> object:
    """Return accepted values as a trace shows them; an empty set accepts nothing."""
    if isinstance(accepted, type):
        return ANY
    return frozenset("absent" if one == ABSENT else one for one in accepted) or "nothing"
