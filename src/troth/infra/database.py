# SPDX-License-Identifier: Apache-2.0
"""A program's database: SQLAlchemy Core, migrations by Alembic, and one error for all failures.

SQLite by default: one file, write-ahead log, every commit on the disk before it returns. PostgreSQL
by its URL, where psycopg is installed. On both a writing transaction takes the one write lock when
it begins, so that what it reads cannot change before it commits.

Its schema is compared with the program's at each start. Alembic is imported only to change it.

A database that cannot be used now, because it is locked, full or gone, is a `DriverError`; the
next transaction tries again. A file that was put in the place of another is noticed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from troth.errors import DriverError, UsageError

__all__ = ["Database", "Migrations"]

_BUSY_S: Final = 2.0  # how long a transaction waits for another's lock
_CONNECTIONS: Final = 4
_FILE_MODE: Final = 0o600
_WRITES: Final = "troth_writes"
_WRITE_LOCK: Final = 0x74726F7468  # "troth", a key of PostgreSQL's advisory locks
_VERSIONS: Final = "alembic_version"  # where Alembic writes the revision


@dataclass(frozen=True, slots=True)
class Migrations:
    """A program's schema, as the steps that lead to it.

    Attributes:
        folder: of the steps.
        newest: the revision behind the last of them, which this program works with.
    """

    folder: Path
    newest: str


class Database:
    """One database, shared by the threads of a process."""

    def __init__(self, url: URL, migrations: Migrations, *, busy_s: float) -> None:
        """Take an address; `open` and `create` are the usual ways."""
        self._url = url
        self._migrations = migrations
        self._busy_s = busy_s
        self._lock = threading.Lock()
        self._file = _file_of(url)
        self._identity: tuple[int, int] | None = None
        self._replacements = 0
        self._engine = self._new_engine()

    @classmethod
    def create(cls, url: str, migrations: Migrations) -> Self:
        """Make a new database, or bring an older one to this program's schema.

        Raises:
            UsageError: `usage.database`, not an address of a database.
            DriverError: `database.unavailable`; `database.schema`, a newer program's.
        """
        parsed = _parsed(url)
        file = _file_of(parsed)
        if file is not None and not file.exists():
            try:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE))
            except OSError as error:
                raise DriverError("database.unavailable", f"{file}: {error.strerror}") from None
        found = cls(parsed, migrations, busy_s=_BUSY_S)
        found._migrate()
        found._check_schema()
        return found

    @classmethod
    def open(cls, url: str, migrations: Migrations, *, busy_s: float = _BUSY_S) -> Self:
        """Return a database of this program's schema.

        Raises:
            UsageError: `usage.database`.
            DriverError: `database.unavailable`; `database.schema`, another version's.
        """
        found = cls(_parsed(url), migrations, busy_s=busy_s)
        try:
            found._check_schema()
        except DriverError:
            found.close()
            raise
        return found

    @property
    def replacements(self) -> int:
        """How often another file has been found in the place of the one before."""
        return self._replacements

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading.

        Raises:
            DriverError: `database.unavailable` or `database.schema`.
        """
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed when the block returns, or none of them.

        Raises:
            DriverError: `database.unavailable` or `database.schema`.
        """
        with self._transaction(writes=True) as connection:
            yield connection
            self._check_file()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        self._check_file()
        try:
            options = {_WRITES: writes}
            opened = self._engine.connect().execution_options(**options)
            with opened as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise DriverError("database.unavailable", _cause(error)) from None

    def _new_engine(self) -> Engine:
        try:
            engine = create_engine(
                self._url,
                pool_size=_CONNECTIONS,
                max_overflow=_CONNECTIONS,
                pool_timeout=self._busy_s,
                **self._dialect_options(),
            )
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise UsageError("usage.database", f"{_shown(self._url)}: {error}") from None
        if self._file is not None:
            event.listen(engine, "connect", _configure)
            event.listen(engine, "begin", _begin)
        else:
            event.listen(engine, "begin", self._begin_server)
        return engine

    def _dialect_options(self) -> dict[str, Any]:
        if self._file is None:
            # Writers follow one another, and each statement sees what was committed before it.
            return {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}
        return {"connect_args": {"timeout": self._busy_s, "isolation_level": None}}

    def _begin_server(self, connection: Connection) -> None:
        """Begin as the transaction's purpose asks, on PostgreSQL; its own isolation does the rest.

        Serializable transactions would be aborted for one another without having met.
        """
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(self._busy_s * 1000)}")
        if connection.get_execution_options().get(_WRITES, True):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")

    def _check_file(self) -> None:
        """Notice a file that is gone, or that is another one than before."""
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except OSError as error:
            self._engine.dispose()
            raise DriverError("database.unavailable", f"{error.strerror}") from None
        identity = (found.st_dev, found.st_ino)
        with self._lock:
            before, self._identity = self._identity, identity
            is_another = before is not None and before != identity
            self._replacements += is_another
        if is_another:
            self._engine.dispose()
            self._check_schema()
            raise DriverError("database.unavailable", "the file was replaced; ask again")

    def _migrate(self) -> None:
        from troth.infra.migrate import upgrade  # noqa: PLC0415 - costs a start 0.2 s, and rarely needed

        self._check_file()
        try:
            with self._engine.connect() as connection:
                if self._file is not None:
                    # The journal mode is the file's, and kept in it.
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                upgrade(connection, self._migrations.folder)
                connection.commit()
        except SQLAlchemyError as error:
            raise DriverError("database.unavailable", _cause(error)) from None

    def _check_schema(self) -> None:
        due = self._migrations.newest
        with self._transaction(writes=False) as connection:
            have = _revisions(connection)
        if have != [due]:
            raise DriverError("database.schema", f"revision {have or 'none'}, {due} is due")


def _revisions(connection: Connection) -> list[str]:
    """Return what Alembic wrote of a database; nothing if it never saw it."""
    if not inspect(connection).has_table(_VERSIONS):
        return []
    rows = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}")  # noqa: S608 - a constant
    return [str(row[0]) for row in rows]


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("usage.database", "not a database's address") from None
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise UsageError(
            "usage.database", f"{parsed.get_backend_name()}: neither SQLite nor PostgreSQL"
        )
    if parsed.get_backend_name() == "sqlite" and not parsed.database:
        raise UsageError("usage.database", "a database in memory forgets used nonces")
    return parsed


def _file_of(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database is None:
        return None
    return Path(url.database)


def _configure(connection: DBAPIConnection, _: object) -> None:
    """Set what SQLite forgets with each connection."""
    cursor = connection.cursor()
    # On the disk at each commit: an accepted nonce must not come back after a power cut.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin as the transaction's purpose asks: a writer takes the lock before it reads."""
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _cause(error: SQLAlchemyError) -> str:
    """Return the driver's words without the statement and its values."""
    return str(getattr(error, "orig", None) or type(error).__name__)
