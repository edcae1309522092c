# SPDX-License-Identifier: Apache-2.0
"""The proof that a statement lies in an epoch's tree (BINDING 4.4, 4.9 step 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from troth.crypto.digest import same
from troth.errors import MalformedError, UntrustedError
from troth.evidence.binding import _check
from troth.evidence.binding.epoch import Epoch
from troth.evidence.binding.statement import Statement
from troth.wire import cbor
from troth.wire.merkle import HASH_BYTES, MAX_HEIGHT, Tree, climb, leaf_hash

__all__ = ["PROOF_MAX_BYTES", "SALT_BYTES", "Proof", "ProvenStatement"]

PROOF_MAX_BYTES: Final = 1024
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Salt, place and path of one leaf.

    Attributes:
        salt: 32 random bytes, which go to the leaf's owner and to nobody else.
        index: the leaf's position, from 0.
        path: the siblings from the leaf up.
        encoded: the proof's bytes.
    """

    salt: bytes
    index: int
    path: tuple[bytes, ...]
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode.

        Raises:
            MalformedError: `binding.…`.
        """
        if len(self.path) > MAX_HEIGHT:
            raise MalformedError("binding.range", f"a path of {len(self.path)} entries")
        value = [
            _check.exact_bytes(self.salt, SALT_BYTES, "salt"),
            _check.unsigned(self.index, 0, 65_535, "index"),
            [_check.exact_bytes(node, HASH_BYTES, "path entry") for node in self.path],
        ]
        object.__setattr__(self, "encoded", cbor.encode(value))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof.

        Raises:
            MalformedError: `cbor.…` or `binding.…`.
        """
        value = cbor.decode(data, max_bytes=PROOF_MAX_BYTES)
        salt, index, path = _check.items(value, 3, "proof")
        if type(path) is not list:
            raise MalformedError("binding.type", "a path is an array")
        return cls(salt=salt, index=index, path=tuple(path))

    @classmethod
    def of_leaf(cls, tree: Tree, index: int, salt: bytes) -> Self:
        """Return the proof of the leaf at `index`, made with `salt`."""
        return cls(salt=salt, index=index, path=tree.path(index))

    def check(self, statement: Statement, epoch: Epoch) -> None:
        """Return if the statement lies in the epoch's tree where the proof says.

        Raises:
            UntrustedError: `binding.proof`.
        """
        if self.index >= 1 << epoch.height:
            raise UntrustedError("binding.proof", f"index {self.index}, height {epoch.height}")
        if len(self.path) != epoch.height:
            raise UntrustedError("binding.proof", f"{len(self.path)} entries in the path")
        root = climb(leaf_hash(self.salt, statement.digest), self.index, self.path)
        if not same(root, epoch.tree_root):
            raise UntrustedError("binding.proof", "the path leads to another root")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenStatement:
    """A statement with its proof: the claim of a fresh bundle, the anchor of a delegated one."""

    statement: Statement
    proof: Proof

    def check(self, epoch: Epoch) -> None:
        """Return if the statement is a fresh one of `epoch` (BINDING 4.9, step 10, fresh).

        Raises:
            UntrustedError: `binding.not-fresh`, it is a delegated one; `binding.proof`.
        """
        if self.statement.anchor is not None:
            raise UntrustedError("binding.not-fresh", "a delegated statement is never a leaf")
        self.proof.check(self.statement, epoch)
