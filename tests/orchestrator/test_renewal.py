# SPDX-License-Identifier: Apache-2.0
"""Warm tokens and pushes, with a clock of the test's own and a verifier that obeys it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Awaitable, Callable

import pytest

from troth.errors import DeniedError, DriverError, StaleError, TrothError
from troth.evidence.binding import Request
from troth.orchestrator.renewal import Push, State, WarmToken
from troth.orchestrator.verifier_client import lifetime_s


class HandClock:
    """Time that passes only when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float, wake: asyncio.Event) -> None:
        self.waits.append(seconds)
        due = asyncio.Event()
        self._sleepers.append((self.now + seconds, due))
        tasks = [asyncio.ensure_future(one.wait()) for one in (due, wake)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def pass_by(self, seconds: float) -> None:
        self.now += seconds
        for at, due in self._sleepers:
            if at <= self.now:
                due.set()
        await settle()


class FakeVerifier:
    """Answers as it is told, and counts how many flights there are at once."""

    def __init__(self) -> None:
        self.error: TrothError | None = None
        self.issued = 0
        self.nonces: list[bytes] = []
        self.life_s = 300
        self.flights = 0
        self.most_flights = 0

    async def challenge(self) -> bytes:
        self.flights += 1
        self.most_flights = max(self.flights, self.most_flights)
        await asyncio.sleep(0)
        if self.error:
            self.flights -= 1
            raise self.error
        self.nonces.append(len(self.nonces).to_bytes(16, "big"))
        return self.nonces[-1]

    async def appraise(self, bundle: bytes) -> str:
        self.flights -= 1
        assert bundle.endswith(self.nonces[-1])
        if self.error:
            raise self.error
        self.issued += 1
        return token(self.issued, self.life_s)


def token(number: int, life_s: int) -> str:
    claims = json.dumps({"iat": 5000, "exp": 5000 + life_s, "jti": str(number)}).encode()
    return f"h.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.s"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def request(nonce: bytes) -> Request:
    return Request(nonce=nonce, audience="urn:broker")


async def attest(wanted: Request) -> bytes:
    await asyncio.sleep(0)
    return b"bundle" + wanted.nonce


Scene = Callable[[WarmToken, FakeVerifier, HandClock], Awaitable[None]]


def play(scene: Scene, error: TrothError | None = None) -> None:
    async def main() -> None:
        clock, verifier, counts = HandClock(), FakeVerifier(), list[str]()
        verifier.error = error
        warm = WarmToken(request, attest, verifier, clock, counts.append)
        task = asyncio.create_task(warm.run())
        await settle()
        await scene(warm, verifier, clock)
        assert verifier.most_flights <= 1
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    async def scene(warm: WarmToken, verifier: FakeVerifier, clock: HandClock) -> None:
        first = warm.token
        for _ in range(20):
            wait = clock.waits[-1]
            assert 0.7 * 300 <= wait <= 0.9 * 300
            await clock.pass_by(wait - 1)
            before = verifier.issued
            await clock.pass_by(1)
            assert verifier.issued == before + 1
        assert warm.token != first
        assert len(set(verifier.nonces)) == 21  # a fresh nonce each time
        assert len({round(wait, 3) for wait in clock.waits}) > 1  # never in step

    play(scene)


def test_a_verifier_that_is_down_is_asked_ever_less_often() -> None:
    async def scene(warm: WarmToken, verifier: FakeVerifier, clock: HandClock) -> None:
        for _ in range(8):
            await clock.pass_by(clock.waits[-1])
        for number, wait in enumerate(clock.waits[:9]):
            longest = min(2.0**number, 60.0)
            assert 0.8 * longest <= wait <= longest
        with pytest.raises(StaleError, match=r"token.not-ready"):
            assert warm.token
        verifier.error = None
        await clock.pass_by(60)
        assert warm.token == token(1, 300)
        assert warm.state is State.FRESH

    play(scene, DriverError("verifier.unreachable"))


def test_a_good_token_is_given_out_until_its_end_and_not_longer() -> None:
    async def scene(warm: WarmToken, verifier: FakeVerifier, clock: HandClock) -> None:
        verifier.error = DriverError("verifier.unreachable")
        await clock.pass_by(299)
        assert warm.token == token(1, 300)
        states = [warm.state]
        await clock.pass_by(1)
        with pytest.raises(StaleError):
            assert warm.token
        assert [*states, warm.state] == [State.DUE, State.MISSING]

    play(scene)


def test_a_refusal_takes_the_token_at_once() -> None:
    async def scene(warm: WarmToken, verifier: FakeVerifier, clock: HandClock) -> None:
        verifier.error = DeniedError("verifier.refused")
        await clock.pass_by(clock.waits[-1])
        with pytest.raises(DeniedError, match=r"verifier.refused"):
            assert warm.token
        verifier.error = None
        await clock.pass_by(60)
        assert warm.token == token(2, 300)

    play(scene)


def test_a_dropped_token_is_gone_before_another_is_there() -> None:
    async def scene(warm: WarmToken, verifier: FakeVerifier, clock: HandClock) -> None:
        warm.drop()
        with pytest.raises(StaleError):
            assert warm.token
        await settle()
        assert warm.token == token(2, 300)
        assert verifier.issued == 2
        assert clock.now == 1000.0  # nobody waited for it

    play(scene)


class Gated(FakeVerifier):
    """Lets no appraisal end before the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Semaphore(0)
        self.waiting = 0

    async def appraise(self, bundle: bytes) -> str:
        self.waiting += 1
        await self.gate.acquire()
        self.waiting -= 1
        return await super().appraise(bundle)

    async def let_one_pass(self) -> None:
        assert self.waiting == 1
        self.gate.release()
        await settle()


async def into_missing(_: WarmToken, __: Gated, ___: HandClock) -> None:
    """The first renewal is in flight already."""


async def into_due(warm: WarmToken, verifier: Gated, clock: HandClock) -> None:
    await verifier.let_one_pass()
    await clock.pass_by(clock.waits[-1])
    assert warm.state is State.DUE


async def into_revoked(warm: WarmToken, verifier: Gated, clock: HandClock) -> None:
    verifier.error = DeniedError("verifier.refused")
    await verifier.let_one_pass()
    verifier.error = None
    await clock.pass_by(clock.waits[-1])
    assert warm.state is State.REVOKED


@pytest.mark.parametrize("into", [into_missing, into_due, into_revoked])
def test_a_renewal_that_began_before_a_drop_is_thrown_away(
    into: Callable[[WarmToken, Gated, HandClock], Awaitable[None]],
) -> None:
    async def main() -> None:
        clock, verifier, counts = HandClock(), Gated(), list[str]()
        warm = WarmToken(request, attest, verifier, clock, counts.append)
        task = asyncio.create_task(warm.run())
        await settle()
        await into(warm, verifier, clock)
        warm.drop()
        before = verifier.issued
        await verifier.let_one_pass()
        assert verifier.issued == before + 1  # of what was before the drop
        with pytest.raises((StaleError, DeniedError)):
            assert warm.token
        await verifier.let_one_pass()  # asked for again, and nobody waited for it
        assert warm.token == token(before + 2, 300)
        assert warm.state is State.FRESH
        assert verifier.most_flights == 1
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_push_is_made_once_for_events_that_come_together_and_again_for_later_ones() -> None:
    async def main() -> None:
        clock, verifier, counts = HandClock(), FakeVerifier(), list[str]()
        push = Push(request, attest, verifier, clock, counts.append)
        task = asyncio.create_task(push.run())
        await settle()
        assert verifier.issued == 0
        push.demand()
        push.demand()
        await settle()
        assert verifier.issued == 1
        verifier.error = DeniedError("verifier.refused", "403 model.forensic")  # as is expected
        push.demand()
        await settle()
        assert counts == ["good", "good"]
        verifier.error = DriverError("verifier.unreachable")
        push.demand()
        await settle()
        await clock.pass_by(clock.waits[-1])
        assert counts == ["good", "good", "failed", "failed"]
        # A refusal for another reason has barred nothing, so it is no end.
        verifier.error = DeniedError("verifier.refused", "403 policy.boot")
        await clock.pass_by(clock.waits[-1])
        assert counts == ["good", "good", "failed", "failed", "failed"]
        verifier.error = None
        await clock.pass_by(clock.waits[-1])
        assert counts[-1] == "good"
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize(
    ("said", "believed"), [(300, 300), (86_400, 300), (60, 60), (0, 5), (-7, 5)]
)
def test_a_lifetime_is_believed_within_bounds(said: int, believed: int) -> None:
    assert lifetime_s(token(1, said)) == believed


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.e30.c", "a.b.c.d"])
def test_what_is_no_token_has_its_code(text: str) -> None:
    with pytest.raises(DriverError, match=r"verifier.answer"):
        lifetime_s(text)
