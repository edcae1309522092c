# SPDX-License-Identifier: Apache-2.0
"""The epoch: one report and everything it binds (BINDING 4.4, 4.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from troth.crypto.cose import Sign1
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.evidence.binding import _check, labels
from troth.wire import cbor
from troth.wire.merkle import HASH_BYTES, MAX_HEIGHT

__all__ = ["EPOCH_MAX_BYTES", "Epoch", "SignedEpoch"]

EPOCH_MAX_BYTES: Final = 512

_DUE: Final = frozenset({1, 2, 3, 4})
_STATEMENT_KEY = 5
_MAY: Final = frozenset({_STATEMENT_KEY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What a report's 64 bytes stand for.

    Attributes:
        tree_root: root of the tree of statements, 32 bytes.
        height: height of that tree, 0 to 16.
        root_digest: digest of the root statement, 48 bytes.
        statement_key: signs the delegated statements that are anchored here.
        encoded: the epoch's bytes.
        report_data: the 64 bytes that the report must carry.
    """

    tree_root: bytes
    height: int
    root_digest: bytes
    statement_key: CoseKey | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)
    report_data: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode.

        Raises:
            MalformedError: `binding.…` or `cose.key`.
        """
        value: dict[int, object] = {
            1: 1,
            2: _check.exact_bytes(self.tree_root, HASH_BYTES, "tree root"),
            3: _check.unsigned(self.height, 0, MAX_HEIGHT, "height"),
            4: _check.exact_bytes(self.root_digest, _check.HASH48, "root digest"),
        }
        if self.statement_key is not None:
            value[5] = _check.signing_key(self.statement_key, "statement key").value
        object.__setattr__(self, "encoded", cbor.encode(value))
        object.__setattr__(self, "report_data", labels.report_data(self.encoded))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an epoch.

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.version`.
        """
        value = cbor.decode(data, max_bytes=EPOCH_MAX_BYTES)
        got = _check.members(value, _DUE, _MAY, "epoch")
        _check.version(got[1], "epoch")
        return cls(
            tree_root=got[2],
            height=got[3],
            root_digest=got[4],
            statement_key=CoseKey.of(got[_STATEMENT_KEY]) if _STATEMENT_KEY in got else None,
        )

    @property
    def report_data_32(self) -> bytes:
        """The report data of carriers that take 32 bytes."""
        return labels.report_data_32(self.encoded)

    def sign(self, boot_key: PrivateKey) -> SignedEpoch:
        """Sign the epoch with the key that the root statement names."""
        signed = Sign1.sign(boot_key, self.encoded, labels.AAD_EPOCH)
        return SignedEpoch(epoch=self, signature=signed.signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEpoch:
    """An epoch under a signature that nobody has verified yet.

    Attributes:
        epoch: the payload.
        signature: r‖s, 64 bytes.
        encoded: the bytes of the COSE_Sign1.
    """

    epoch: Epoch
    signature: bytes
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Encode."""
        _check.exact_bytes(self.signature, 64, "signature")
        object.__setattr__(self, "encoded", Sign1(self.epoch.encoded, self.signature).build())

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a signed epoch.

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.version`.
        """
        signed = Sign1.parse(data, max_bytes=EPOCH_MAX_BYTES + 128)
        return cls(epoch=Epoch.parse(signed.payload), signature=signed.signature)

    def verify(self, boot_key: CoseKey) -> None:
        """Return if `boot_key` signed this epoch as an epoch (BINDING 4.9, step 8).

        Raises:
            UntrustedError: `binding.epoch-signature`.
        """
        signed = Sign1(self.epoch.encoded, self.signature)
        signed.verify(boot_key, labels.AAD_EPOCH, "binding.epoch-signature")
