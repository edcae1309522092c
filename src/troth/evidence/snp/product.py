# SPDX-License-Identifier: Apache-2.0
"""Which processor made a report, and how it lays out its TCB words.

    byte                 0            1            2     3     4, 5  6     7
    Milan, Genoa         boot loader  TEE          0     0     0     SNP   microcode
    Turin                FMC          boot loader  TEE   SNP   0     0     microcode

Source: AMD 56860, SEV-SNP Firmware ABI, TCB_VERSION; AMD processor programming references, CPUID.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from operator import ge
from typing import Final, Self

import msgspec

from troth.errors import MalformedError

__all__ = ["Product", "Tcb"]


class Product(StrEnum):
    """A family of processors with keys of its own, by the name in its certificates."""

    MILAN = "Milan"
    GENOA = "Genoa"  # and Bergamo and Siena, which have its keys
    TURIN = "Turin"

    @classmethod
    def of_cpuid(cls, family: int, model: int) -> Product:
        """Return the product of a CPUID family and model.

        Raises:
            MalformedError: `unsupported.product`.
        """
        for known, models, product in _MODELS:
            if family == known and model in models:
                return product
        raise MalformedError("unsupported.product", f"CPUID family {family:#x} model {model:#x}")


_MODELS: Final = (
    (0x19, range(0x10), Product.MILAN),
    (0x19, range(0x10, 0x20), Product.GENOA),
    (0x19, range(0xA0, 0xB0), Product.GENOA),
    (0x1A, range(0x12), Product.TURIN),
)

_LEGACY: Final = struct.Struct("<BB4xBB")
_LEGACY_ZERO: Final = slice(2, 6)
_TURIN: Final = struct.Struct("<BBBB3xB")
_TURIN_ZERO: Final = slice(4, 7)


class Tcb(msgspec.Struct, frozen=True):
    """The security versions of a platform's parts, compared part by part and never as a number."""

    fmc: int | None  # Turin only
    bootloader: int
    tee: int
    snp: int
    microcode: int

    @classmethod
    def parse(cls, word: bytes, product: Product | None, field: str) -> Self:
        """Take a TCB word.

        Args:
            word: 8 bytes.
            product: whose; None where the report does not say, as only those before Turin do.
            field: names the word in the error.

        Raises:
            MalformedError: `snp.reserved`.
        """
        turin = product is Product.TURIN
        if any(word[_TURIN_ZERO if turin else _LEGACY_ZERO]):
            raise MalformedError("snp.reserved", f"{field} TCB {word.hex()}")
        return cls(*_TURIN.unpack(word)) if turin else cls(None, *_LEGACY.unpack(word))

    def __str__(self) -> str:
        """Name each part that the layout has."""
        parts = msgspec.structs.asdict(self)
        return " ".join(f"{name}={svn}" for name, svn in parts.items() if svn is not None)

    def build(self) -> bytes:
        """Return the 8 bytes of this word."""
        fmc, *rest = msgspec.structs.astuple(self)
        return _LEGACY.pack(*rest) if fmc is None else _TURIN.pack(fmc, *rest)

    def covers(self, other: Tcb) -> bool:
        """Say whether no part of this TCB is older than the other's; layouts must be the same."""
        if (self.fmc is None) != (other.fmc is None):
            return False
        mine, theirs = (
            (one.fmc or 0, one.bootloader, one.tee, one.snp, one.microcode) for one in (self, other)
        )
        return all(map(ge, mine, theirs))
