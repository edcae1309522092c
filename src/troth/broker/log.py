# SPDX-License-Identifier: Apache-2.0
"""The append-only log of releases and refusals: a Merkle tree (RFC 9162) with signed heads.

A batch of entries and the head over all entries so far are written in one transaction, so a crash
leaves both or neither. Whoever kept a head can hold every later one to it by a consistency proof;
the broker does so itself at its start, with the head of the last batch and with its anchor file.

Not detected: a log that was cut back together with its heads and the anchor, by somebody who keeps
the whole disk, unless someone else has kept a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, func, insert, select

from troth.broker import schema
from troth.errors import DriverError, TrothError
from troth.token.jws import open_jws, sign_jws
from troth.token.keys import KeySet, SigningKey
from troth.wire import json
from troth.wire.history import Frontier, entry_hash
from troth.wire.text import format_instant

__all__ = ["Entry", "Head", "ReleaseLog", "read_head"]

_TYPE: Final = "troth-log-head+jws"
_HEAD_MAX_BYTES: Final = 2048
_PAGE: Final = 10_000  # entries read at a time


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the log. Values of secrets and tokens never stand in it.

    Attributes:
        at: when, RFC 3339.
        event: what happened.
        path: of the secret; empty for what concerns none.
        code: why it was refused.
        rule: the rules that granted or refused.
        reason: the conditions that did not hold.
        verifier: who signed the token; only of signed ones, revoked or not, as what follows.
        namespace: its id, hex.
        label: what its creator called it.
        count: length of its own log.
        statement: SHA-256 of its statement, hex.
        token: SHA-256 of the token as it came, hex, also of one that is not authentic.
        policy: SHA-256 of the release policy that is put, hex.
    """

    at: str
    event: Literal["released", "refused", "secret.put", "secret.removed", "policy.put"]
    path: str = ""
    code: str = ""
    rule: str = ""
    reason: str = ""
    verifier: str = ""
    namespace: str = ""
    label: str = ""
    count: int = 0
    statement: str = ""
    token: str = ""
    policy: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the broker signs of its log: how long it is, and the root over it, hex."""

    size: int
    root: str
    at: str


class ReleaseLog:
    """The log of one database. Appending is for one thread at a time; other programs may, too."""

    def __init__(self, key: SigningKey) -> None:
        """Take the key that signs heads."""
        self._key = key
        self._frontier = Frontier()
        self._pending = self._frontier

    @property
    def size(self) -> int:
        """How many entries this object has seen."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root over them."""
        return self._frontier.root

    def append(self, connection: Connection, entries: Sequence[Entry], at: datetime) -> Head:
        """Add entries and sign the head over them, in the caller's writing transaction.

        The object follows only when the caller says `committed`.
        """
        frontier = self._frontier.copy()
        _follow(connection, frontier)
        bodies = [json.encode(one) for one in entries]
        rows = [
            {"number": number, "body": body} for number, body in enumerate(bodies, frontier.size)
        ]
        connection.execute(insert(schema.entry), rows)
        for body in bodies:
            frontier.append(entry_hash(body))
        head = Head(size=frontier.size, root=frontier.root.hex(), at=format_instant(at))
        signed = sign_jws(json.encode(head), self._key, typ=_TYPE)
        connection.execute(insert(schema.head), {"size": head.size, "signed": signed})
        self._pending = frontier
        return head

    def committed(self) -> None:
        """Follow to where the last `append` led, now that its transaction is on the disk."""
        self._frontier = self._pending

    def follow(self, connection: Connection) -> None:
        """Read what other programs have appended.

        Raises:
            DriverError: `broker.log`.
        """
        frontier = self._frontier.copy()
        _follow(connection, frontier)
        self._frontier = frontier

    def check(self, connection: Connection) -> None:
        """Read the whole log and hold it to the last signed head.

        Raises:
            DriverError: `broker.log`.
        """
        frontier = Frontier()
        _follow(connection, frontier)
        signed = newest_head(connection)
        if signed is None:
            if frontier.size:
                raise DriverError("broker.log", f"{frontier.size} entries and no head")
            return
        head = read_head(signed, KeySet([self._key.key.public]))
        if (head.size, head.root) != (frontier.size, frontier.root.hex()):
            raise DriverError(
                "broker.log", f"the head is over {head.size} entries, {frontier.size} are there"
            )
        self._frontier = frontier


def read_head(signed: str, keys: KeySet) -> Head:
    """Return a head whose signature holds.

    Raises:
        DriverError: `broker.log`.
    """
    try:
        payload = open_jws(signed, keys, typ=_TYPE, max_bytes=_HEAD_MAX_BYTES)
        return json.decode(payload, Head, max_bytes=_HEAD_MAX_BYTES, max_depth=1)
    except TrothError as error:
        raise DriverError("broker.log", f"the signed head: {error}") from None


def newest_head(connection: Connection) -> str | None:
    """Return the newest signed head, or None of an empty log."""
    table = schema.head
    found: str | None = connection.execute(
        select(table.c.signed).order_by(table.c.size.desc()).limit(1)
    ).scalar()
    return found


def leaves(connection: Connection, most: int | None = None) -> list[bytes]:
    """Return the leaf hashes of the first `most` entries, or of all."""
    table = schema.entry
    query = select(table.c.body).order_by(table.c.number)
    return [entry_hash(row.body) for row in connection.execute(query.limit(most))]


def entries(connection: Connection, start: int, count: int) -> list[dict[str, Any]]:
    """Return entries as they were written, each with its number."""
    table = schema.entry
    query = select(table).where(table.c.number >= start).order_by(table.c.number).limit(count)
    return [
        {"number": row.number} | json.decode(row.body, dict[str, Any], max_bytes=64 * 1024)
        for row in connection.execute(query)
    ]


def _follow(connection: Connection, frontier: Frontier) -> None:
    """Add what other programs appended; numbers must follow one another.

    Raises:
        DriverError: `broker.log`.
    """
    table = schema.entry
    last = connection.execute(select(func.max(table.c.number))).scalar()
    length = 0 if last is None else int(last) + 1
    if length < frontier.size:
        raise DriverError("broker.log", f"{length} entries, where {frontier.size} were")
    while frontier.size < length:
        query = select(table).where(table.c.number >= frontier.size).order_by(table.c.number)
        rows = connection.execute(query.limit(_PAGE)).all()
        for row in rows:
            if row.number != frontier.size:
                raise DriverError("broker.log", f"entry {frontier.size} is missing")
            frontier.append(entry_hash(row.body))
        if not rows:
            raise DriverError("broker.log", f"entry {frontier.size} is missing")
