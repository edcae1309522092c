# SPDX-License-Identifier: Apache-2.0
"""Profile A1: what is hashed; order never changes the state, another set always does."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.errors import TrothError
from troth.evidence.binding import Phase
from troth.evidence.model import Model, Step, Verdict, a1
from troth.evidence.model import model as module
from troth.wire import cbor

POINTS = st.lists(st.integers(0, 40).map(lambda number: number.to_bytes(32, "big")), max_size=20)
NAMES = st.text(min_size=1, max_size=6)
EVENTS = st.tuples(NAMES, NAMES, st.text(max_size=6))


def learnt(points: list[bytes], start: Model | None = None) -> Model:
    model = Model.empty() if start is None else start
    for point in points:
        _, model = model.observe(point)
    return model


def point(number: int) -> bytes:
    return a1.point_of("app", "open", f"file {number}")


# --- what is hashed -----------------------------------------------------------------------------


def test_the_bytes_of_a_point() -> None:
    label = b"troth/a1/event/v1\0"
    text = label + bytes([3, 4, 0, 7]) + "appopendéjà!".encode()
    assert a1.point_of("app", "open", "déjà!") == hashlib.sha256(text).digest()


def test_the_bytes_of_the_chain_and_of_the_state() -> None:
    low, high = sorted([point(1), point(2)])
    start = hashlib.sha256(b"troth/a1/measurement/v1\0" + bytes(64)).digest()
    one = hashlib.sha256(b"troth/a1/next/v1\0" + start + high).digest()
    two = hashlib.sha256(b"troth/a1/next/v1\0" + one + low).digest()
    model = learnt([high, low])
    assert model.measurement == two
    state = b"troth/a1/state/v1\0" + bytes(64) + (2).to_bytes(8, "big") + low + high
    assert model.state == hashlib.sha256(state).digest()


# Written down so that another implementation can be held to them (docs/reference/model-a1.md).
def test_the_vector_of_the_reference() -> None:
    first = a1.point_of("app", "start", "")
    second = a1.point_of("app", "config", "loaded")
    assert first.hex() == "6ab196f911824075759624201a8a0bc0127563cbb95760ed3d47775e7d0c8971"
    assert second.hex() == "bb27938da313a7db78417ac20e85fa36b80ebb8534feb67d6bf54bced1c9b026"
    model = learnt([first, second])
    assert (
        model.measurement.hex()
        == "951518cfd33d40ad42dd4efb02cbbd23ae773c686f6163a59a362662b3ca1b4e"
    )
    assert model.state.hex() == "7a90e05286feb245883507b32970c88ad012bca6865505bb775bc43a6a6e72ae"
    assert (
        Model.empty().measurement.hex()
        == "8a14674cc70a6ab8bbb23826fde77937d6d964c177d9a6b1c98604ef25246c8e"
    )
    assert (
        Model.empty().state.hex()
        == "68da3457d259c13b04cd57ed1f3c64811028ac980ba80b53f0ba105ee02a0365"
    )


@given(EVENTS, EVENTS)
def test_no_two_events_share_a_point(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (a1.point_of(*one) == a1.point_of(*other)) == (one == other)


def test_a_cut_in_another_place_is_another_event() -> None:
    assert a1.point_of("ab", "c", "d") != a1.point_of("a", "bc", "d") != a1.point_of("a", "b", "cd")


@pytest.mark.parametrize(
    "event",
    [
        ("", "op", ""),
        ("app", "", ""),
        ("x" * 129, "op", ""),
        ("app", "ä" * 65, ""),
        ("app", "op", "x" * 65_025),
    ],
)
def test_an_event_out_of_bounds(event: tuple[str, str, str]) -> None:
    with refused("binding.range"):
        a1.point_of(*event)


def test_the_largest_event_and_a_text_without_utf8_form() -> None:
    assert len(a1.point_of("x" * 128, "x" * 128, "x" * 65_024)) == 32
    with refused("binding.type"):
        a1.point_of("app", "op", "\ud800")


# --- properties ---------------------------------------------------------------------------------


@given(POINTS, st.randoms(use_true_random=False))
def test_order_never_changes_the_state(points: list[bytes], chance: random.Random) -> None:
    other = list(points)
    chance.shuffle(other)
    assert learnt(points).state == learnt(other).state


@given(POINTS, POINTS)
def test_another_set_always_changes_the_state(one: list[bytes], other: list[bytes]) -> None:
    assert (learnt(one).state == learnt(other).state) == (set(one) == set(other))


@given(POINTS, POINTS)
def test_another_order_always_changes_the_measurement(one: list[bytes], other: list[bytes]) -> None:
    same = list(dict.fromkeys(one)) == list(dict.fromkeys(other))
    assert (learnt(one).measurement == learnt(other).measurement) == same


@given(POINTS, st.integers(0, 20), st.integers(0, 20))
def test_sealing_in_between_changes_neither_state_nor_measurement(
    points: list[bytes], seal: int, enforce: int
) -> None:
    model = learnt(points[:seal]).take(Step.SEAL)
    model = learnt(points[seal : seal + enforce], model).take(Step.ENFORCE)
    model = learnt(points[seal + enforce :], model)
    plain = learnt(points)
    assert (model.state, model.measurement) == (plain.state, plain.measurement)
    assert model.points == len(set(points[:seal]))
    assert model.forensic == len(set(points[seal:]) - set(points[:seal]))
    assert list(model.known_points()) == list(dict.fromkeys(points[:seal]))
    assert model.forensic_points() == list(plain.known_points())[model.points :]


@given(POINTS, POINTS, POINTS)
def test_a_frozen_model_stays_what_it_was(
    before: list[bytes], one: list[bytes], other: list[bytes]
) -> None:
    """Two models that grow out of one do not see each other, nor does the one see them."""
    frozen = learnt(before)
    kept = frozen.snapshot()
    left = learnt(one, frozen)
    right = learnt(other, frozen)
    left = learnt(other, left)
    assert frozen.snapshot() == kept
    assert frozen.state == a1.state_of(set(before))
    assert left.state == a1.state_of({*before, *one, *other})
    assert right.state == a1.state_of({*before, *other})
    assert learnt(before).measurement == frozen.measurement


@given(POINTS, st.sampled_from(Phase), POINTS)
def test_a_snapshot_gives_the_same_model(
    points: list[bytes], phase: Phase, later: list[bytes]
) -> None:
    model = learnt(points)
    for step in (Step.SEAL, Step.ENFORCE)[: int(phase)]:
        model = model.take(step)
    model = learnt(later, model)
    again = Model.restore(model.snapshot())
    assert again.claims() == model.claims()
    assert again.snapshot() == model.snapshot()
    fresh = point(77)
    assert again.observe(fresh)[1].claims() == model.observe(fresh)[1].claims()


# --- verdicts and phases ------------------------------------------------------------------------


def test_learning_then_sealed() -> None:
    verdict, model = Model.empty().observe(point(1))
    assert (verdict, model.points, model.forensic) == (Verdict.LEARNT, 1, 0)
    assert model.observe(point(1)) == (Verdict.KNOWN, model)
    sealed = model.take(Step.SEAL)
    assert (sealed.phase, model.phase) == (Phase.SEALED, Phase.LEARNING)
    verdict, left = sealed.observe(point(2))
    assert (verdict, left.points, left.forensic) == (Verdict.FORENSIC, 1, 1)
    assert verdict.outside
    assert left.observe(point(2)) == (Verdict.FORENSIC_AGAIN, left)
    assert left.observe(point(2))[0].outside
    assert left.observe(point(1)) == (Verdict.KNOWN, left)
    assert not Verdict.KNOWN.outside
    assert not Verdict.LEARNT.outside
    assert left.forensic_points() == [point(2)]
    assert left.state != sealed.state == model.state


@pytest.mark.parametrize(
    "steps", [[Step.ENFORCE], [Step.SEAL, Step.SEAL], [Step.SEAL, Step.ENFORCE, Step.SEAL]]
)
def test_no_other_step(steps: list[Step]) -> None:
    model = Model.empty()
    for step in steps[:-1]:
        model = model.take(step)
    with refused("model.phase"):
        model.take(steps[-1])


def test_no_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 2)
    model = learnt([point(1), point(2)])
    assert model.observe(point(1))[0] is Verdict.KNOWN
    with refused("model.full"):
        model.observe(point(3))
    with refused("binding.range"):
        Model.of(points=[point(1), point(2), point(3)])


def test_a_model_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Model.empty().points = 3  # type: ignore[misc]  # this is what must not work


def test_claims() -> None:
    claims = learnt([point(1)]).take(Step.SEAL).claims(file=b"f" * 32)
    assert (claims.profile, claims.phase, claims.points, claims.forensic) == ("A1", 1, 1, 0)
    assert (claims.base, claims.aggregate, claims.file) == (None, None, b"f" * 32)
    mixed = Model.empty(base=b"b" * 32, aggregate=b"a" * 32).claims()
    assert (mixed.base, mixed.aggregate, mixed.file) == (b"b" * 32, b"a" * 32, None)
    assert mixed.state == a1.state_of([], b"b" * 32, b"a" * 32) != Model.empty().state


def test_base_and_aggregate_change_both_digests() -> None:
    models = [
        learnt([point(1)], Model.empty(base=base, aggregate=aggregate))
        for base in (bytes(32), b"x" * 32)
        for aggregate in (bytes(32), b"x" * 32)
    ]
    assert len({model.state for model in models}) == 4
    assert len({model.measurement for model in models}) == 4


# --- snapshots ----------------------------------------------------------------------------------

GOOD = {1: "A1", 2: 1, 3: point(1), 4: point(2), 5: bytes(32), 6: bytes(32)}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "binding.members"),
        ({name: one for name, one in GOOD.items() if name != 6}, "binding.members"),
        (GOOD | {7: 0}, "binding.members"),
        (GOOD | {2: True}, "binding.members"),
        (GOOD | {3: "text"}, "binding.members"),
        (GOOD | {1: "A2"}, "unsupported.profile"),
        (GOOD | {2: 3}, "binding.range"),
        (GOOD | {2: 0}, "binding.members"),  # learning, with a forensic point
        (GOOD | {3: point(1)[:31]}, "binding.range"),
        (GOOD | {5: b""}, "binding.range"),
        (GOOD | {4: point(1)}, "binding.order"),
        (GOOD | {3: point(3) + point(3)}, "binding.order"),
        (GOOD | {3: bytes(3 << 20)}, "cbor.too-large"),
    ],
)
def test_snapshot_refused(value: object, code: str) -> None:
    with refused(code):
        Model.restore(cbor.encode(value))


def test_snapshot_accepted() -> None:
    assert Model.restore(cbor.encode(GOOD)).forensic_points() == [point(2)]


@given(st.binary(max_size=60))
def test_nothing_but_our_own_error_escapes(data: bytes) -> None:
    with pytest.raises(TrothError):
        Model.restore(data)
