# SPDX-License-Identifier: Apache-2.0
"""Perfect trees: every leaf climbs to the root by its own path and by no other."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.wire.merkle import MAX_HEIGHT, Tree, climb, leaf_hash, node_hash


def leaves(height: int) -> list[bytes]:
    return [hashlib.sha256(index.to_bytes(4, "big")).digest() for index in range(1 << height)]


def root_by_definition(nodes: list[bytes]) -> bytes:
    if len(nodes) == 1:
        return nodes[0]
    half = len(nodes) // 2
    return node_hash(root_by_definition(nodes[:half]), root_by_definition(nodes[half:]))


def test_the_hashes_are_those_of_rfc_9162() -> None:
    assert leaf_hash(b"s" * 32, b"d" * 32) == hashlib.sha256(b"\0" + b"s" * 32 + b"d" * 32).digest()
    assert node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\1" + b"l" * 32 + b"r" * 32).digest()


@pytest.mark.parametrize("height", range(11))
def test_every_leaf_climbs_to_the_root(height: int) -> None:
    nodes = leaves(height)
    tree = Tree(nodes)
    assert tree.height == height
    assert tree.root == root_by_definition(nodes)
    for index, leaf in enumerate(nodes):
        path = tree.path(index)
        assert len(path) == height
        assert climb(leaf, index, path) == tree.root


@given(st.integers(1, 6), st.data())
def test_another_leaf_index_or_path_leads_elsewhere(height: int, data: st.DataObject) -> None:
    nodes = leaves(height)
    tree = Tree(nodes)
    index = data.draw(st.integers(0, len(nodes) - 1))
    other = data.draw(st.integers(0, len(nodes) - 1).filter(lambda one: one != index))
    path = tree.path(index)
    assert climb(nodes[index], other, path) != tree.root
    assert climb(nodes[other], index, path) != tree.root
    assert climb(nodes[index], index, tree.path(other)) != tree.root


def test_a_tree_of_one_leaf_is_that_leaf() -> None:
    tree = Tree([bytes(32)])
    assert (tree.root, tree.height, tree.path(0)) == (bytes(32), 0, ())


@pytest.mark.parametrize("count", [0, 3, 5, 6, 7, 1023, 2 << MAX_HEIGHT])
def test_no_tree_of_another_size(count: int) -> None:
    with pytest.raises(ValueError, match="no perfect tree"):
        Tree([bytes(32)] * count)


def test_no_leaf_of_another_size() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tree([bytes(32), bytes(31)])


@pytest.mark.parametrize(("height", "index"), [(2, -1), (2, 4), (0, -1), (0, 1)])
def test_no_path_of_a_leaf_that_is_not_there(height: int, index: int) -> None:
    with pytest.raises(IndexError):
        Tree(leaves(height)).path(index)
