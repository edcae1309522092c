# SPDX-License-Identifier: Apache-2.0
"""Large bodies: the largest is read, several at once are bounded, small ones always find room."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.bundles import Machine, namespace
from tests.verifiers import BUNDLE_TYPE, Answer, Server, UnixConnection, make_directory, running
from troth.evidence.binding import LogPart
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES

ENTRIES: Final = (bytes(65_000),) * 250  # 15.5 MiB: nearly the largest bundle
MOST_RESIDENT: Final = 640 << 20  # bytes; four of them take about 490
TOGETHER: Final = 4  # of the largest


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def server(tmp_path: Path, machine: Machine) -> Iterator[Server]:
    with running(make_directory(tmp_path / "v", machine)) as found:
        yield found


def large(server: Server, machine: Machine) -> bytes:
    mine = namespace()
    statement = machine.statement(
        server.nonce(), namespace(id=mine.id, log=mine.log.append(*ENTRIES))
    )
    return machine.over(statement, LogPart(start=0, entries=ENTRIES)).encoded


def resident_most(server: Server) -> int:
    """Return how many bytes the process has held at most, by the kernel's count."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def is_busy(answer: Answer) -> bool:
    return answer.status == 503 and answer.json["code"] == "http.busy"


def test_the_largest_are_read_and_bounded_together(server: Server, machine: Machine) -> None:
    bundle = large(server, machine)
    assert 15 << 20 < len(bundle) <= BUNDLE_MAX_BYTES
    assert server.appraise(bundle).status == 200
    bundles = [large(server, machine) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(server.appraise, bundles))
    accepted = [one for one in answers if one.status == 200]
    assert accepted
    assert all(is_busy(one) for one in answers if one.status != 200)
    assert resident_most(server) < MOST_RESIDENT
    assert server.appraise(large(server, machine)).status == 200  # the room is free again


def held(server: Server) -> http.client.HTTPConnection:
    """Send a body of the largest size but for its last byte."""
    connection = UnixConnection(server.socket)
    connection.putrequest("POST", "/v1/appraise")
    connection.putheader("content-type", BUNDLE_TYPE)
    connection.putheader("content-length", str(BUNDLE_MAX_BYTES))
    connection.endheaders()
    connection.send(bytes(BUNDLE_MAX_BYTES - 1))
    return connection


def test_small_bundles_find_room_where_large_ones_do_not(server: Server, machine: Machine) -> None:
    # Each holds 64 KiB of its own, so that a little room is left behind these.
    slow = [held(server) for _ in range(TOGETHER)]
    assert server.appraise(machine.fresh(server.nonce()).encoded).status == 200
    assert is_busy(server.appraise(large(server, machine)))
    for one in slow:
        one.close()
    deadline = time.monotonic() + 10
    while (answer := server.appraise(large(server, machine))).status != 200:
        assert is_busy(answer)
        assert time.monotonic() < deadline


def test_what_is_announced_takes_no_room(server: Server, machine: Machine) -> None:
    silent = []
    for _ in range(4 * TOGETHER):
        connection = UnixConnection(server.socket)
        connection.putrequest("POST", "/v1/appraise")
        connection.putheader("content-type", BUNDLE_TYPE)
        connection.putheader("content-length", str(BUNDLE_MAX_BYTES))
        connection.endheaders()
        silent.append(connection)
    assert server.appraise(large(server, machine)).status == 200
    for one in silent:
        one.close()


def test_one_byte_more_is_refused(server: Server) -> None:
    answer = server.appraise(bytes(BUNDLE_MAX_BYTES + 1))
    assert (answer.status, answer.json["code"]) == (413, "http.too-large")
    assert server.appraise(bytes(BUNDLE_MAX_BYTES)).json["step"] == 1
