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
from troth.orchestrator.journal import Journal, Kind, Record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.journal"


def filled(path: Path) -> None:
    journal = Journal.create(path, b"made")
    journal.append(Kind.ENTRY, b"one")
    journal.append(Kind.GAP)
    journal.close()


def records(path: Path) -> list[Record]:
    journal, found = Journal.reopen(path)
    journal.close()
    return found


def test_what_was_appended_is_read_again(path: Path) -> None:
    filled(path)
    expected = [(Kind.CREATED, b"made"), (Kind.ENTRY, b"one"), (Kind.GAP, b"")]
    assert records(path) == expected
    journal, _ = Journal.reopen(path)
    journal.append(Kind.SEALED)
    journal.close()
    assert records(path) == [*expected, (Kind.SEALED, b"")]


def test_every_short_tail_is_cut_and_nothing_before_it(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for size in range(len(whole) - 1, 16, -1):
        path.write_bytes(whole[:size])
        found = records(path)
        assert 1 <= len(found) <= 2
        assert records(path) == found


def test_every_flipped_bit_is_noticed_or_makes_a_short_tail(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    good = records(path)
    for bit in range(len(whole) * 8):
        bad = bytearray(whole)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(bad))
        found: list[Record] = []
        with contextlib.suppress(DriverError):
            found = records(path)
        assert found == good[: len(found)]
        assert len(found) < len(good)


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
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
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

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(DriverError, match=r"^state\.write.*Read-only"):
        journal.append(Kind.ENTRY, b"two")
    monkeypatch.undo()
    journal.append(Kind.GAP)
    journal.close()
    assert records(path) == [*before, (Kind.GAP, b"")]
