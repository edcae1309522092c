# SPDX-License-Identifier: Apache-2.0
"""The verifier on a real PostgreSQL: step 14, between processes, and when the server is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.bundles import Machine, model, namespace
from tests.postgres import NEEDED, Postgres, cluster
from tests.verifiers import Answer, Server, configure, make_directory, running
from troth.errors import DeniedError, DriverError
from troth.infra.database import Database
from troth.verifier.schema import MIGRATIONS

pytestmark = NEEDED


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with cluster() as found:
        yield found


@pytest.fixture
def configuration(
    tmp_path: Path, machine: Machine, postgres: Postgres, request: pytest.FixtureRequest
) -> Path:
    path = make_directory(tmp_path / "v", machine)
    url = postgres.create(f"t{abs(hash(request.node.name))}")
    (path.parent / "verifier.db").unlink()
    configure(path, database=f'"{url}"')
    Database.create(url, MIGRATIONS).close()
    Database.create(url, MIGRATIONS).close()  # again: nothing to do
    return path


@pytest.fixture
def two(configuration: Path) -> Iterator[tuple[Server, Server]]:
    other = configuration.with_name("second.toml")
    other.write_text(configuration.read_text().replace('"verifier.sock"', '"second.sock"'))
    with ExitStack() as stack:
        first, second = (stack.enter_context(running(one)) for one in (configuration, other))
        second.socket = str(configuration.parent / "second.sock")
        yield first, second


def at_once(two: tuple[Server, Server], bundles: list[bytes]) -> list[Answer]:
    gate = threading.Barrier(len(bundles))

    def ask(at: int) -> Answer:
        gate.wait(30)
        return two[at % 2].appraise(bundles[at])

    with ThreadPoolExecutor(len(bundles)) as pool:
        return list(pool.map(ask, range(len(bundles))))


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, "" if answer.status == 200 else answer.json["code"]


def test_a_token_lives_and_dies(two: tuple[Server, Server], machine: Machine) -> None:
    first, second = two
    mine = namespace()
    token = first.appraise(machine.fresh(first.nonce(), mine).encoded).json["token"]
    assert second.settle(token).ear.troth.namespace_id == mine.id.hex()
    gone = namespace(id=mine.id, log=mine.log.append(b"\x01"), model=model(forensic=1))
    left = second.appraise(machine.fresh(second.nonce(), gone).encoded)
    assert told(left) == (403, "model.forensic")
    with pytest.raises(DeniedError, match=r"token\.revoked"):
        first.settle(token)
    again = first.appraise(machine.fresh(first.nonce(), mine).encoded)
    assert told(again) == (403, "binding.barred")


def test_many_at_once_are_all_accepted(two: tuple[Server, Server], machine: Machine) -> None:
    bundles = [machine.fresh(two[0].nonce()).encoded for _ in range(24)]
    assert {told(one) for one in at_once(two, bundles)} == {(200, "")}


def test_of_replays_exactly_one_wins(two: tuple[Server, Server], machine: Machine) -> None:
    bundle = machine.fresh(two[0].nonce()).encoded
    answers = sorted(told(one) for one in at_once(two, [bundle] * 8))
    assert answers == [(200, ""), *[(409, "challenge.used")] * 7]


def test_two_histories(two: tuple[Server, Server], machine: Machine) -> None:
    mine = namespace()
    histories = [namespace(id=mine.id, log=mine.log.append(one)) for one in (b"\x01", b"\x02")]
    bundles = [machine.fresh(two[0].nonce(), one).encoded for one in histories]
    answers = at_once(two, bundles)
    assert sorted(told(one) for one in answers) == [(200, ""), (403, "binding.forked")]
    later = namespace(id=mine.id, log=histories[0].log.append(b"\x03"))
    answer = two[0].appraise(machine.fresh(two[0].nonce(), later).encoded)
    assert told(answer) == (403, "binding.barred")


def test_gone_and_back(configuration: Path, machine: Machine, postgres: Postgres) -> None:
    with running(configuration) as server:
        used = machine.fresh(server.nonce()).encoded
        assert server.appraise(used).status == 200
        bundle = machine.fresh(server.nonce()).encoded
        postgres.stop()
        assert told(server.appraise(bundle)) == (503, "database.unavailable")
        postgres.start()
        assert server.appraise(bundle).status == 200  # nothing was used up by the failure
        assert told(server.appraise(used)) == (409, "challenge.used")


def test_a_schema_that_is_not_ours(configuration: Path, postgres: Postgres) -> None:
    empty = postgres.create("empty")
    with pytest.raises(DriverError, match=r"database\.schema"):
        Database.open(empty, MIGRATIONS)
    with pytest.raises(DriverError, match=r"database\.unavailable"):
        Database.open(postgres.url("none"), MIGRATIONS)
    assert configuration.exists()


def test_a_writer_does_not_wait_for_ever(configuration: Path, postgres: Postgres) -> None:
    url = configuration.read_text().partition('database = "')[2].partition('"')[0]
    first, second = (Database.open(url, MIGRATIONS, busy_s=0.2) for _ in range(2))
    with first.write() as connection:
        connection.execute(sa.text("SELECT 1"))
        with second.read() as reading:
            reading.execute(sa.text("SELECT 1"))  # readers do not wait
        with pytest.raises(DriverError, match=r"database\.unavailable"), second.write():
            pass
    with second.write():
        pass
    first.close()
    second.close()
    assert postgres.directory.exists()
