# SPDX-License-Identifier: Apache-2.0
"""An older copy of the database in the place of the one that runs: no nonce counts twice.

The copy is of the right schema, and its own mark of what it remembers is older than the nonces that
are shown again, so nothing in the file gives it away; the running program has to.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Machine
from tests.verifiers import Server, make_directory, running
from troth.errors import DriverError, StaleError
from troth.infra.database import Database
from troth.verifier.appraiser import Appraiser
from troth.verifier.keys import KeyRing
from troth.verifier.schema import MIGRATIONS
from troth.verifier.settings import load_settings
from troth.verifier.store import Store

NAME = "verifier.db"


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture
def server(tmp_path: Path, machine: Machine) -> Iterator[Server]:
    with running(make_directory(tmp_path / "v", machine)) as found:
        yield found


def copied(directory: Path) -> Path:
    """Return a copy of a directory's database as it is now, whole in one file."""
    copy = directory / "older"
    source, target = sqlite3.connect(directory / NAME), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


def put_in_place(copy: Path) -> None:
    for file in copy.parent.glob(f"{NAME}*"):
        file.unlink()
    copy.rename(copy.parent / NAME)


def test_an_older_copy_takes_no_nonce_twice(server: Server, machine: Machine) -> None:
    older = copied(server.directory)
    used = machine.fresh(server.nonce()).encoded
    assert server.appraise(used).status == 200
    kept = machine.fresh(server.nonce()).encoded  # not used, and nobody can know that any more
    put_in_place(older)
    assert server.call("GET", "/v1/health").json["code"] == "database.unavailable"
    for _ in range(2):
        for bundle in (used, kept):
            answer = server.appraise(bundle)
            assert (answer.status, answer.json["code"]) == (409, "challenge.expired"), answer.body
    assert server.appraise(machine.fresh(server.nonce()).encoded).status == 200


class Swapping(Store):
    """A store whose file is exchanged, and found exchanged by another thread, before step 14."""

    copy: Path | None = None

    def accept(self, *arguments: Any, **named: Any) -> str:
        if self.copy is not None:
            put_in_place(self.copy)
            self.copy = None
            with contextlib.suppress(DriverError):
                self.check()  # the other thread takes the error
        return super().accept(*arguments, **named)


def test_an_older_copy_between_step_2_and_step_14(tmp_path: Path, machine: Machine) -> None:
    configured = load_settings(str(make_directory(tmp_path / "v", machine)))
    store = Swapping(Database.open(configured.database, MIGRATIONS), challenge_s=60)
    appraiser = Appraiser(configured, KeyRing(tmp_path / "v" / "keys"), store)
    older = copied(tmp_path / "v")
    used = machine.fresh(appraiser.challenge()[0]).encoded
    assert appraiser.appraise(used).token
    other = machine.fresh(appraiser.challenge()[0]).encoded
    store.copy = older
    with pytest.raises(DriverError) as caught:
        appraiser.appraise(other)
    assert caught.value.code == "database.unavailable"
    for bundle in (other, used):
        with pytest.raises(StaleError) as stale:
            appraiser.appraise(bundle)
        assert stale.value.code == "challenge.expired"
    assert appraiser.appraise(machine.fresh(appraiser.challenge()[0]).encoded).token
