# SPDX-License-Identifier: Apache-2.0
"""The secrets and the release policy, encrypted or vouched for, in the database.

A secret's ciphertext is bound to its path and version. One row, `state`, holds a generation that
every change raises, and a MAC over it, every secret's path, version and digest, and the policy. So
a row that was exchanged, removed or put back to an earlier value is noticed at the next read; and
the whole database put back is, as far as the anchor file was not (see `anchor`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from troth.broker import schema
from troth.broker.path import check_path
from troth.broker.policy import ReleasePolicy, parse_release_policy
from troth.crypto.digest import same, sha256
from troth.crypto.secret import Secret
from troth.crypto.storage import StorageKey
from troth.errors import DriverError, UsageError
from troth.token.seal import SECRET_MAX_BYTES
from troth.wire import json
from troth.wire.text import format_instant

__all__ = ["Listed", "Vault"]

_LABEL: Final = b"troth/broker/secret/v1\x00"
_STATE_LABEL: Final = b"troth/broker/state/v1\x00"
_ONE: Final = 1  # the id of the only row of `state` and of `policy`


class Listed(NamedTuple):
    """What may be told of a secret."""

    path: str
    version: int
    put_at: str


class _Index(NamedTuple):
    """What the state row vouches for."""

    generation: int
    mac: bytes
    secrets: dict[str, tuple[int, str]]  # path: version, and SHA-256 of the ciphertext in hex
    policy: ReleasePolicy


class Vault:
    """Reads and writes within a transaction of the caller."""

    def __init__(self, key: StorageKey) -> None:
        """Take the key that secrets at rest are under."""
        self._key = key
        self._known: _Index | None = None

    def create(self, connection: Connection, policy: bytes) -> None:
        """Fill an empty database; its first generation is 0.

        Raises:
            UsageError: `usage.policy`.
        """
        parse_release_policy(policy, "policy")
        connection.execute(insert(schema.policy), {"id": _ONE, "text": policy})
        connection.execute(insert(schema.state), {"id": _ONE, "generation": 0, "mac": b""})
        self._vouch(connection, 0)

    def generation(self, connection: Connection) -> int:
        """Return the generation, once everything that it vouches for has been checked.

        Raises:
            DriverError: `broker.storage`, `broker.rollback`.
        """
        return self._index(connection).generation

    def policy(self, connection: Connection) -> ReleasePolicy:
        """Return the release policy; raises as `generation`."""
        return self._index(connection).policy

    def policy_text(self, connection: Connection) -> bytes:
        """Return the text of the release policy; raises as `generation`."""
        self._index(connection)
        return _policy_text(connection)

    def listed(self, connection: Connection) -> list[Listed]:
        """Return what secrets there are, by path; raises as `generation`."""
        self._index(connection)
        table = schema.secret
        query = select(table.c.path, table.c.version, table.c.put_at).order_by(table.c.path)
        return [Listed(row.path, row.version, row.put_at) for row in connection.execute(query)]

    def read(self, connection: Connection, path: str) -> Secret | None:
        """Return the secret at `path`, or None; raises as `generation`."""
        index = self._index(connection)
        table = schema.secret
        row = connection.execute(select(table).where(table.c.path == path)).one_or_none()
        known = index.secrets.get(path)
        if row is None and known is None:
            return None
        if row is None or known != (row.version, sha256(row.sealed).hex()):
            raise DriverError("broker.rollback", f"the row of {path} is not the newest one")
        return self._key.open(row.sealed, _context(path, row.version))

    def put(self, connection: Connection, path: str, value: Secret, at: datetime) -> int:
        """Store or replace a secret and return its version.

        Raises:
            MalformedError: `secret.path`.
            UsageError: `usage.secret`, it is empty or too large.
            DriverError: as `generation`.
        """
        check_path(path)
        if not 0 < len(value) <= SECRET_MAX_BYTES:
            raise UsageError("usage.secret", f"{len(value)} bytes, 1 to {SECRET_MAX_BYTES} are due")
        version = self._index(connection).generation + 1
        with value as plain:
            sealed = self._key.seal(plain, _context(path, version))
        row = {"version": version, "sealed": sealed, "put_at": format_instant(at)}
        table = schema.secret
        changed = connection.execute(update(table).where(table.c.path == path).values(row))
        if not changed.rowcount:
            connection.execute(insert(table), {"path": path, **row})
        self._vouch(connection, version)
        return version

    def remove(self, connection: Connection, path: str) -> None:
        """Remove a secret.

        Raises:
            UsageError: `usage.secret`, there is none.
            DriverError: as `generation`.
        """
        generation = self._index(connection).generation + 1
        table = schema.secret
        if not connection.execute(delete(table).where(table.c.path == path)).rowcount:
            raise UsageError("usage.secret", f"there is none at {path!r}")
        self._vouch(connection, generation)

    def put_policy(self, connection: Connection, text: bytes, name: str) -> None:
        """Replace the release policy.

        Raises:
            UsageError: `usage.policy`.
            DriverError: as `generation`.
        """
        parse_release_policy(text, name)
        generation = self._index(connection).generation + 1
        connection.execute(update(schema.policy).values(text=text))
        self._vouch(connection, generation)

    def _index(self, connection: Connection) -> _Index:
        """Return what the state row vouches for; checked once for each state."""
        state = connection.execute(select(schema.state)).one_or_none()
        if state is None:
            raise DriverError("broker.storage", "the database was not made by init")
        known = self._known
        if known is not None and (known.generation, known.mac) == (state.generation, state.mac):
            return known
        if known is not None and state.generation <= known.generation:
            raise DriverError("broker.rollback", "the store is older than a moment ago")
        secrets = _digests(connection)
        text = _policy_text(connection)
        if not same(state.mac, self._mac(state.generation, secrets, text)):
            raise DriverError("broker.storage", "the state row does not vouch for the others")
        policy = parse_release_policy(text, "policy")
        self._known = _Index(state.generation, state.mac, secrets, policy)
        return self._known

    def _vouch(self, connection: Connection, generation: int) -> None:
        mac = self._mac(generation, _digests(connection), _policy_text(connection))
        connection.execute(update(schema.state).values(generation=generation, mac=mac))

    def _mac(self, generation: int, secrets: dict[str, tuple[int, str]], policy: bytes) -> bytes:
        members = [[path, *secrets[path]] for path in sorted(secrets)]
        value = [generation, sha256(policy).hex(), members]
        return self._key.mac(_STATE_LABEL + json.encode(value))


def _digests(connection: Connection) -> dict[str, tuple[int, str]]:
    table = schema.secret
    return {
        row.path: (row.version, sha256(row.sealed).hex())
        for row in connection.execute(select(table.c.path, table.c.version, table.c.sealed))
    }


def _policy_text(connection: Connection) -> bytes:
    text: bytes | None = connection.execute(select(schema.policy.c.text)).scalar()
    if text is None:
        raise DriverError("broker.storage", "the policy is missing")
    return text


def _context(path: str, version: int) -> bytes:
    return _LABEL + version.to_bytes(8, "big") + path.encode()
