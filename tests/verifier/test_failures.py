# SPDX-License-Identifier: Apache-2.0
"""A verifier whose database is locked, full or gone says 503, loses nothing, and recovers."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundles import Machine
from tests.verifiers import Answer, Server, make_directory, running
from troth.broker.database import MIGRATIONS as BROKER_MIGRATIONS
from troth.errors import DriverError, UsageError
from troth.infra.database import Database, Migrations
from troth.infra.migrate import newest
from troth.verifier.schema import MIGRATIONS


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def server(tmp_path: Path, machine: Machine) -> Iterator[Server]:
    with running(make_directory(tmp_path / "v", machine)) as found:
        yield found


def unavailable(answer: Answer, code: str = "database.unavailable") -> None:
    assert (answer.status, answer.json["code"]) == (503, code), answer.body


def soon(ask: Callable[[], Answer], status: int) -> Answer:
    """Ask until an answer has the status, for five seconds."""
    for _ in range(50):
        answer = ask()
        if answer.status == status:
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)


def test_locked(server: Server, machine: Machine) -> None:
    bundle = machine.fresh(server.nonce()).encoded
    other = sqlite3.connect(server.directory / "verifier.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    unavailable(server.appraise(bundle))
    assert server.call("GET", "/v1/health").status == 200
    other.execute("ROLLBACK")
    other.close()
    assert server.appraise(bundle).status == 200  # nothing was used up by the failure
    assert server.appraise(bundle).status == 409


def test_full(server: Server, machine: Machine) -> None:
    bundle = machine.fresh(server.nonce()).encoded
    pid = server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, limits[1]))
    unavailable(server.appraise(bundle))
    assert server.call("POST", "/v1/challenge", b"").status == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    soon(lambda: server.appraise(bundle), 200)
    assert server.appraise(bundle).status == 409


def test_gone_and_back(server: Server, machine: Machine) -> None:
    used = machine.fresh(server.nonce()).encoded
    assert server.appraise(used).status == 200
    bundle = machine.fresh(server.nonce()).encoded
    aside = server.directory / "aside"
    aside.mkdir()
    for file in server.directory.glob("verifier.db*"):
        file.rename(aside / file.name)
    unavailable(server.appraise(bundle))
    unavailable(server.call("GET", "/v1/health"))
    assert not (server.directory / "verifier.db").exists()  # nobody makes an empty one
    for file in aside.iterdir():
        file.rename(server.directory / file.name)
    soon(lambda: server.appraise(bundle), 200)
    assert server.appraise(used).json["code"] == "challenge.used"


def test_another_in_its_place(server: Server, machine: Machine) -> None:
    """The new file knows of no nonce: those of before are refused, new ones are taken."""
    used = machine.fresh(server.nonce()).encoded
    assert server.appraise(used).status == 200
    path = server.directory / "verifier.db"
    for file in server.directory.glob("verifier.db*"):
        file.unlink()
    Database.create(f"sqlite:///{path}", MIGRATIONS).close()
    unavailable(server.call("GET", "/v1/health"))
    assert server.appraise(used).json["code"] == "challenge.expired"
    assert server.appraise(machine.fresh(server.nonce()).encoded).status == 200


def test_a_schema_of_another_version(tmp_path: Path, server: Server) -> None:
    url = f"sqlite:///{server.directory / 'verifier.db'}"
    connection = sqlite3.connect(server.directory / "verifier.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for use in (Database.open, Database.create):
        with pytest.raises(DriverError, match=r"database\.schema"):
            use(url, MIGRATIONS)
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(DriverError) as caught:
        Database.open(f"sqlite:///{empty}", MIGRATIONS)
    assert caught.value.code == "database.schema"


def test_two_revisions_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database.create(f"sqlite:///{path}", MIGRATIONS).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    connection.close()
    with pytest.raises(DriverError, match=r"database\.schema"):
        Database.open(f"sqlite:///{path}", MIGRATIONS)


@pytest.mark.parametrize("migrations", [MIGRATIONS, BROKER_MIGRATIONS], ids=["verifier", "broker"])
def test_the_program_knows_its_newest_revision(migrations: Migrations) -> None:
    assert newest(migrations.folder) == migrations.newest


@pytest.mark.parametrize(
    "program", ["troth.verifier.program", "troth.broker.program", "troth.broker._serve"]
)
def test_a_start_does_not_load_what_changes_schemas(program: str) -> None:
    said = f"import sys, {program}; print('alembic' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", said]) == b"False\n"


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite://", "sqlite:///", "oracle9i:///x", "mysql://h/d", "no+no://h/d"],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UsageError, match=r"usage\.database"):
        Database.open(url, MIGRATIONS)


def test_a_database_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Database.create(f"sqlite:///{path}", MIGRATIONS).close()
    assert path.stat().st_mode & 0o777 == 0o600
    Database.create(f"sqlite:///{path}", MIGRATIONS).close()  # again: nothing to do
    with pytest.raises(DriverError, match=r"database\.unavailable"):
        Database.create(f"sqlite:///{tmp_path}/none/x.db", MIGRATIONS)


def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(DriverError, match=r"database\.unavailable"):
        Database.open(f"sqlite:///{path}", MIGRATIONS)
