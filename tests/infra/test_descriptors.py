# SPDX-License-Identifier: Apache-2.0
"""Verifier and broker with few descriptors and more silent or slow callers than those allow."""

from __future__ import annotations

import contextlib
import resource
import shlex
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import verifiers
from tests.broker import world as broker_world
from tests.bundles import Machine
from troth.client.services import Service

DESCRIPTORS = 128
CALLERS = 3 * DESCRIPTORS
BEGUN = b"POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"


@contextlib.contextmanager
def few_descriptors() -> Iterator[None]:
    """Lower the soft limit of what is started in the block; ours is given back behind it."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def verifier(base: Path) -> Iterator[tuple[str, int]]:
    config = verifiers.make_directory(base / "v", Machine.boot(at=datetime.now(UTC)))
    with verifiers.running(config) as server:
        yield server.socket, server.process.pid


@contextlib.contextmanager
def broker(base: Path) -> Iterator[tuple[str, int]]:
    with broker_world.world(base) as made:
        made.start()
        assert made.process is not None
        yield str(made.directory / "broker.sock"), made.process.pid


Started = Callable[[Path], contextlib.AbstractContextManager[tuple[str, int]]]


@pytest.mark.parametrize("started", [verifier, broker])
@pytest.mark.parametrize("said", [b"", BEGUN], ids=["silent", "slow"])
def test_others_are_answered_and_the_program_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: Started, said: bytes
) -> None:
    monkeypatch.setattr(verifiers, "PROGRAM", _limited(tmp_path / "v.sh", *verifiers.PROGRAM))
    monkeypatch.setattr(broker_world, "PROGRAM", *_limited(tmp_path / "b.sh", broker_world.PROGRAM))
    with started(tmp_path) as (path, pid):
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (DESCRIPTORS, DESCRIPTORS)
        _crowd(path, said)


@pytest.mark.parametrize("started", [verifier, broker])
def test_a_low_soft_limit_is_raised(tmp_path: Path, started: Started) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * CALLERS:
        pytest.skip("this machine's hard limit is low")
    with contextlib.ExitStack() as stack:
        with few_descriptors():
            path, pid = stack.enter_context(started(tmp_path))
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        assert soft == hard
        _crowd(path, b"")


def _limited(script: Path, *program: str | Path) -> tuple[Path]:
    """Return a command that runs a program under a lowered limit, soft and hard."""
    words = shlex.join(str(one) for one in program)
    script.write_text(f'#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {words} "$@"\n')
    script.chmod(0o700)
    return (script,)


def _crowd(path: str, said: bytes) -> None:
    """Come with more callers than fit, and be answered among them."""
    crowd: list[socket.socket] = []
    try:
        for _ in range(CALLERS):
            one = socket.socket(socket.AF_UNIX)
            one.settimeout(20)
            crowd.append(one)
            one.connect(path)
            if said:
                with contextlib.suppress(OSError):  # it had to make room
                    one.sendall(said)
        assert Service(path, timeout_s=20).health() == {"status": "ok"}
    finally:
        for one in crowd:
            one.close()
    assert Service(path, timeout_s=20).health() == {"status": "ok"}
