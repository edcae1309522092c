# SPDX-License-Identifier: Apache-2.0
"""Trees of logs, against the recursive definitions of RFC 9162 §2.1 and known roots."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.wire.history import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    entry_hash,
    inclusion_path,
    is_consistent,
    is_included,
    root_of,
)

# The tree of certificate-transparency-go's and RFC 6962's reference tests.
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 70)


def some(size: int) -> list[bytes]:
    return [entry_hash(number.to_bytes(4, "big")) for number in range(size)]


def definition(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + definition(leaves[:split]) + definition(leaves[split:])).digest()


def test_known_roots() -> None:
    leaves = [entry_hash(bytes.fromhex(one)) for one in INPUTS]
    assert [root_of(leaves[: n + 1]).hex() for n in range(8)] == ROOTS
    assert root_of([]) == EMPTY_ROOT


@given(SIZES)
def test_frontier_is_the_definition(size: int) -> None:
    assert Frontier(some(size)).root == definition(some(size))


@given(SIZES, st.data())
def test_inclusion(size: int, data: st.DataObject) -> None:
    leaves, index = some(size), data.draw(st.integers(0, size - 1))
    path, root = inclusion_path(leaves, index), root_of(leaves)
    assert is_included(leaves[index], index, size, path, root)
    assert not is_included(leaves[index], size, size, path, root)
    assert not is_included(bytes(32), index, size, path, root)
    assert not is_included(leaves[index], index, size, [*path, bytes(32)], root)
    if path:
        assert not is_included(leaves[index], index, size, path[:-1], root)


@given(SIZES, st.data())
def test_consistency(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    leaves = some(size)
    early, late = root_of(leaves[:first]), root_of(leaves)
    path = consistency_path(leaves, first)
    assert is_consistent(first, early, size, late, path)
    assert not is_consistent(first, bytes(32), size, late, path)
    assert not is_consistent(first, early, size, bytes(32), path)
    assert not is_consistent(first, early, size, late, [*path, bytes(32)])
    assert not is_consistent(0, EMPTY_ROOT, size, late, path)


def test_rewritten_history_has_no_proof() -> None:
    leaves = some(13)
    before = root_of(leaves[:7])
    leaves[3] = entry_hash(b"another")
    assert not is_consistent(7, before, 13, root_of(leaves), consistency_path(leaves, 7))


def test_no_such_tree() -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            inclusion_path(some(3), index)
    for first in (0, 4):
        with pytest.raises(IndexError):
            consistency_path(some(3), first)


def test_a_proof_of_another_tree_says_nothing_of_this_one() -> None:
    leaves = some(2)
    root, path = root_of(leaves), inclusion_path(leaves, 0)
    assert is_included(leaves[0], 0, 2, path, root)
    assert not is_included(leaves[0], 0, 3, path, root)  # the path is of a smaller tree
    assert not is_included(leaves[0], -2, 2, path, root)
    assert is_consistent(1, leaves[0], 2, root, path)
    assert not is_consistent(1, leaves[0], 3, root, path)
    assert not is_consistent(5, leaves[0], 2, root, leaves)  # the earlier one is the larger
