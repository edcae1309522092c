# SPDX-License-Identifier: Apache-2.0
"""A namespace learns nothing of its neighbours: not from bundles, answers, refusals or headers."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import cbor2
import pytest

from tests.orchestrator.running import Trothd, call
from tests.privacy.leaks import LEAKS, plant
from tests.privacy.normal import normal
from tests.privacy.survey import A, B, Neighbour, Survey, survey, trothd

Make = Callable[..., Trothd]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a maker of trothds that know A alone, which end with the test."""
    made: list[Trothd] = []

    def maker(**environment: str) -> Trothd:
        made.append(trothd(tmp_path / "t", **environment))
        return made[-1].start()

    yield maker
    for one in made:
        one.kill()


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survey]:
    """Return what A was told in every phase of B's life."""
    one = trothd(tmp_path_factory.mktemp("t") / "t").start()
    yield survey(one)
    one.kill()


def test_nothing_of_a_neighbour_shows(taken: Survey) -> None:
    assert taken.problems() == []


def test_the_survey_saw_what_it_is_about(taken: Survey) -> None:
    """Bundles of every kind, refusals of every kind, epochs shared with a busy neighbour."""
    alone = taken.phases["alone 0"]
    kinds = {name: answer.split(b" ", 2)[1] for name, answer in alone.items()}
    assert {kinds[name] for name in kinds if name.startswith("bundle")} == {b"200"}
    assert set(kinds.values()) == {b"200", b"400", b"403", b"404", b"405", b"409", b"413", b"415"}
    assert taken.shared_epochs > 0
    assert 503 in taken.neighbour.busy_answers  # it asked for more than it may
    names = " ".join(taken.neighbour.secrets)
    for what in ("label", "id", "image", "audience", "nonce", "salt", "head", "model state"):
        assert what in names


def test_bundles_of_two_phases_are_equal_byte_for_byte(taken: Survey) -> None:
    first, *others = taken.phases.values()
    bundle = first["bundle, fresh"]
    assert all(one["bundle, fresh"] == bundle for one in others)
    assert cbor2.loads(cbor2.loads(bundle.partition(b"\r\n\r\n")[2])["proof"][1])[2] == (
        [bytes(32)] * 10
    )


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(make: Make, tmp_path: Path, leak: str) -> None:
    one = make(PYTHONPATH=plant(tmp_path / "leak", leak))
    found = survey(one).problems()
    assert any(LEAKS[leak].shows in one for one in found), found


def test_only_what_chance_and_the_clock_made_is_left_out(make: Make) -> None:
    """Each other byte of a bundle counts: turned, it makes another normal form, or none."""
    one = make()
    bundle = one.evidence(A).body
    ours = normal(bundle)
    kept = 0
    for at in range(0, len(bundle), 7):
        turned = bytearray(bundle)
        turned[at] ^= 1
        try:
            kept += normal(bytes(turned)) != ours
        except (
            AssertionError,
            ValueError,
            TypeError,
            AttributeError,
            LookupError,
            cbor2.CBORError,
        ):
            kept += 1
    free = (
        32 + 3 + 10 * 32 + 32 + 64 + 64 + 64 + 5
    )  # salt, place, path, root, data, signatures, iat
    share = (len(bundle) - free) / len(bundle)
    assert kept >= 0.97 * share * len(range(0, len(bundle), 7))


def test_the_files_around_a_socket_show_no_neighbour(make: Make) -> None:
    one = make()
    Neighbour(one).create()
    assert [path.name for path in one.socket(A).parent.iterdir()] == ["troth.sock"]
    for path, mode in (
        (one.socket(A), 0o660),
        (one.socket(A).parent, 0o750),
        (one.socket(B).parent, 0o750),
        (one.run / "state", 0o700),
        (one.admin, 0o660),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path
    assert not one.admin.is_relative_to(one.run / "ns")


def test_a_closed_neighbours_name_is_free_and_its_id_is_not_used_again(make: Make) -> None:
    one = make()
    first, second = Neighbour(one), Neighbour(one)
    first.create()
    first.close()
    second.create()
    assert first.secrets["id"] != second.secrets["id"]
    view = call(one.socket(B), "GET", "/v1/namespace").json
    assert (view["count"], view["gaps"]) == (0, 0)
