# SPDX-License-Identifier: Apache-2.0
"""The targets of `make fuzz` hold on their seeds and near them, and notice a parser that is wrong.

The fuzzer itself needs an environment of its own; see docs/fuzzing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.door import Door, Way, mangled
from tests.fuzz.doors import DOORS, door_named
from troth.errors import MalformedError

# The library warns of names and serial numbers that it reads all the same.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]

NEAR = 40  # inputs near each seed


@pytest.mark.parametrize("name", DOORS)
def test_every_seed_is_taken(name: str) -> None:
    door = door_named(name)
    refused = [door.ways[seed[0]].name for seed in door.seeds() if not door.enter(seed)]
    assert refused == []
    assert all(way.seeds for way in door.ways)


@pytest.mark.parametrize("name", ["quote", "report", "token", "bundle"])
def test_every_seed_that_is_judged_is_genuine(name: str) -> None:
    door = door_named(name)
    judged = [(door.ways[seed[0]], seed[1:]) for seed in door.seeds()]
    verdicts = {(way.name, way.parse(data).verdict) for way, data in judged if "judge" in way.name}
    assert {verdict for _, verdict in verdicts} <= {"genuine", "accepted"}, verdicts
    assert verdicts


@pytest.mark.parametrize("name", DOORS)
def test_nothing_but_our_errors_comes_out_near_the_seeds(name: str) -> None:
    door = door_named(name)
    outcomes = {door.enter(data) for seed in door.seeds() for data in mangled(seed, NEAR)}
    assert outcomes == {True, False}


def one_way(parse: Callable[[bytes], Any], *, holds: bool = True) -> Door:
    way = Way(name="way", parse=parse, seeds=(b"x",), holds=lambda *_: holds)
    return Door(name="door", ways=(way,), modules=())


def raising(error: Exception) -> Callable[[bytes], object]:
    def parse(_: bytes) -> object:
        raise error

    return parse


def test_an_error_that_is_not_ours_escapes() -> None:
    with pytest.raises(KeyError):
        one_way(raising(KeyError("x"))).enter(b"\0x")


def test_an_error_of_ours_is_a_refusal() -> None:
    assert not one_way(raising(MalformedError("wire.truncated"))).enter(b"\0x")
    assert not one_way(bytes).enter(b"")


def test_what_comes_back_otherwise_is_noticed() -> None:
    assert one_way(bytes).enter(b"\0x")
    with pytest.raises(AssertionError, match="door, way: 1 bytes"):
        one_way(bytes, holds=False).enter(b"\0x")
