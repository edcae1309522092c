# SPDX-License-Identifier: Apache-2.0
"""The broker's store on a real PostgreSQL: secrets, policy, log, and its checks at each start."""

from __future__ import annotations

import sqlalchemy as sa

from tests.broker.world import POLICY, World
from tests.postgres import NEEDED, cluster
from troth.broker.database import MIGRATIONS, create_database
from troth.broker.keys import load_signing_key, load_storage_key
from troth.broker.schema import entry
from troth.broker.settings import load_settings
from troth.broker.store import Store
from troth.infra.database import Database

pytestmark = NEEDED


def test_secrets_are_released_and_logged(stopped: World) -> None:
    path = stopped.directory / "broker.toml"
    with cluster() as postgres:
        url = postgres.create("broker")
        path.write_text(path.read_text().replace('"broker.db"', f'"{url}"'))
        settings = load_settings(str(path))
        (stopped.directory / "anchor.json").unlink()
        store = Store(
            create_database(url),
            storage_key=load_storage_key(settings.storage_key),
            log_key=load_signing_key(settings.log_key),
            anchor=settings.anchor,
        )
        store.create(POLICY.encode())
        store.close()
        put = stopped.run("secret", "put", "payments/database", stdin=b"correct horse")
        assert put.returncode == 0, put.stderr
        again = stopped.run("secret", "put", "payments/database", stdin=b"hunter2")
        assert b"version 2" in again.stderr
        stopped.start()
        assert stopped.secret("payments/database") == b"hunter2"
        stopped.stop(kill=True)
        events = [one["event"] for one in stopped.checked_log()]
        assert events[-1] == "released"
        assert stopped.run("secret", "rm", "payments/database").returncode == 0
        gone = stopped.run("secret", "rm", "payments/database", check=False)
        assert gone.returncode == 2
        _alter(url)
        refused = stopped.run("serve", check=False)
        assert (refused.returncode, b"broker." in refused.stderr) == (7, True), refused.stderr


def _alter(url: str) -> None:
    """Take an entry of the log away, as whoever reaches the database could."""
    database = Database.open(url, MIGRATIONS)
    with database.write() as connection:
        connection.execute(sa.delete(entry).where(entry.c.number == 1))
    database.close()
