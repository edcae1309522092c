# SPDX-License-Identifier: Apache-2.0
"""What is on the disk: encrypted, vouched for, and consistent after a kill at any time."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from tests.broker.world import POLICY, World
from troth.broker.database import create_database, open_store
from troth.broker.keys import (
    load_signing_key,
    load_storage_key,
    make_signing_key,
    make_storage_key,
)
from troth.broker.log import Entry, read_head
from troth.broker.settings import Settings, load_settings
from troth.broker.store import Store
from troth.crypto.secret import Secret
from troth.errors import DriverError, TrothError, UsageError
from troth.infra import clock
from troth.token import KeySet
from troth.wire.history import is_consistent


def settings_of(world: World) -> Settings:
    return load_settings(str(world.directory / "broker.toml"))


def refusal(world: World) -> DriverError:
    with pytest.raises(DriverError) as caught:
        open_store(settings_of(world))
    return caught.value


def database(world: World) -> sqlite3.Connection:
    return sqlite3.connect(world.directory / "broker.db", isolation_level=None)


def test_keys_and_database_are_their_owners_alone(stopped: World) -> None:
    for name in ("storage.key", "answer.pem", "log.pem", "broker.db", "anchor.json"):
        assert stat.S_IMODE((stopped.directory / name).stat().st_mode) == 0o600, name


def test_values_are_not_on_the_disk(stopped: World) -> None:
    for path in stopped.directory.iterdir():
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path.name


@pytest.mark.parametrize("name", ["storage.key", "answer.pem", "log.pem"])
def test_key_that_others_can_read_is_refused(stopped: World, name: str) -> None:
    (stopped.directory / name).chmod(0o640)
    done = stopped.run("serve", check=False)
    assert done.returncode == 2
    assert b"usage.key-file" in done.stderr


def test_key_file_of_another_form(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("nonsense")
    path.chmod(0o600)
    for load in (load_signing_key, load_storage_key):
        with pytest.raises(UsageError) as caught:
            load(str(path))
        assert caught.value.code == "usage.key-file"


def test_another_storage_key_opens_nothing(stopped: World) -> None:
    (stopped.directory / "storage.key").unlink()
    make_storage_key(stopped.directory / "storage.key")
    assert refusal(stopped).code == "broker.rollback"  # the anchor is the first to notice


def test_row_put_back_to_an_earlier_value(stopped: World) -> None:
    with database(stopped) as connection:
        old = connection.execute("SELECT * FROM secret WHERE path='payments/database'").fetchone()
    stopped.run("secret", "put", "payments/database", stdin=b"newer")
    with database(stopped) as connection:
        connection.execute("DELETE FROM secret WHERE path='payments/database'")
        connection.execute("INSERT INTO secret VALUES (?,?,?,?)", old)
    assert refusal(stopped).code == "broker.storage"


def test_rows_exchanged(stopped: World) -> None:
    with database(stopped) as connection:
        connection.execute("UPDATE secret SET path='x' WHERE path='payments/database'")
        connection.execute("UPDATE secret SET path='payments/database' WHERE path='reports/key'")
    assert refusal(stopped).code == "broker.storage"


def test_row_changed_while_the_broker_runs(running: World) -> None:
    assert running.secret("payments/database") == b"hunter2"
    with database(running) as connection:
        connection.execute(
            "UPDATE secret SET sealed=(SELECT sealed FROM secret WHERE path='reports/key')"
            " WHERE path='payments/database'"
        )
    with pytest.raises(TrothError) as caught:
        running.ask("payments/database")
    assert caught.value.code == "broker.rollback"


def test_policy_changed_behind_its_back(stopped: World) -> None:
    with database(stopped) as connection:
        connection.execute("UPDATE policy SET text=?", (POLICY.replace("payments", "x").encode(),))
    assert refusal(stopped).code == "broker.storage"


def test_whole_database_put_back(stopped: World, tmp_path: Path) -> None:
    shutil.copy(stopped.directory / "broker.db", tmp_path)
    stopped.run("secret", "rm", "reports/key")
    for name in ("broker.db-wal", "broker.db-shm"):
        (stopped.directory / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "broker.db", stopped.directory)
    assert refusal(stopped).code == "broker.rollback"


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM log_entry WHERE number=1",
        "DELETE FROM log_entry WHERE number=2",
        "UPDATE log_entry SET body=CAST('{}' AS BLOB) WHERE number=0",
        "DELETE FROM log_head WHERE size=3",
        "DELETE FROM log_head",
        "UPDATE log_head SET signed='x' WHERE size=3",
    ],
)
def test_log_that_was_touched(stopped: World, fault: str) -> None:
    with database(stopped) as connection:
        connection.execute(fault)
    assert refusal(stopped).code == "broker.log"


def test_anchor_gone(stopped: World) -> None:
    (stopped.directory / "anchor.json").write_text("{}")
    assert refusal(stopped).code == "broker.rollback"
    (stopped.directory / "anchor.json").unlink()
    assert refusal(stopped).code == "broker.rollback"


def test_killed_broker_has_every_answer_in_its_log(running: World) -> None:
    answered: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                running.ask("payments/database")
            except TrothError:
                return
            answered.append(1)

    for _ in range(3):
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for one in threads:
            one.start()
        stop.wait(0.7)
        running.stop(kill=True)
        for one in threads:
            one.join()
        running.start()
    assert len(answered) > 10
    released = [one for one in running.checked_log() if one["event"] == "released"]
    assert len(released) >= min(len(answered), 990)
    assert running.secret("payments/database") == b"hunter2"


def test_heads_are_consistent(running: World) -> None:
    keys = KeySet([load_signing_key(str(running.directory / "log.pem")).key.public])
    first = read_head(running.admin("/v1/log/head")["head"], keys)
    for _ in range(5):
        running.secret("payments/database")
    second = read_head(running.admin("/v1/log/head")["head"], keys)
    assert second.size == first.size + 5
    path = running.admin(f"/v1/log/consistency?first={first.size}&second={second.size}")["path"]
    assert is_consistent(
        first.size,
        bytes.fromhex(first.root),
        second.size,
        bytes.fromhex(second.root),
        [bytes.fromhex(one) for one in path],
    )


def test_full_disk_releases_nothing(running: World) -> None:
    with database(running) as connection:
        connection.execute("ALTER TABLE log_entry RENAME TO gone")
    with pytest.raises(DriverError) as caught:
        running.ask("payments/database")
    assert caught.value.code == "database.unavailable"
    with database(running) as connection:
        connection.execute("ALTER TABLE gone RENAME TO log_entry")
    assert running.secret("payments/database") == b"hunter2"


def test_changes_are_in_force_at_once_and_in_the_log(running: World, tmp_path: Path) -> None:
    running.run("secret", "put", "payments/keys/a", stdin=b"\0\xff\n")
    assert running.secret("payments/keys/a") == b"\0\xff\n"
    running.run("secret", "rm", "payments/keys/a")
    with pytest.raises(TrothError):
        running.ask("payments/keys/a")
    (tmp_path / "none.toml").write_text("version = 1\n")
    running.run("policy", "put", str(tmp_path / "none.toml"))
    with pytest.raises(TrothError) as caught:
        running.ask("payments/database")
    assert caught.value.code == "secret.denied"
    events = [one["event"] for one in running.log()]
    assert events[-6:] == [
        "secret.put",
        "released",
        "secret.removed",
        "refused",
        "policy.put",
        "refused",
    ]


def test_store_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    store = Store(
        create_database(f"sqlite:///{tmp_path / 'd.db'}"),
        storage_key=make_storage_key(tmp_path / "s"),
        log_key=make_signing_key(tmp_path / "l"),
        anchor=str(tmp_path / "a"),
    )
    store.create(b"version = 1\n")
    for value in (b"", b"x" * (32 * 1024 + 1)):
        with pytest.raises(UsageError) as caught:
            store.put("a", Secret(value), clock.now())
        assert caught.value.code == "usage.secret"
    with pytest.raises(UsageError):
        store.remove("a", clock.now())
    assert store.put("a", Secret(b"x" * (32 * 1024)), clock.now()) == 1
    with pytest.raises(UsageError) as caught:
        store.put_policy(b"version = 2\n", "p", clock.now())
    assert caught.value.code == "usage.policy"
    store.append([Entry(at="t", event="refused")] * 3, clock.now())
    assert store.status() == {"generation": 1, "secrets": 1, "log_size": 4}
    assert store.consistency(2, 4) is not None
    assert store.consistency(2, 9) is None
    store.close()
