# SPDX-License-Identifier: Apache-2.0
"""Numbered steps: what they are called, how long they took, and how one fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["StepFailedError", "Steps", "expect", "say", "until"]

_POLL_S = 0.05


class StepFailedError(Exception):
    """A step did not come out as it must."""


class Steps:
    """The steps so far."""

    def __init__(self) -> None:
        """Start with none."""
        self.number = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Number and time a step; whatever fails inside is reported under its title.

        Raises:
            StepFailedError: with number and title.
        """
        self.number += 1
        print(f"\n{self.number}. {title}", flush=True)
        started = time.perf_counter()
        try:
            yield
        except StepFailedError as error:
            raise StepFailedError(f"step {self.number} ({title}): {error}") from None
        print(f"   {time.perf_counter() - started:.2f} s", flush=True)


def say(text: str) -> None:
    """Print a line of a step."""
    print(f"   {text}", flush=True)


def expect(what: str, got: object, *, due: object) -> None:
    """Demand that something came out as it must.

    Raises:
        StepFailedError: it did not.
    """
    if got != due:
        raise StepFailedError(f"{what} is {got!r}, {due!r} is due")


def until(what: str, holds: Callable[[], bool], *, seconds: float) -> float:
    """Wait until something holds and return how long it took.

    Raises:
        StepFailedError: it does not within `seconds`.
    """
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise StepFailedError(f"{what}: not within {seconds:g} s")
        time.sleep(_POLL_S)
    return time.monotonic() - started
