# SPDX-License-Identifier: Apache-2.0
"""The journal of a namespace: what survives, and what makes it unusable."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from troth.errors import DriverError
from troth.orchestrator.journal import Counts, Journal, Kind, Record

HEADER = 48  # two slots of counts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.journal"


def filled(path: Path) -> None:
    journal = Journal.create(path, b"made")
    journal.append(Kind.ENTRY, b"one")
    journal.append(Kind.ENTRY, b"")
    journal.count(gaps=1)
    journal.count(gaps=1)
    journal.count(alarms=1)
    journal.close()


def records(path: Path) -> list[Record]:
    journal, found = Journal.reopen(path)
    journal.close()
    return found


def counts(path: Path) -> Counts:
    journal, _ = Journal.reopen(path)
    journal.close()
    return journal.counts


def test_what_was_appended_is_read_again(path: Path) -> None:
    filled(path)
    expected = [(Kind.CREATED, b"made"), (Kind.ENTRY, b"one"), (Kind.ENTRY, b"")]
    assert records(path) == expected
    assert counts(path) == Counts(gaps=2, alarms=1)
    journal, _ = Journal.reopen(path)
    journal.append(Kind.SEALED)
    journal.close()
    assert records(path) == [*expected, (Kind.SEALED, b"")]


def test_every_short_tail_is_cut_and_nothing_before_it(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for size in range(len(whole) - 1, HEADER + 16, -1):
        path.write_bytes(whole[:size])
        found = records(path)
        assert 1 <= len(found) <= 2
        assert records(path) == found


def test_every_flipped_bit_is_noticed_or_makes_a_short_tail(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    good = records(path)
    for bit in range(HEADER * 8, len(whole) * 8):
        path.write_bytes(flipped(whole, bit))
        found: list[Record] = []
        with contextlib.suppress(DriverError):
            found = records(path)
        assert found == good[: len(found)]
        assert len(found) < len(good)


def test_every_flipped_bit_of_the_counts_makes_them_no_lower(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for bit in range(HEADER * 8):
        path.write_bytes(flipped(whole, bit))
        found = counts(path)
        assert found.gaps >= 2
        assert found.alarms >= 1
        # Both slots at once were never torn by us.
        path.write_bytes(flipped(flipped(whole, bit), (bit + HEADER * 4) % (HEADER * 8)))
        with pytest.raises(DriverError, match=r"state.read"):
            counts(path)


def flipped(data: bytes, bit: int) -> bytes:
    bad = bytearray(data)
    bad[bit // 8] ^= 1 << bit % 8
    return bytes(bad)


def test_counting_does_not_make_a_journal_longer(path: Path) -> None:
    filled(path)
    size = path.stat().st_size
    journal, _ = Journal.reopen(path)
    for _ in range(10_000):
        journal.count(gaps=1)
    journal.close()
    assert path.stat().st_size == size
    assert counts(path) == Counts(gaps=10_002, alarms=1)


def test_a_count_that_is_torn_is_no_lower_than_before_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    pwrite = os.pwrite
    for cut in range(24):
        before = counts(path)
        journal, _ = Journal.reopen(path)
        monkeypatch.setattr(
            os, "pwrite", lambda handle, data, at, cut=cut: pwrite(handle, data[:cut], at)
        )
        with pytest.raises(DriverError, match=r"state.write"):
            journal.count(gaps=1)
        journal.close()
        monkeypatch.undo()
        assert counts(path) >= before
        assert counts(path).gaps <= before.gaps + 1
        journal, _ = Journal.reopen(path)
        journal.count(gaps=1)  # the torn slot is the next one to be written
        journal.close()
        assert counts(path) == journal.counts


def test_records_out_of_place_are_refused(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for content in (b"", whole + whole):
        path.write_bytes(content)
        with pytest.raises(DriverError, match=r"state.read"):
            Journal.reopen(path)
    with pytest.raises(DriverError, match=r"state.read"):
        Journal.reopen(path.with_name("none"))


def test_a_journal_is_never_made_over_another(path: Path) -> None:
    filled(path)
    with pytest.raises(DriverError, match=r"state.write"):
        Journal.create(path, b"other")
    assert len(records(path)) == 3


@pytest.fixture
def torn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each write take only three bytes."""
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, data, at: pwrite(handle, data[:3], at))
    yield
    monkeypatch.undo()


def test_a_write_cut_short_is_taken_back(path: Path, request: pytest.FixtureRequest) -> None:
    filled(path)
    journal, before = Journal.reopen(path)
    request.getfixturevalue("torn")
    with pytest.raises(DriverError, match=r"state.write"):
        journal.append(Kind.ENTRY, b"two")
    journal.close()
    assert records(path) == before


def test_a_read_only_file_system_refuses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    journal, before = Journal.reopen(path)

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(DriverError, match=r"^state\.write.*Read-only"):
        journal.append(Kind.ENTRY, b"two")
    with pytest.raises(DriverError, match=r"^state\.write.*Read-only"):
        journal.count(gaps=1)
    monkeypatch.undo()
    journal.append(Kind.SEALED)
    assert records(path) == [*before, (Kind.SEALED, b"")]
    assert counts(path).gaps == 2
    journal.count(gaps=1)
    journal.close()
    assert counts(path).gaps == 4  # with the one that could not be written
