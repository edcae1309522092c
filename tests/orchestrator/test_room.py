# SPDX-License-Identifier: Apache-2.0
"""How much the journals may take, and what a file system says of itself."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from troth.errors import DeniedError, DriverError
from troth.orchestrator.configuration import ROOT_LIMITS, Limits
from troth.orchestrator.identity import Cgroup
from troth.orchestrator.journal import Journal
from troth.orchestrator.namespace import Creation, Namespace
from troth.orchestrator.room import demand_room, most_bytes


def sized(monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    found = SimpleNamespace(f_blocks=blocks, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: found)


def test_the_limits_together_count_and_not_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(log_entries=100, log_bytes=4096)
    blocks = -(-2 * most_bytes(limits) // 4096)
    sized(monkeypatch, blocks)
    demand_room(Path("/run"), [limits, limits])
    with pytest.raises(DriverError, match=r"state\.room.*lower log_bytes"):
        demand_room(Path("/run"), [limits, limits, limits])
    sized(monkeypatch, blocks - 1)
    with pytest.raises(DriverError, match=r"state\.room"):
        demand_room(Path("/run"), [limits, limits])
    sized(monkeypatch, 0)  # a memory file system without a limit of its own
    demand_room(Path("/run"), [limits] * 1000)


@pytest.mark.parametrize(
    ("size_mib", "count"),
    [
        (300, 50),  # a stock /run, a tenth of 3 GiB
        (2048, 200),
    ],
)
def test_so_many_namespaces_without_limits_of_their_own_have_room(
    monkeypatch: pytest.MonkeyPatch, size_mib: int, count: int
) -> None:
    sized(monkeypatch, size_mib * 256)
    demand_room(Path("/run"), [ROOT_LIMITS, *[Limits()] * count])
    with pytest.raises(DriverError, match=r"state\.room"):
        demand_room(Path("/run"), [ROOT_LIMITS, *[Limits()] * count * 2])


def test_a_directory_that_is_not_there_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"state\.room.*No such file"):
        demand_room(tmp_path / "none", [])


def test_no_journal_outgrows_what_it_was_given(tmp_path: Path) -> None:
    limits = Limits(log_entries=40, log_bytes=1024)
    creation = Creation(
        id=Creation.new_id(), label="n", origin=1, cgroup="any", model="A1", settings=bytes(65_536)
    )
    journal = Journal.create(tmp_path / "n.journal", creation.encode())
    one = Namespace(creation, journal, Cgroup(Path(), None), frozenset(), limits)
    one.append("a", "b", "c")
    one.seal()
    for number in range(100):
        # The first that is out of the model has its place, and is as long as any may be.
        with contextlib.suppress(DeniedError):
            one.append("a", "b", "x" * 65_000 if number == 50 else "c")
    assert one.state.model is not None
    assert one.state.model.forensic == 1
    assert one.state.gaps > 0
    one.release()
    assert 65_536 * 2 < journal.path.stat().st_size <= most_bytes(limits)
