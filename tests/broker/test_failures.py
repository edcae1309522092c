# SPDX-License-Identifier: Apache-2.0
"""A broker whose database is locked or gone releases nothing, says so, and serves again after."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest

from tests.broker.world import World
from troth.client import Broker
from troth.client.calls import get_json
from troth.client.services import Service
from troth.errors import DriverError

T = TypeVar("T")


@contextmanager
def locked(world: World) -> Iterator[None]:
    """Hold the write lock of the broker's database, as another program might."""
    other = sqlite3.connect(world.directory / "broker.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def gone(world: World) -> Iterator[None]:
    """Put the database aside."""
    aside = world.directory / "aside"
    aside.mkdir()
    for file in world.directory.glob("broker.db*"):
        file.rename(aside / file.name)
    try:
        yield
        assert not (world.directory / "broker.db").exists()  # nobody makes an empty one
    finally:
        for file in aside.iterdir():
            file.rename(world.directory / file.name)


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(DriverError) as caught:
        ask()
    return caught.value.code


def soon(ask: Callable[[], T]) -> T:
    """Ask until there is an answer, for ten seconds."""
    for _ in range(100):
        try:
            return ask()
        except DriverError:
            time.sleep(0.1)
    return ask()


@pytest.mark.parametrize("failing", [locked, gone])
def test_nothing_is_released_meanwhile_and_health_says_so(
    running: World, failing: Callable[[World], AbstractContextManager[None]]
) -> None:
    admin = Service(str(running.directory / "admin.sock"))
    public = Broker(running.url, timeout_s=20)
    assert public.health() == {"status": "ok"}
    before = len(running.log())
    with failing(running):
        assert code_of(lambda: running.ask("payments/database")) == "database.unavailable"
        assert code_of(public.health) == "database.unavailable"
        assert code_of(lambda: admin.send(get_json("/v1/health"))) == "database.unavailable"
    assert soon(public.health) == {"status": "ok"}
    assert soon(lambda: running.secret("payments/database")) == b"hunter2"
    assert running.admin("/v1/health")["status"] == "ok"
    events = [(one["event"], one.get("code", "")) for one in running.log()[before:]]
    assert events == [("released", "")]  # what failed was not released, and is not in the log
