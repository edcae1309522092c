# SPDX-License-Identifier: Apache-2.0
"""inblob in the model: gathered while open, committed at close."""

from __future__ import annotations

import errno
import os

import pytest

from tests.view.errnos import refused_with
from tests.view.models import NONCE, OTHER, Model
from troth.tsm.emulated.view.entry import Entry


@pytest.fixture
def model() -> Model:
    return Model()


def inblob_of(model: Model, x: str) -> bytes:
    return model.tsm.entry(x.rpartition("/")[2]).request.inblob


@pytest.mark.parametrize("length", [1, 32, 63, 64])
def test_any_length_to_64_is_taken(model: Model, length: int) -> None:
    x = model.make()
    model.write(f"{x}/inblob", bytes(range(length)))
    assert model.generation(x) == 1
    assert inblob_of(model, x) == bytes(range(length))


def test_generation_moves_at_close_and_not_at_write(model: Model) -> None:
    x = model.make()
    handle = model.tree.open(f"{x}/inblob", os.O_WRONLY)
    assert handle.write(NONCE, 0) == 64
    assert model.generation(x) == 0
    handle.close()
    assert model.generation(x) == 1


@pytest.mark.parametrize("length", [65, 4096, 5000, 1 << 20])
def test_an_oversized_write_wipes_at_close(model: Model, length: int) -> None:
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    with model.opened(f"{x}/inblob", os.O_WRONLY) as handle:
        with refused_with(errno.EFBIG):
            handle.write(bytes(length), 0)
        assert model.generation(x) == 1
    assert model.generation(x) == 2
    assert inblob_of(model, x) == b""
    with refused_with(errno.EINVAL):
        model.read(f"{x}/outblob")


def test_64_and_one_more_commits_the_64(model: Model) -> None:
    x = model.make()
    with model.opened(f"{x}/inblob", os.O_WRONLY) as handle:
        handle.write(NONCE, 0)
        with refused_with(errno.EFBIG):
            handle.write(b"\0", 64)
    assert inblob_of(model, x) == NONCE


def test_two_writes_are_one_commit(model: Model) -> None:
    x = model.make()
    model.write(f"{x}/inblob", NONCE[:32], NONCE[32:])
    assert (model.generation(x), inblob_of(model, x)) == (1, NONCE)


def test_a_gap_is_zeros(model: Model) -> None:
    x = model.make()
    with model.opened(f"{x}/inblob", os.O_WRONLY) as handle:
        handle.write(b"abcd", 60)
    assert inblob_of(model, x) == bytes(60) + b"abcd"


def test_nothing_of_the_earlier_value_is_kept(model: Model) -> None:
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    with model.opened(f"{x}/inblob", os.O_WRONLY) as handle:
        handle.write(b"12345678", 8)
    assert inblob_of(model, x) == bytes(8) + b"12345678"


def test_a_write_at_64_wipes(model: Model) -> None:
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    with model.opened(f"{x}/inblob", os.O_WRONLY) as handle, refused_with(errno.EFBIG):
        handle.write(b"x", 64)
    assert inblob_of(model, x) == b""


def test_open_and_close_change_nothing(model: Model) -> None:
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    with model.opened(f"{x}/inblob", os.O_WRONLY):
        pass
    assert (model.generation(x), inblob_of(model, x)) == (1, NONCE)


def test_a_close_without_new_bytes_commits_nothing(model: Model) -> None:
    x = model.make()
    handle = model.tree.open(f"{x}/inblob", os.O_WRONLY)
    handle.write(NONCE, 0)
    handle.close()
    handle.close()
    assert model.generation(x) == 1


def test_the_last_close_wins(model: Model) -> None:
    x = model.make()
    first = model.tree.open(f"{x}/inblob", os.O_WRONLY)
    second = model.tree.open(f"{x}/inblob", os.O_WRONLY)
    first.write(NONCE, 0)
    second.write(OTHER, 0)
    second.close()
    first.close()
    assert (model.generation(x), inblob_of(model, x)) == (2, NONCE)


def test_a_hundred_commits_without_a_read(model: Model) -> None:
    x = model.make()
    for _ in range(100):
        model.write(f"{x}/inblob", NONCE)
    assert model.generation(x) == 100


def test_a_buffer_is_dropped_with_its_entry(model: Model) -> None:
    x = model.make()
    handle = model.tree.open(f"{x}/inblob", os.O_WRONLY)
    handle.write(NONCE, 0)
    model.tree.remove_directory(x)
    model.make()
    handle.close()
    assert (model.generation(x), inblob_of(model, x)) == (0, b"")


def test_one_write_before_the_generations_meet_again_is_busy() -> None:
    entry = Entry.showing(frozenset())
    entry.made = 5
    entry.written = 4
    with refused_with(errno.EBUSY):
        entry.advance()
    assert entry.written == 4
    entry.made, entry.written = 0, 2**64 - 1  # the guard holds across the wrap too
    with refused_with(errno.EBUSY):
        entry.advance()


def test_a_refused_commit_is_not_told_at_close(model: Model) -> None:
    x = model.make()
    entry = model.tsm.entry("x")
    entry.made, entry.written = 5, 4
    model.write(f"{x}/inblob", NONCE)
    assert entry.request.inblob == b""
