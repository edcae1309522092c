# SPDX-License-Identifier: Apache-2.0
"""Step 14 on its own: clocks that step back, bars, lists, pruning; and challenges."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from troth.crypto.digest import mac_sha256
from troth.errors import DeniedError, StaleError
from troth.evidence.binding import LogHead
from troth.infra.database import Database
from troth.verifier.challenge import Challenges, make_challenge
from troth.verifier.schema import MIGRATIONS, marks
from troth.verifier.store import Place, Seen, Store
from troth.verify import Trace
from troth.verify.bundle import Steps

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY: Final = bytes(range(32))
NAMESPACE: Final = bytes(16)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database.create(f"sqlite:///{tmp_path / 'v.db'}", MIGRATIONS)
    with database.write() as connection:  # as if it had been made before AT
        connection.execute(sa.update(marks).values(value=0))
    yield Store(database, challenge_s=60)
    database.close()


def seen(
    count: int = 0, *, at: datetime = AT, issued: datetime | None = None, **changes: Any
) -> Seen:
    log = LogHead.empty(NAMESPACE).append(*[b"x"] * count)
    values: dict[str, Any] = {
        "nonce": secrets.token_bytes(57),
        "issued": issued or at,
        "namespace_id": NAMESPACE,
        "log": log,
        "at": at,
    }
    return Seen(**(values | changes))


def accept(store: Store, one: Seen) -> Place:
    places: list[Place] = []

    def issue(place: Place) -> str:
        places.append(place)
        return "token"

    expires = int(one.at.timestamp()) + 300
    assert store.accept(one, Steps(Trace()), expires_s=expires, issue=issue) == "token"
    return places[0]


def refused(store: Store, one: Seen, code: str) -> None:
    steps = Steps(Trace())
    with pytest.raises((StaleError, DeniedError)) as caught:
        store.accept(one, steps, expires_s=0, issue=lambda _: "no")
    assert (caught.value.code, steps.number) == (code, 14)


def test_a_nonce_is_used_once(store: Store) -> None:
    one = seen()
    accept(store, one)
    refused(store, one, "challenge.used")


def test_a_new_database_takes_no_older_nonce(tmp_path: Path) -> None:
    """It cannot know whether one was used in the database before it."""
    before = datetime.now(UTC)
    database = Database.create(f"sqlite:///{tmp_path / 'new.db'}", MIGRATIONS)
    new = Store(database, challenge_s=60)
    refused(new, seen(at=before), "challenge.expired")
    accept(new, seen(at=datetime.now(UTC)))
    database.close()


def test_a_token_that_cannot_be_made_uses_nothing(store: Store) -> None:
    one = seen()

    def fail(_: Place) -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.accept(one, Steps(Trace()), expires_s=0, issue=fail)
    accept(store, one)


def test_a_lower_count_is_a_fork_only_behind_the_nonce(store: Store) -> None:
    accept(store, seen(5, at=AT))
    accept(store, seen(3, at=AT + timedelta(seconds=2), issued=AT - timedelta(seconds=1)))
    late = AT + timedelta(seconds=1)
    refused(store, seen(3, at=late, issued=late), "binding.forked")
    refused(store, seen(5, at=late, log=LogHead(5, bytes(32))), "binding.forked")


def test_a_clock_that_stepped_back_hides_no_fork(store: Store) -> None:
    accept(store, seen(5, at=AT))
    early = AT - timedelta(hours=2)
    refused(store, seen(3, at=early, issued=early), "binding.forked")
    accept(store, seen(6, at=early, issued=early))


def test_pruned_nonces_stay_refused_when_the_clock_steps_back(store: Store) -> None:
    first = seen(at=AT)
    accept(store, first)
    later = AT + timedelta(hours=3)
    for _ in range(64):
        accept(store, seen(at=later))
    refused(store, first, "challenge.expired")


def test_bars_hold_for_lower_and_equal_counts(store: Store) -> None:
    place = accept(store, seen(1))
    assert store.revoked(place.list) == []
    assert store.bar(seen(4), Steps(Trace()), code="model.state", always=False)
    assert store.revoked(place.list) == [place.index]
    assert store.bar(seen(2), Steps(Trace()), code="model.state", always=False)
    for count in (1, 2, 4):
        refused(store, seen(count), "binding.barred")
    again = accept(store, seen(5))
    assert store.revoked(again.list) == [place.index]


def test_a_namespace_that_was_never_accepted_is_barred_for_forensic_points_alone(
    store: Store,
) -> None:
    """Else one that asks while it learns could not ask again once it is sealed."""
    assert not store.bar(seen(3), Steps(Trace()), code="model.unsealed", always=False)
    accept(store, seen(3))
    other = seen(2, namespace_id=bytes([1]) * 16)
    assert store.bar(other, Steps(Trace()), code="model.forensic", always=True)
    refused(store, seen(2, namespace_id=bytes([1]) * 16), "binding.barred")
    with pytest.raises(StaleError, match=r"challenge\.used"):
        store.bar(other, Steps(Trace()), code="model.forensic", always=True)


def test_counts_of_64_bits(store: Store) -> None:
    most = (1 << 64) - 1
    accept(store, seen(log=LogHead(most, bytes(32))))
    refused(store, seen(log=LogHead(most, b"x" * 32)), "binding.forked")


def test_lists_that_do_not_exist(store: Store) -> None:
    assert store.revoked("0-0") is None
    name = accept(store, seen()).list
    assert store.revoked(name) == []
    instance = name.partition("-")[0]
    for other in ("", "-", "x-0", f"{instance}-1", f"{instance}-00", f"0{name}", f"{name}0", "1-0"):
        assert store.revoked(other) is None
    assert store.revoked(f"{instance}-{'9' * 30}") is None


def test_only_the_newest_counts_are_remembered(store: Store) -> None:
    for count in range(320):
        accept(store, seen(log=LogHead(count, bytes(32))))
    known = store.recall(NAMESPACE, count=1, start=319, before=AT)
    assert (known.head, known.start, known.floor) == (None, bytes(32), 319)


# --- challenges -------------------------------------------------------------------------------


def challenges(at: datetime = AT, **changes: Any) -> Challenges:
    return Challenges(KEY, lifetime_s=60, at=at, **changes)


def stale(nonce: bytes, code: str, **changes: Any) -> None:
    with pytest.raises(StaleError) as caught:
        challenges(**changes).recognise(nonce, Steps(Trace()))
    assert caught.value.code == code


def test_a_challenge_tells_its_own_time() -> None:
    nonce = make_challenge(KEY, AT)
    assert len(nonce) == 57
    assert challenges().recognise(nonce, Steps(Trace())) == AT
    challenges().compare(nonce, Steps(Trace()))
    assert challenges(AT + timedelta(days=9)).issued(nonce, Steps(Trace())) == AT


def test_expired_future_and_forgotten() -> None:
    nonce = make_challenge(KEY, AT)
    stale(nonce, "challenge.expired", at=AT + timedelta(seconds=61))
    stale(nonce, "challenge.future", at=AT - timedelta(seconds=3))
    stale(nonce, "challenge.expired", not_before=AT)
    stale(make_challenge(bytes(32), AT), "challenge.unknown")


def test_another_version_is_unknown() -> None:
    body = b"\x02" + make_challenge(KEY, AT)[1:25]
    stale(body + mac_sha256(KEY, body), "challenge.unknown")


@given(st.binary(max_size=64))
def test_other_bytes_are_unknown(nonce: bytes) -> None:
    stale(nonce, "challenge.unknown")


@given(st.integers(0, 57 * 8 - 1))
def test_no_bit_may_flip(bit: int) -> None:
    nonce = bytearray(make_challenge(KEY, AT))
    nonce[bit // 8] ^= 1 << bit % 8
    stale(bytes(nonce), "challenge.unknown")
