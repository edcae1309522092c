# SPDX-License-Identifier: Apache-2.0
"""The broker's database and how its store is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from troth.broker.keys import load_signing_key, load_storage_key
from troth.broker.settings import Settings
from troth.broker.store import Store
from troth.infra.database import Database, Migrations

__all__ = ["MIGRATIONS", "create_database", "open_store"]

MIGRATIONS: Final = Migrations(Path(__file__).parent / "migrations", "0001")


def create_database(url: str) -> Database:
    """Make the broker's database, or bring an older one to this version's schema.

    Raises:
        UsageError: `usage.database`.
        DriverError: `database.unavailable`.
    """
    return Database.create(url, MIGRATIONS)


def open_store(settings: Settings) -> Store:
    """Return the store of a configuration, checked through and through.

    Raises:
        UsageError: `usage.key-file`, `usage.database`.
        DriverError: `broker.storage`, `broker.rollback`, `broker.log`, `database.unavailable`,
            `database.schema`.
    """
    storage_key = load_storage_key(settings.storage_key)
    log_key = load_signing_key(settings.log_key)
    store = Store(
        Database.open(settings.database, MIGRATIONS),
        storage_key=storage_key,
        log_key=log_key,
        anchor=settings.anchor,
    )
    store.open()
    return store
