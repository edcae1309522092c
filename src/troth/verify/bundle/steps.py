# SPDX-License-Identifier: Apache-2.0
"""The number of the step that is being taken, and its rules in the trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from troth.errors import TrothError
from troth.verify.trace import Trace

__all__ = ["Steps"]


class Steps:
    """Where a verifier stands in BINDING 4.9; after a refusal, the step that refused."""

    __slots__ = ("number", "trace")

    def __init__(self, trace: Trace) -> None:
        """Note rules in `trace`, as `N.rule`."""
        self.trace = trace
        self.number = 0

    def begin(self, number: int) -> None:
        """Go on to a step."""
        self.number = number

    def check(
        self, rule: str, holds: bool, code: str, *, expected: object, got: object, source: object
    ) -> None:
        """Note a rule of this step and raise unless it holds; see `Trace.check`."""
        self.trace.check(
            f"{self.number}.{rule}", holds, code, expected=expected, got=got, source=source
        )

    def skipped(self, rule: str, *, why: str) -> None:
        """Note a rule of this step that somebody left out by name."""
        self.trace.skipped(f"{self.number}.{rule}", why=why)

    @contextmanager
    def noted(self, rule: str, *, expected: object, source: object) -> Iterator[None]:
        """Note what the block finds: held if it returns, failed if it raises."""
        name = f"{self.number}.{rule}"
        try:
            yield
        except TrothError as error:
            self.trace.failed(name, error, expected=expected, source=source)
            raise
        self.trace.held(name, expected=expected, got="so it is", source=source)

    def nested(self, name: str) -> Trace:
        """Return a trace whose rules stand in ours as `N.name.…`."""
        return self.trace.nested(f"{self.number}.{name}.")
