# SPDX-License-Identifier: Apache-2.0
"""Something that is fetched, kept for a while, and asked for by many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from troth.errors import TrothError

__all__ = ["Fetched"]

T = TypeVar("T")


class Fetched(Generic[T]):
    """One value with an age, which counts from before it was asked for.

    At most one fetch is under way. Whoever waited for it takes its outcome, failure included, so
    that a peer which does not answer costs all of them one timeout and not one each.
    """

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        """Take how it is fetched."""
        self._fetch: Final = fetch
        self._one_flight = asyncio.Lock()
        self._value: T | None = None
        self._value_asked_at = float("-inf")
        self._failure: TrothError | None = None
        self._failure_asked_at = float("-inf")

    async def newest(self, max_age_s: float, *, otherwise_s: float = 0) -> T:
        """Return a value that is at most `max_age_s` old, fetched if need be.

        Args:
            max_age_s: seconds.
            otherwise_s: how old it may be if it cannot be fetched, seconds.

        Raises:
            TrothError: what the fetch raised.
        """
        arrived = time.monotonic()
        async with self._one_flight:
            kept = self._value
            since = min(arrived, time.monotonic() - max_age_s)
            if kept is not None and self._value_asked_at >= since:
                return kept
            try:
                return await self._anew(arrived)
            except TrothError:
                if kept is not None and time.monotonic() - self._value_asked_at <= otherwise_s:
                    return kept
                raise

    async def _anew(self, arrived: float) -> T:
        if self._failure is not None and self._failure_asked_at >= arrived:
            raise self._failure
        asked_at = time.monotonic()
        try:
            self._value = await self._fetch()
        except TrothError as error:
            self._failure, self._failure_asked_at = error, asked_at
            raise
        self._value_asked_at = asked_at
        return self._value
