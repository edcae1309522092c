# SPDX-License-Identifier: Apache-2.0
"""Two verifier processes on one database, handed bundles at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundles import Machine, model, namespace
from tests.verifiers import Answer, Server, make_directory, running
from troth.errors import DeniedError
from troth.evidence.binding import Namespace

Two = tuple[Server, Server]
ROUNDS = 6


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[Two]:
    configuration: Path = make_directory(tmp_path_factory.mktemp("d") / "v", machine)
    other = configuration.with_name("second.toml")
    other.write_text(configuration.read_text().replace('"verifier.sock"', '"second.sock"'))
    with running(configuration) as first, running(other) as second:
        second.socket = str(configuration.parent / "second.sock")
        yield first, second


def at_once(two: Two, bundles: list[bytes]) -> list[Answer]:
    """Hand the first bundle to the one process and the second to the other, and so on."""
    gate = threading.Barrier(len(bundles))

    def ask(at: int) -> Answer:
        gate.wait(30)
        return two[at % 2].appraise(bundles[at])

    with ThreadPoolExecutor(len(bundles)) as pool:
        return list(pool.map(ask, range(len(bundles))))


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, "" if answer.status == 200 else answer.json["code"]


def test_one_bundle_is_accepted_by_one_of_them(two: Two, machine: Machine) -> None:
    for _ in range(ROUNDS):
        bundle = machine.fresh(two[0].nonce()).encoded
        answers = sorted(told(one) for one in at_once(two, [bundle, bundle]))
        assert answers == [(200, ""), (409, "challenge.used")]


def test_of_two_histories_one_at_most_is_accepted_and_then_none(two: Two, machine: Machine) -> None:
    for _ in range(ROUNDS):
        mine = namespace()
        histories = [namespace(id=mine.id, log=mine.log.append(one)) for one in (b"\x01", b"\x02")]
        bundles = [machine.fresh(two[0].nonce(), one).encoded for one in histories]
        answers = at_once(two, bundles)
        assert sorted(told(one) for one in answers) == [(200, ""), (403, "binding.forked")]
        token = next(one.json["token"] for one in answers if one.status == 200)
        for server in two:
            with pytest.raises(DeniedError, match=r"token\.revoked"):
                server.settle(token)
            for history in histories:
                later = namespace(id=mine.id, log=history.log.append(b"\x03"))
                answer = server.appraise(machine.fresh(server.nonce(), later).encoded)
                assert told(answer) == (403, "binding.barred")


def test_a_renewal_does_not_slip_past_a_bar(two: Two, machine: Machine) -> None:
    """A departure and a renewal at once: the bar holds, whichever came first."""
    for _ in range(ROUNDS):
        mine = namespace()
        gone = namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1))
        left = machine.fresh(two[0].nonce(), gone).encoded
        renewals = [machine.fresh(two[1].nonce(), mine).encoded for _ in range(3)]
        departure, *renewed = at_once(two, [left, *renewals])
        assert told(departure) == (403, "model.forensic")
        for answer in renewed:
            if answer.status == 200:
                with pytest.raises(DeniedError, match=r"token\.revoked"):
                    two[1].settle(answer.json["token"])
            else:
                assert told(answer) == (403, "binding.barred")
        assert told(two[1].appraise(_again(two[1], machine, mine))) == (403, "binding.barred")


def _again(server: Server, machine: Machine, mine: Namespace) -> bytes:
    return machine.fresh(server.nonce(), mine).encoded
