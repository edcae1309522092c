# SPDX-License-Identifier: Apache-2.0
"""A broker whose clock steps back: nothing is believed for longer, and the log stays in order.

In one process, so that the clock can be stepped; what a token says comes from a clock that goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.broker.world import World
from troth.broker.database import open_store
from troth.broker.journal import Journal
from troth.broker.keys import load_signing_key
from troth.broker.release import Releaser
from troth.broker.settings import load_settings
from troth.broker.store import Store
from troth.broker.trust import Trust
from troth.errors import DeniedError, StaleError
from troth.infra import clock
from troth.wire import json

PATH = "payments/database"
NEAR = timedelta(seconds=20)  # within the leeway between two machines' clocks
FAR = timedelta(hours=1)


@contextmanager
def parts(world: World) -> Iterator[tuple[Releaser, Store]]:
    """Make a broker without its sockets."""
    settings = load_settings(str(world.directory / "broker.toml"))
    with ThreadPoolExecutor(1) as thread, closing(open_store(settings)) as store:
        yield (
            Releaser(
                trust=Trust(settings),
                store=store,
                journal=Journal(store, thread),
                key=load_signing_key(settings.answer_key),
                thread=thread,
            ),
            store,
        )


def step_back(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(clock, "exact", lambda: datetime.now(UTC) - by)


def body(world: World) -> bytes:
    return json.encode({"token": world.token(), "nonce": "A" * 43})


def test_what_was_revoked_stays_so_however_old_the_list_seems(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def course(releaser: Releaser) -> None:
        assert await releaser.release(PATH, body(stopped))  # the list is kept from here on
        step_back(monkeypatch, NEAR)
        assert await releaser.release(PATH, body(stopped))
        stopped.verifier.revoked.add(7)
        await asyncio.sleep(2.1)
        with pytest.raises(DeniedError) as caught:
            await releaser.release(PATH, body(stopped))
        assert caught.value.code == "token.revoked"

    with parts(stopped) as (releaser, _):
        asyncio.run(course(releaser))


def test_tokens_from_the_future_are_refused_and_the_log_goes_on(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def course(releaser: Releaser) -> None:
        assert await releaser.release(PATH, body(stopped))
        step_back(monkeypatch, FAR)
        with pytest.raises(StaleError) as caught:
            await releaser.release(PATH, body(stopped))
        assert caught.value.code == "token.not-yet-valid"
        monkeypatch.undo()
        assert await releaser.release(PATH, body(stopped))

    with parts(stopped) as (releaser, store):
        asyncio.run(course(releaser))
        entries = store.entries(0, 1000)
    assert [one["number"] for one in entries] == list(range(len(entries)))
    last = entries[-3:]
    assert [one["event"] for one in last] == ["released", "refused", "released"]
    assert last[1]["at"] < last[0]["at"]  # as the clock said; the numbers tell the order
    assert len(stopped.checked_log()) == len(entries)


def test_a_step_back_does_not_keep_the_verifiers_silence_good(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def course(releaser: Releaser) -> None:
        assert await releaser.release(PATH, body(stopped))
        stopped.verifier.is_down = True
        step_back(monkeypatch, NEAR)
        await asyncio.sleep(2.1)
        with pytest.raises(StaleError) as caught:
            await releaser.release(PATH, body(stopped))
        assert caught.value.code == "token.status-missing"

    with parts(stopped) as (releaser, _):
        asyncio.run(course(releaser))
