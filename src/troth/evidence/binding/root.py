# SPDX-License-Identifier: Apache-2.0
"""The root statement: who came first, in a register that nobody extends again (BINDING 4.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from troth.crypto.cose_key import CoseKey
from troth.errors import MalformedError
from troth.evidence.binding import _check, labels
from troth.wire import cbor

__all__ = ["ROOT_STATEMENT_MAX_BYTES", "Door", "RootStatement"]

ROOT_STATEMENT_MAX_BYTES: Final = 1024

_DUE: Final = frozenset({1, 2, 3, 4, 5})
_MAY: Final = frozenset({6})


class Door(IntEnum):
    """Compatibility doors that a boot can open (BINDING 4.4, `door`)."""

    COCO = 1
    TEESERVER = 2
    RATSD = 3
    DSTACK = 4
    RAW = 15


_DOORS: Final = frozenset(Door)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootStatement:
    """What the root step says of a boot.

    Attributes:
        boot_key: signs the epochs of this boot.
        configuration: SHA-256 of the configuration file's bytes.
        doors: the doors that this boot can ever open, ascending, each once.
        software: name and version: a hint.
        root_model: SHA-256 of the root model file's bytes.
        encoded: the statement's bytes.
        digest: the root digest, 48 bytes: epoch key 4, and what the register is extended with.
    """

    boot_key: CoseKey
    configuration: bytes
    doors: tuple[int, ...] = ()
    software: str
    root_model: bytes | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every bound and encode.

        Raises:
            MalformedError: `binding.…` or `cose.key`.
        """
        value: dict[int, object] = {
            1: 1,
            2: _check.signing_key(self.boot_key, "boot key").value,
            3: _check.exact_bytes(self.configuration, _check.HASH32, "configuration digest"),
            4: _doors(self.doors),
            5: _check.text(self.software, 1, 128, "software"),
        }
        if self.root_model is not None:
            value[6] = _check.exact_bytes(self.root_model, _check.HASH32, "root model digest")
        object.__setattr__(self, "encoded", cbor.encode(value))
        object.__setattr__(self, "digest", labels.root_digest(self.encoded))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a root statement.

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.version`.
        """
        value = cbor.decode(data, max_bytes=ROOT_STATEMENT_MAX_BYTES)
        got = _check.members(value, _DUE, _MAY, "root statement")
        _check.version(got[1], "root statement")
        if type(got[4]) is not list:
            raise MalformedError("binding.type", "doors are an array")
        return cls(
            boot_key=CoseKey.of(got[2]),
            configuration=got[3],
            doors=tuple(got[4]),
            software=got[5],
            root_model=got.get(6),
        )


def _doors(doors: tuple[int, ...]) -> list[int]:
    plain = [_check.unsigned(door, 0, _check.MAX_UINT, "door") for door in doors]
    last = 0
    for door in plain:
        if door not in _DOORS:
            raise MalformedError("binding.range", f"door {door}")
        if door <= last:
            raise MalformedError("binding.order", "doors do not ascend")
        last = door
    return plain
