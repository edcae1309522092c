# SPDX-License-Identifier: Apache-2.0
"""TPML_PCR_SELECTION: which registers of which banks a quote is about.

It is read with as few steps as there are banks: duplicates and long lists, which cost verifiers
seconds before a signature was looked at, are refused here (part 2, 10.6.2 and 10.9.7).
"""

from __future__ import annotations

from typing import Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.tpm.layout import (
    BANK_NUMBERS,
    BANKS,
    PCR_COUNT,
    SELECT_BYTES,
    SELECTIONS_MOST,
)
from troth.wire.reader import Reader

__all__ = ["PcrSelection", "build_selections", "parse_selections"]


class PcrSelection(msgspec.Struct, frozen=True):
    """Registers of one bank: its algorithm's name, and the indices in ascending order."""

    bank: str
    registers: tuple[int, ...]

    @classmethod
    def parse(cls, reader: Reader) -> Self:
        """Read one TPMS_PCR_SELECTION.

        Raises:
            MalformedError: `wire.truncated`; `unsupported.algorithm`, another bank, whose digests
                have no known size; `tpm.selection`.
        """
        number = reader.big(2, "bank of a PCR selection")
        if number not in BANKS:
            raise MalformedError("unsupported.algorithm", f"a bank of algorithm {number:#06x}")
        size = reader.big(1, "size of a PCR selection")
        if size != SELECT_BYTES:
            raise MalformedError("tpm.selection", f"{size} bytes of registers, {SELECT_BYTES} are")
        bits = int.from_bytes(reader.take(size, "PCR selection"), "little")
        return cls(BANKS[number][0], tuple(n for n in range(PCR_COUNT) if bits >> n & 1))

    def build(self) -> bytes:
        """Return the TPMS_PCR_SELECTION."""
        bits = sum(1 << one for one in self.registers)
        number = BANK_NUMBERS[self.bank]
        return number.to_bytes(2, "big") + bytes((SELECT_BYTES,)) + bits.to_bytes(3, "little")


def parse_selections(reader: Reader) -> tuple[PcrSelection, ...]:
    """Read a TPML_PCR_SELECTION: at least one register, no bank twice.

    Raises:
        MalformedError: as `PcrSelection.parse`.
    """
    count = reader.big(4, "count of PCR selections")
    if count > SELECTIONS_MOST:
        raise MalformedError("tpm.selection", f"{count} selections, at most {SELECTIONS_MOST}")
    found = tuple(PcrSelection.parse(reader) for _ in range(count))
    if len({one.bank for one in found}) != len(found):
        raise MalformedError("tpm.selection", "a bank is selected twice")
    if not any(one.registers for one in found):
        raise MalformedError("tpm.selection", "no register is selected")
    return found


def build_selections(selections: tuple[PcrSelection, ...]) -> bytes:
    """Return the TPML_PCR_SELECTION."""
    return len(selections).to_bytes(4, "big") + b"".join(one.build() for one in selections)
