# SPDX-License-Identifier: Apache-2.0
"""Perfect Merkle trees: every leaf at one depth, so that size and place say nothing (BINDING 4.3).

The hashing is that of RFC 9162 §2.1.1: 0x00 before a leaf's content, 0x01 before two nodes. A leaf
here has the content salt[32] ‖ digest[32]; a pad is 32 random bytes in the place of a leaf's hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

__all__ = ["HASH_BYTES", "MAX_HEIGHT", "Tree", "climb", "leaf_hash", "node_hash"]

HASH_BYTES: Final = 32  # SHA-256
MAX_HEIGHT: Final = 16  # 65,536 leaves

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(salt: bytes, digest: bytes) -> bytes:
    """Return H(0x00 ‖ salt ‖ digest), where both are 32 bytes."""
    return hashlib.sha256(_LEAF + salt + digest).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return H(0x01 ‖ left ‖ right), where both are 32 bytes."""
    return hashlib.sha256(_NODE + left + right).digest()


def climb(leaf: bytes, index: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf's hash and its path lead to.

    Bit `i` of the index, lowest first, set means: the node at level `i` is the right child. The
    caller has checked that the index is below 2^len(path), or bits of it would go unread.
    """
    node = leaf
    for sibling in path:
        node = node_hash(sibling, node) if index & 1 else node_hash(node, sibling)
        index >>= 1
    return node


class Tree:
    """A perfect tree over 2^height leaf hashes, all of its nodes kept."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Build the tree.

        Args:
            leaves: 2^height hashes of 32 bytes, height 0 to 16.

        Raises:
            ValueError: the number of leaves is none of these, or a hash is of another size.
        """
        height = len(leaves).bit_length() - 1
        if not 0 <= height <= MAX_HEIGHT or len(leaves) != 1 << height:
            message = f"{len(leaves)} leaves are no perfect tree"
            raise ValueError(message)
        if {len(leaf) for leaf in leaves} != {HASH_BYTES}:
            message = "a leaf hash is not 32 bytes"
            raise ValueError(message)
        levels = [list(leaves)]
        sha256 = hashlib.sha256
        while len(below := levels[-1]) > 1:
            pairs = zip(below[::2], below[1::2], strict=True)
            levels.append([sha256(_NODE + left + right).digest() for left, right in pairs])
        self._levels = levels

    @property
    def height(self) -> int:
        """The number of levels above the leaves."""
        return len(self._levels) - 1

    @property
    def root(self) -> bytes:
        """The hash at the top, 32 bytes; with height 0, the leaf itself."""
        return self._levels[-1][0]

    def path(self, index: int) -> tuple[bytes, ...]:
        """Return the siblings on the way from leaf `index` up, lowest first.

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            message = f"no leaf {index}"
            raise IndexError(message)
        return tuple(level[index >> depth ^ 1] for depth, level in enumerate(self._levels[:-1]))
