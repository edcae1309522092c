# SPDX-License-Identifier: Apache-2.0
"""A revocation outlives SIGKILL: of verifier and broker, at once or in the worst moment.

Processes throughout: troth-verifier, troth-broker, and `troth token verify`. What a push of trothd
is to a verifier, a bundle of a namespace that left its model, is sent by the test.
"""

from __future__ import annotations

import json
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.broker.world import BrokerProcess, furnish
from tests.bundles import AUDIENCE, Machine, model, namespace
from tests.program import troth
from tests.verifiers import ISSUER, Server, make_directory, running
from troth.errors import DeniedError, StaleError
from troth.evidence.binding import Namespace

PATH = "payments/database"


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="k") as name:  # a unix socket's path must be short
        yield Path(name)


@pytest.fixture
def configuration(base: Path, machine: Machine) -> Path:
    return make_directory(base / "v", machine)


@pytest.fixture
def broker(base: Path) -> Iterator[BrokerProcess]:
    made = BrokerProcess(base / "b")
    furnish(made, f"unix:{base / 'v' / 'verifier.sock'}")
    yield made
    made.stop()


@contextmanager
def serving(broker: BrokerProcess) -> Iterator[None]:
    broker.start()
    try:
        yield
    finally:
        broker.stop()


def told_by_cli(server: Server, token: str) -> tuple[int, str]:
    """Return status and verdict of `troth token verify`, which asks the verifier."""
    named = ("--issuer", ISSUER, "--audience", AUDIENCE, "--verifier", f"unix:{server.socket}")
    done = troth("token", "verify", "-", *named, "--json", stdin=token.encode())
    said = json.loads(done.out)
    return done.status, said.get("code") or said["verdict"]


def token_of(server: Server, machine: Machine, mine: Namespace) -> str:
    answer = server.appraise(machine.fresh(server.nonce(), mine).encoded)
    assert answer.status == 200, answer.body
    token: str = answer.json["token"]
    return token


def push_departure(server: Server, machine: Machine, mine: Namespace) -> None:
    gone = namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1))
    answer = server.appraise(machine.fresh(server.nonce(), gone).encoded)
    assert (answer.status, answer.json["code"]) == (403, "model.forensic")


def kill(server: Server, broker: BrokerProcess) -> None:
    server.stop(signal.SIGKILL)
    broker.stop(kill=True)


@pytest.mark.parametrize("rest_s", [0.0, 2.5], ids=["before the next fetch", "after it"])
def test_a_revocation_outlives_both(
    configuration: Path, broker: BrokerProcess, machine: Machine, rest_s: float
) -> None:
    """The broker holds a list without the revocation when it dies, or one with it."""
    mine, other = namespace(), namespace()
    with running(configuration) as server, serving(broker):
        token = token_of(server, machine, mine)
        unharmed = token_of(server, machine, other)
        assert told_by_cli(server, token) == (0, "affirming")
        assert broker.ask(PATH, token)
        push_departure(server, machine, mine)
        if rest_s:
            time.sleep(rest_s)
            with pytest.raises(DeniedError, match=r"token\.revoked"):
                broker.ask(PATH, token)
        kill(server, broker)
    with running(configuration) as server, serving(broker):
        with pytest.raises(DeniedError, match=r"token\.revoked"):
            broker.ask(PATH, token)
        assert told_by_cli(server, token) == (6, "token.revoked")
        assert broker.ask(PATH, unharmed)
        assert told_by_cli(server, unharmed) == (0, "affirming")
        back = server.appraise(machine.fresh(server.nonce(), mine).encoded)
        assert (back.status, back.json["code"]) == (403, "binding.barred")
    released = [one["path"] for one in broker.checked_log() if one["event"] == "released"]
    assert released == [PATH, PATH]  # once before the push, once for the other namespace


def test_a_verifier_that_dies_behind_the_push(
    configuration: Path, broker: BrokerProcess, machine: Machine
) -> None:
    """The living broker believes its list for two seconds; then it refuses all, then the one."""
    mine = namespace()
    with serving(broker):
        with running(configuration) as server:
            token = token_of(server, machine, mine)
            assert broker.ask(PATH, token)
            push_departure(server, machine, mine)
            server.stop(signal.SIGKILL)
        time.sleep(2.1)  # older than `status_max_age_s`
        with pytest.raises(StaleError, match=r"token\.status-missing"):
            broker.ask(PATH, token)
        with running(configuration) as server:
            with pytest.raises(DeniedError, match=r"token\.revoked"):
                broker.ask(PATH, token)
            assert told_by_cli(server, token) == (6, "token.revoked")


def test_a_push_that_was_not_answered_is_whole_or_not_at_all(
    configuration: Path, machine: Machine
) -> None:
    """Killed while it appraises, it has barred or not; the push that is sent again settles it."""
    mine = namespace()
    gone = namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1))
    with running(configuration) as server:
        token = token_of(server, machine, mine)
        bundle = machine.fresh(server.nonce(), gone).encoded
        connection = server.begin("POST", "/v1/appraise", bundle)
        server.stop(signal.SIGKILL)
        connection.close()
    with running(configuration) as server:
        answer = server.appraise(bundle)
        assert (answer.status, answer.json["code"]) == (403, "model.forensic") or (
            (answer.status, answer.json["code"]) == (409, "challenge.used")
        )
        with pytest.raises(DeniedError, match=r"token\.revoked"):
            server.settle(token)
        assert told_by_cli(server, token) == (6, "token.revoked")
