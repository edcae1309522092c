# SPDX-License-Identifier: Apache-2.0
"""Tokens that are kept warm, and evidence that is pushed when a namespace leaves its model.

A token is renewed when 0.8 ± 0.1 of its life is over, each time with a fresh nonce of the
verifier. One task for each token: there is never a second flight for the same audience.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, Protocol

import structlog

from troth.errors import DeniedError, StaleError, TrothError, UntrustedError
from troth.evidence.binding import Request
from troth.infra.log import Event
from troth.orchestrator.verifier_client import Verifier, lifetime_s, was_heard

__all__ = ["Clock", "LoopClock", "Push", "WarmToken"]

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_EARLIEST: Final = 0.7  # of a token's life
_SPREAD: Final = 0.2
_GENERATOR: Final = secrets.SystemRandom()

_log = structlog.get_logger()

Attest = Callable[[Request], Awaitable[bytes]]
"""Makes a fresh bundle of one namespace."""


class Clock(Protocol):
    """Time as renewal sees it, so that tests need not wait."""

    def monotonic(self) -> float:
        """Return seconds since some instant."""
        ...

    async def sleep(self, seconds: float, wake: asyncio.Event) -> None:
        """Wait so long, or until `wake` is set."""
        ...


class LoopClock:
    """The event loop's time."""

    def monotonic(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float, wake: asyncio.Event) -> None:
        """Wait so long, or until `wake` is set."""
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return


class State(Enum):
    """Where a token stands."""

    MISSING = "missing"  # none yet, or it ended before it was renewed
    FRESH = "fresh"
    DUE = "due"  # to be renewed, and still good
    REVOKED = "revoked"  # the verifier refused: the namespace left what policy allows


class On(Enum):
    """What happens to a token."""

    TICK = "tick"  # its time to be renewed has come, or somebody woke us
    ENDED = "ended"  # its life is over
    RENEWED = "renewed"
    FAILED = "failed"  # verifier or TSM did not answer
    REFUSED = "refused"


# A pair that is not here is our bug.
_NEXT: Final = {
    (State.MISSING, On.RENEWED): State.FRESH,
    (State.MISSING, On.FAILED): State.MISSING,
    (State.MISSING, On.REFUSED): State.REVOKED,
    (State.MISSING, On.TICK): State.MISSING,
    (State.FRESH, On.TICK): State.DUE,
    (State.DUE, On.TICK): State.DUE,
    (State.DUE, On.RENEWED): State.FRESH,
    (State.DUE, On.FAILED): State.DUE,
    (State.DUE, On.ENDED): State.MISSING,
    (State.DUE, On.REFUSED): State.REVOKED,
    (State.REVOKED, On.TICK): State.REVOKED,
    (State.REVOKED, On.RENEWED): State.FRESH,
    (State.REVOKED, On.FAILED): State.REVOKED,
    (State.REVOKED, On.REFUSED): State.REVOKED,
}


class WarmToken:
    """One token of one namespace for one audience."""

    def __init__(
        self,
        request: Callable[[bytes], Request],
        attest: Attest,
        verifier: Verifier,
        clock: Clock,
        count: Callable[[str], None],
    ) -> None:
        """Take all that a renewal needs; `run` keeps the token warm.

        Args:
            request: makes the request for a nonce.
            attest: makes the bundle.
            verifier: who issues the token.
            clock: what time it is.
            count: told `good` or `failed` for each renewal.
        """
        self.state = State.MISSING
        self._request = request
        self._attest = attest
        self._verifier = verifier
        self._clock = clock
        self._count = count
        self._token = ""
        self._ends_at = 0.0
        self._pause_s = _FIRST_PAUSE_S
        self._wake = asyncio.Event()
        self._drops = 0  # a renewal that began before the last one tells of what was

    @property
    def token(self) -> str:
        """The token.

        Raises:
            StaleError: `token.not-ready`, there is none now.
            DeniedError: `verifier.refused`, the verifier does not issue one.
        """
        self._look_at_end()
        if self.state is State.REVOKED:
            raise DeniedError("verifier.refused", "the last appraisal was refused")
        if self.state is State.MISSING:
            raise StaleError("token.not-ready", "it is being asked for")
        return self._token

    def drop(self) -> None:
        """Forget the token at once and ask for another: its namespace has changed.

        What a renewal in flight brings is thrown away too, whatever the state is.
        """
        self._drops += 1
        if self.state in {State.FRESH, State.DUE}:
            self._token, self._ends_at = "", 0.0
            self._wake.set()

    async def run(self) -> None:
        """Renew for ever."""
        while True:
            self._wake.clear()
            await self._clock.sleep(await self._renew(), self._wake)
            self._take(On.TICK)
            self._look_at_end()

    async def _renew(self) -> float:
        """Ask for a token once and return how long to wait then."""
        drops = self._drops
        try:
            nonce = await self._verifier.challenge()
            bundle = await self._attest(self._request(nonce))
            begun = self._clock.monotonic()
            token = await self._verifier.appraise(bundle)
            life_s = lifetime_s(token)
        except TrothError as error:
            return self._failed(error)
        if self._drops != drops:
            self._wake.set()
            return 0.0
        self._token, self._ends_at = token, begun + life_s
        self._take(On.RENEWED)
        self._pause_s = _FIRST_PAUSE_S
        self._count("good")
        _log.info(Event.TOKEN_RENEWED)
        return life_s * (_EARLIEST + _SPREAD * _GENERATOR.random())

    def _failed(self, error: TrothError) -> float:
        self._count("failed")
        _log.warning(Event.TOKEN_FAILED, code=error.code, detail=error.detail)
        is_refusal = isinstance(error, DeniedError | UntrustedError)
        self._take(On.REFUSED if is_refusal else On.FAILED)
        if is_refusal:
            self._token = ""
        pause_s = self._pause_s * (1 - _SPREAD * _GENERATOR.random())
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return pause_s

    def _look_at_end(self) -> None:
        if self.state is State.FRESH and self._clock.monotonic() >= self._ends_at:
            self._take(On.TICK)
        if self.state is State.DUE and self._clock.monotonic() >= self._ends_at:
            self._token = ""
            self._take(On.ENDED)

    def _take(self, event: On) -> None:
        self.state = _NEXT[self.state, event]


class Push:
    """Evidence of one namespace, sent to the verifier as soon as it left its model.

    One flight at a time; what happens during a flight causes another. That the verifier refuses
    because of the model is what is expected: then it has barred the namespace. Any other refusal
    bars nothing, and is tried again, as silence is.
    """

    def __init__(
        self,
        request: Callable[[bytes], Request],
        attest: Attest,
        verifier: Verifier,
        clock: Clock,
        count: Callable[[str], None],
    ) -> None:
        """Take what `WarmToken` takes."""
        self._request = request
        self._attest = attest
        self._verifier = verifier
        self._clock = clock
        self._count = count
        self._due = asyncio.Event()
        self._never = asyncio.Event()

    def demand(self) -> None:
        """Push soon."""
        self._due.set()

    async def run(self) -> None:
        """Push whenever it is demanded, until the verifier has heard it."""
        pause_s = _FIRST_PAUSE_S
        while True:
            await self._due.wait()
            self._due.clear()  # before the evidence is made: a later event is not in it
            try:
                nonce = await self._verifier.challenge()
                await self._verifier.appraise(await self._attest(self._request(nonce)))
            except TrothError as error:
                if was_heard(error):
                    _log.info(Event.PUSHED, detail=error.detail)
                    self._count("good")
                    pause_s = _FIRST_PAUSE_S
                    continue
                self._count("failed")
                _log.warning(Event.PUSH_FAILED, code=error.code, detail=error.detail)
                self._due.set()
                await self._clock.sleep(pause_s, self._never)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            else:
                _log.info(Event.PUSHED)
            self._count("good")
            pause_s = _FIRST_PAUSE_S
