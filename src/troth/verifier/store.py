# SPDX-License-Identifier: Apache-2.0
"""What the verifier remembers, and step 14 of BINDING 4.9: the one transaction that counts.

`accept` and `bar` are whole or not at all. If the machine dies before the commit, the nonce is
unused and no token left the house; if it dies behind it, the nonce is used and the token may be
lost, which costs its owner one more challenge.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from troth.crypto.digest import same, sha256
from troth.errors import DeniedError, DriverError, StaleError
from troth.evidence.binding import LogHead
from troth.infra.database import Database
from troth.token.status import LIST_TOKENS
from troth.verifier.schema import bars, heads, marks, nonces, spell_count, tokens
from troth.verify.bundle import Recollection, Steps
from troth.verify.bundle.log import check_recollection

__all__ = ["Place", "Seen", "Store"]

_KEEP_HEADS: Final = 256  # counts that are remembered for each namespace id
_KEEP_S: Final = 3600  # how long rows outlive their use, for clocks that step back
_PRUNE_EACH: Final = 64  # tokens
_INSTANCE: Final = "instance"
_PRUNED: Final = "pruned_us"
_MAX_INSTANCE: Final = 1 << 62
_FORKED: Final = "binding.forked"
_FOR_GOOD: Final = (1 << 64) - 1  # no log has more entries (BINDING 4.4, uint)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What step 14 needs to know of a bundle.

    Attributes:
        nonce: of the statement.
        issued: when we issued it.
        namespace_id: 16 bytes.
        log: count and head.
        at: the instant of the appraisal.
    """

    nonce: bytes
    issued: datetime
    namespace_id: bytes
    log: LogHead
    at: datetime


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a token's status stands: the name of its list, and its index there."""

    list: str
    index: int


class Store:
    """The verifier's memory; safe for several threads and several processes."""

    def __init__(self, database: Database, *, challenge_s: int) -> None:
        """Take a database of the verifier's schema.

        Args:
            database: open.
            challenge_s: how long a nonce may be used.
        """
        self._database = database
        self._challenge_us = challenge_s * 1_000_000

    def check(self) -> None:
        """Return if the database answers.

        Raises:
            DriverError: `database.*`.
        """
        with self._database.read() as connection:
            connection.execute(sa.select(sa.literal(1)))

    @property
    def replacements(self) -> int:
        """How often the database's file was found replaced by another."""
        return self._database.replacements

    def recall(
        self, namespace_id: bytes, *, count: int, start: int | None, before: datetime | None
    ) -> Recollection:
        """Return what is remembered of a namespace; see `troth.verify.bundle.Memory`."""
        with self._database.read() as connection:
            return self._recall(connection, namespace_id, count, start, before)

    def accept(
        self, seen: Seen, steps: Steps, *, expires_s: int, issue: Callable[[Place], str]
    ) -> str:
        """Step 14: use the nonce, hold the statement to bars and memory, issue the token.

        Args:
            seen: of an accepted bundle.
            steps: where each rule is noted.
            expires_s: until when the token lives.
            issue: makes the token once its place in the status lists is known.

        Raises:
            StaleError: `challenge.used` or `challenge.expired`.
            DeniedError: `binding.barred` or `binding.forked`.
            DriverError: `database.*`.
        """
        steps.begin(14)
        with self._database.write() as connection:
            _use_nonce(connection, seen, steps)
            _check_bar(connection, seen, steps)
            known = self._recall(connection, seen.namespace_id, seen.log.count, None, seen.issued)
            check_recollection(seen.log, known, steps)
            connection.execute(
                _insert_or_ignore(connection, heads).values(
                    namespace_id=seen.namespace_id,
                    count=spell_count(seen.log.count),
                    head=seen.log.head,
                    accepted_us=_us(seen.at),
                )
            )
            row = connection.execute(
                sa.insert(tokens).values(
                    namespace_id=seen.namespace_id, expires_s=expires_s, revoked=False
                )
            )
            (number,) = row.inserted_primary_key or (0,)
            text = issue(_place(_instance(connection), number))
            if number % _PRUNE_EACH == 0:
                _prune(connection, seen)
        return text

    def contradicts(self, seen: Seen) -> bool:
        """Say whether another head was accepted at the same count: there are two histories.

        Raises:
            DriverError: `database.*`.
        """
        with self._database.read() as connection:
            return _contradicts(connection, seen)

    def bar(self, seen: Seen, steps: Steps, *, code: str | None, always: bool) -> str | None:
        """Bar a namespace and revoke its tokens; return why, or None if it was not barred.

        Who left the model is barred up to this count. One that never was accepted has nothing to
        lose: it is barred only where `always` says so, since a namespace that asks while it still
        learns must be able to ask again when sealed. An id with two histories is barred for good:
        a later count says nothing of which of them it belongs to.

        Args:
            seen: of an authentic bundle.
            steps: where each rule is noted.
            code: how it left the model; None if it did not.
            always: whether to bar a namespace that was never accepted.

        Raises:
            StaleError: `challenge.used` or `challenge.expired`.
            DriverError: `database.*`.
        """
        steps.begin(14)
        with self._database.write() as connection:
            upto = seen.log.count
            if _contradicts(connection, seen):
                code, upto = _FORKED, _FOR_GOOD
            if code is None:
                return None
            _use_nonce(connection, seen, steps)
            mine = heads.c.namespace_id == seen.namespace_id
            known = connection.execute(sa.select(heads.c.count).where(mine).limit(1)).first()
            if known is None and not always:
                return None
            _write_bar(connection, seen, code, upto)
        return code

    def revoked(self, name: str) -> list[int] | None:
        """Return the revoked indices of a status list; None if there is no such list.

        Raises:
            DriverError: `database.*`.
        """
        with self._database.read() as connection:
            instance, _, number = name.partition("-")
            if not number.isascii() or not number.isdigit() or len(number) > len(str(1 << 63)):
                return None
            if _marked(connection, _INSTANCE) != _parsed(instance):
                return None
            newest = connection.scalar(sa.select(sa.func.max(tokens.c.number))) or 0
            first = int(number) * LIST_TOKENS
            if first > newest or name != _place(_parsed(instance), first).list:
                return None
            rows = connection.execute(
                sa.select(tokens.c.number).where(
                    tokens.c.number >= first,
                    tokens.c.number < first + LIST_TOKENS,
                    tokens.c.revoked.is_(True),
                )
            )
            return [row.number - first for row in rows]

    def _recall(
        self,
        connection: sa.Connection,
        namespace_id: bytes,
        count: int,
        start: int | None,
        before: datetime | None,
    ) -> Recollection:
        mine = heads.c.namespace_id == namespace_id
        instant = 0 if before is None else _us(before)
        highest = sa.select(sa.func.max(heads.c.count)).where(mine)
        newest = connection.scalar(sa.select(sa.func.max(heads.c.accepted_us)).where(mine)) or 0
        # A nonce that may still be used is older than any acceptance by less than its lifetime. If
        # it is not, the clock has stepped back, and every acceptance counts as one before it.
        if newest <= instant + self._challenge_us:
            highest = highest.where(heads.c.accepted_us <= instant)
        floor = connection.scalar(highest)
        return Recollection(
            head=_head(connection, namespace_id, count),
            start=None if start is None else _head(connection, namespace_id, start),
            floor=int(floor) if floor else 0,
        )


def _use_nonce(connection: sa.Connection, seen: Seen, steps: Steps) -> None:
    pruned = _marked(connection, _PRUNED) or 0
    with steps.noted("remembered", expected="a nonce that would be remembered", source="database"):
        if _us(seen.issued) <= pruned:
            raise StaleError("challenge.expired", "issued before what is remembered")
    with steps.noted("nonce", expected="not used before", source="database"):
        written = connection.execute(
            _insert_or_ignore(connection, nonces)
            .values(digest=sha256(seen.nonce), issued_us=_us(seen.issued))
            .returning(nonces.c.digest)  # a driver may not count the rows of an insert
        ).first()
        if written is None:
            raise StaleError("challenge.used")


def _check_bar(connection: sa.Connection, seen: Seen, steps: Steps) -> None:
    row = connection.execute(
        sa.select(bars.c.count, bars.c.code).where(bars.c.namespace_id == seen.namespace_id)
    ).first()
    with steps.noted("bar", expected="none at this count or above", source="database"):
        if row is not None:
            barred, code = row[0], row[1]
            if seen.log.count <= int(barred):
                upto = "for good" if int(barred) == _FOR_GOOD else f"to {int(barred)}"
                detail = f"count {seen.log.count}, barred {upto}: {code}"
                raise DeniedError("binding.barred", detail)


def _contradicts(connection: sa.Connection, seen: Seen) -> bool:
    known = _head(connection, seen.namespace_id, seen.log.count)
    return known is not None and not same(known, seen.log.head)


def _write_bar(connection: sa.Connection, seen: Seen, code: str, upto: int) -> None:
    """Raise the bar of a namespace id, never lower it, and revoke its tokens."""
    row = {"count": spell_count(upto), "code": code, "barred_us": _us(seen.at)}
    insert = _insert(connection, bars).values(namespace_id=seen.namespace_id, **row)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[bars.c.namespace_id], set_=row, where=bars.c.count < row["count"]
        )
    )
    connection.execute(
        sa.update(tokens).where(tokens.c.namespace_id == seen.namespace_id).values(revoked=True)
    )


def _head(connection: sa.Connection, namespace_id: bytes, count: int) -> bytes | None:
    found = connection.scalar(
        sa.select(heads.c.head).where(
            heads.c.namespace_id == namespace_id, heads.c.count == spell_count(count)
        )
    )
    return None if found is None else bytes(found)


def _prune(connection: sa.Connection, seen: Seen) -> None:
    """Forget what no longer decides anything; nonces older than that are refused from now on."""
    limit = seen.at - timedelta(seconds=_KEEP_S)
    connection.execute(sa.delete(nonces).where(nonces.c.issued_us <= _us(limit)))
    _set_mark(connection, _PRUNED, _us(limit))
    connection.execute(sa.delete(tokens).where(tokens.c.expires_s < int(limit.timestamp())))
    mine = heads.c.namespace_id == seen.namespace_id
    oldest = connection.scalar(
        sa.select(heads.c.count)
        .where(mine)
        .order_by(heads.c.count.desc())
        .offset(_KEEP_HEADS)
        .limit(1)
    )
    if oldest is not None:
        connection.execute(sa.delete(heads).where(mine, heads.c.count <= oldest))


def _instance(connection: sa.Connection) -> int:
    """Return the number that names this database's lists, drawn at the first use."""
    chosen = secrets.randbelow(_MAX_INSTANCE)
    connection.execute(_insert_or_ignore(connection, marks).values(name=_INSTANCE, value=chosen))
    found = _marked(connection, _INSTANCE)
    if found is None:
        raise DriverError("database.unavailable", "a row that was written cannot be read")
    return found


def _marked(connection: sa.Connection, name: str) -> int | None:
    row = connection.execute(sa.select(marks.c.value).where(marks.c.name == name)).first()
    return None if row is None else int(row[0])


def _set_mark(connection: sa.Connection, name: str, value: int) -> None:
    insert = _insert(connection, marks).values(name=name, value=value)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[marks.c.name], set_={"value": value}, where=marks.c.value < value
        )
    )


def _insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that knows of conflicts; both dialects spell them alike."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def _insert_or_ignore(
    connection: sa.Connection, table: sa.Table
) -> sqlite.Insert | postgresql.Insert:
    return _insert(connection, table).on_conflict_do_nothing()


def _place(instance: int, number: int) -> Place:
    return Place(list=f"{instance:x}-{number // LIST_TOKENS}", index=number % LIST_TOKENS)


def _parsed(instance: str) -> int:
    try:
        return int(instance, 16)
    except ValueError:
        return -1


def _us(instant: datetime) -> int:
    return int((instant - _EPOCH) / timedelta(microseconds=1))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
