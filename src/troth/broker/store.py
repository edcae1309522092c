# SPDX-License-Identifier: Apache-2.0
"""Vault, log and anchor as one thing: what changes is logged in the same transaction.

Order of writes, and what a crash between them leaves:

1. the rows of the change, its log entry and the signed head: one transaction;
2. the anchor. Without it the anchor is behind, which `open` takes: it is never ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from troth.broker import log as log_rows
from troth.broker.anchor import Anchor, AnchorFile
from troth.broker.log import Entry, Head, ReleaseLog
from troth.broker.policy import ReleasePolicy
from troth.broker.vault import Listed, Vault
from troth.crypto.digest import sha256
from troth.crypto.secret import Secret
from troth.crypto.storage import StorageKey
from troth.errors import DriverError
from troth.infra.database import Database
from troth.token.keys import SigningKey
from troth.wire.history import consistency_path, root_of
from troth.wire.text import format_instant

__all__ = ["Store"]

T = TypeVar("T")

_ENTRIES_MOST: Final = 1000  # of one answer


class Store:
    """All that the broker keeps. For one thread at a time; other processes may work beside it."""

    def __init__(
        self, database: Database, *, storage_key: StorageKey, log_key: SigningKey, anchor: str
    ) -> None:
        """Take an open database; `create` or `open` comes next."""
        self._database = database
        self._vault = Vault(storage_key)
        self._log = ReleaseLog(log_key)
        self._anchor = AnchorFile(anchor, storage_key)

    def create(self, policy: bytes) -> None:
        """Fill an empty database.

        Raises:
            UsageError: `usage.policy`.
            DriverError: `database.*`, `broker.storage`.
        """
        with self._database.write() as connection:
            self._vault.create(connection, policy)
        self._remember()

    def open(self) -> None:
        """Check all of it: rows, log, and both against the anchor.

        Raises:
            DriverError: `broker.storage`, `broker.rollback`, `broker.log`, `database.*`.
        """
        anchor = self._anchor.read()
        with self._database.read() as connection:
            generation = self._vault.generation(connection)
            self._log.check(connection)
            leaves = log_rows.leaves(connection, anchor.size)
        if generation < anchor.generation or len(leaves) < anchor.size:
            raise DriverError(
                "broker.rollback",
                f"generation {generation} and {len(leaves)} log entries, "
                f"{anchor.generation} and {anchor.size} were there",
            )
        if root_of(leaves).hex() != anchor.root:
            raise DriverError("broker.log", f"the first {anchor.size} entries were altered")
        self._remember()

    def close(self) -> None:
        """Remember how far it has come and let go of the database."""
        self._remember()
        self._database.close()

    def put(self, path: str, value: Secret, at: datetime) -> int:
        """Store a secret, log that, and return its version; raises as `Vault.put`."""
        return self._change(
            lambda connection: self._vault.put(connection, path, value, at),
            Entry(at=format_instant(at), event="secret.put", path=path),
            at,
        )

    def remove(self, path: str, at: datetime) -> None:
        """Remove a secret and log that; raises as `Vault.remove`."""
        self._change(
            lambda connection: self._vault.remove(connection, path),
            Entry(at=format_instant(at), event="secret.removed", path=path),
            at,
        )

    def put_policy(self, text: bytes, name: str, at: datetime) -> None:
        """Replace the release policy and log that; raises as `Vault.put_policy`."""
        self._change(
            lambda connection: self._vault.put_policy(connection, text, name),
            Entry(at=format_instant(at), event="policy.put", policy=sha256(text).hex()),
            at,
        )

    def listed(self) -> list[Listed]:
        """Return what secrets there are."""
        with self._database.read() as connection:
            return self._vault.listed(connection)

    def policy(self) -> ReleasePolicy:
        """Return the release policy in force."""
        with self._database.read() as connection:
            return self._vault.policy(connection)

    def policy_text(self) -> bytes:
        """Return its text."""
        with self._database.read() as connection:
            return self._vault.policy_text(connection)

    def read(self, path: str) -> Secret | None:
        """Return a secret, or None."""
        with self._database.read() as connection:
            return self._vault.read(connection, path)

    def append(self, entries: Sequence[Entry], at: datetime) -> Head:
        """Add entries to the log; when this returns they are on the disk."""
        with self._database.write() as connection:
            head = self._log.append(connection, entries, at)
        self._log.committed()
        return head

    def check(self) -> None:
        """Return if a release could be logged now: the database is there, and its lock to be had.

        Raises:
            DriverError: `database.*`.
        """
        with self._database.write():
            return

    def status(self) -> dict[str, Any]:
        """Return how far the store has come, for the administrator."""
        with self._database.read() as connection:
            generation = self._vault.generation(connection)
            self._log.follow(connection)
            secrets = len(self._vault.listed(connection))
        return {"generation": generation, "secrets": secrets, "log_size": self._log.size}

    def signed_head(self) -> str | None:
        """Return the newest signed head of the log, or None of an empty one."""
        with self._database.read() as connection:
            return log_rows.newest_head(connection)

    def entries(self, start: int, count: int) -> list[dict[str, Any]]:
        """Return at most 1,000 entries of the log."""
        with self._database.read() as connection:
            return log_rows.entries(connection, start, min(count, _ENTRIES_MOST))

    def consistency(self, first: int, second: int) -> list[str] | None:
        """Return the proof that the log of `second` entries begins with that of `first`, hex.

        None if there are no such logs.
        """
        with self._database.read() as connection:
            leaves = log_rows.leaves(connection, second)
        if not 0 < first <= second == len(leaves):
            return None
        return [node.hex() for node in consistency_path(leaves, first)]

    def _change(self, change: Callable[[Connection], T], entry: Entry, at: datetime) -> T:
        with self._database.write() as connection:
            done = change(connection)
            self._log.append(connection, [entry], at)
        self._log.committed()
        self._remember()
        return done

    def _remember(self) -> None:
        with self._database.read() as connection:
            generation = self._vault.generation(connection)
            self._log.follow(connection)
        root = self._log.root.hex()
        self._anchor.write(Anchor(generation=generation, size=self._log.size, root=root))
