# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree of an append-only log: any number of entries, and proof that none was changed.

The hashing and the proofs are those of RFC 9162 §2.1, with SHA-256: a leaf is H(0x00 ‖ entry), a
node H(0x01 ‖ left ‖ right), and the root of no entries is H of nothing. Statements of an epoch lie
in a tree of another kind, `wire.merkle`, whose height says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from troth.wire.merkle import node_hash

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "consistency_path",
    "entry_hash",
    "inclusion_path",
    "is_consistent",
    "is_included",
    "root_of",
]

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def entry_hash(entry: bytes) -> bytes:
    """Return H(0x00 ‖ entry), the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


class Frontier:
    """The roots of the perfect subtrees on the right edge: all that appending needs."""

    __slots__ = ("_peaks", "size")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Begin with the leaf hashes of the entries that there are."""
        self.size = 0
        self._peaks: list[bytes] = []  # from the left, the largest subtree first
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        node = leaf
        size = self.size
        while size & 1:  # a subtree of the same size stands to the left
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def copy(self) -> Frontier:
        """Return another frontier at the same place."""
        other = Frontier()
        other.size = self.size
        other._peaks = list(self._peaks)
        return other

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far, 32 bytes."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of leaf hashes (RFC 9162 §2.1.1)."""
    return Frontier(leaves).root


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf `index` is one of `leaves` (RFC 9162 §2.1.3.1).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        message = f"no leaf {index}"
        raise IndexError(message)
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_path(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion_path(leaves[split:], index - split), root_of(leaves[:split])]


def consistency_path(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Return the proof that the first `first` of `leaves` are still what they were.

    See RFC 9162 §2.1.4.1.

    Raises:
        IndexError: `first` is not between 1 and the number of leaves.
    """
    if not 0 < first <= len(leaves):
        message = f"no tree of {first} leaves"
        raise IndexError(message)
    return _subproof(leaves, first, whole=True)


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Say whether a proof shows a leaf at `index` in the tree of `size` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and node == root


def is_consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Say whether the later tree begins with the earlier one (RFC 9162 §2.1.4.2)."""
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    nodes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    early = late = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            early, late = node_hash(sibling, early), node_hash(sibling, late)
            while at and not at & 1:
                at >>= 1
                last >>= 1
        else:
            late = node_hash(late, sibling)
        at >>= 1
        last >>= 1
    return last == 0 and early == first_root and late == second_root


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if first <= split:
        return [*_subproof(leaves[:split], first, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], first - split, whole=False), root_of(leaves[:split])]


def _split(size: int) -> int:
    """Return the largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)
