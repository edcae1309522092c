# SPDX-License-Identifier: Apache-2.0
"""Values of registers beside a quote, which holds a digest of them alone (part 3, 18.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from troth.crypto.digest import sha256, sha384
from troth.crypto.tpm_key import HashName
from troth.errors import MalformedError
from troth.evidence.tpm.layout import BANK_NUMBERS, BANKS, PCR_COUNT
from troth.evidence.tpm.selection import PcrSelection
from troth.wire.text import parse_hex

__all__ = ["Registers", "check_selected", "digest_of", "registers_from_text"]

Registers = Mapping[str, Mapping[int, bytes]]
"""The value of each register by its index, by bank."""

_INDICES: Final = {str(index): index for index in range(PCR_COUNT)}
_DIGESTS: Final[Mapping[HashName, Callable[[bytes], bytes]]] = {"sha256": sha256, "sha384": sha384}


def registers_from_text(banks: Mapping[str, Mapping[str, str]]) -> Registers:
    """Return registers whose indices are decimal and whose values are hex.

    Raises:
        MalformedError: `tpm.pcr-values`, another bank or index; `wire.hex`, not of the bank's size.
    """
    return {bank: _bank(bank, values) for bank, values in banks.items()}


def check_selected(selections: tuple[PcrSelection, ...], registers: Registers) -> None:
    """Return if the registers given are those selected: no value is missing, none is unquoted.

    Raises:
        MalformedError: `tpm.pcr-values`.
    """
    selected = {(one.bank, index) for one in selections for index in one.registers}
    given = {(bank, index) for bank, values in registers.items() for index in values}
    if selected != given:
        names = " ".join(f"{bank}:{index}" for bank, index in sorted(selected ^ given))
        raise MalformedError("tpm.pcr-values", f"selected or given, but not both: {names}")


def digest_of(
    selections: tuple[PcrSelection, ...], registers: Registers, hash_name: HashName
) -> bytes:
    """Return the digest of the selected registers, bank by bank, each in ascending order.

    Args:
        selections: what a quote is about, in its order.
        registers: all of them; see `check_selected`.
        hash_name: that of the quote's signature.
    """
    values = (registers[one.bank][index] for one in selections for index in one.registers)
    return _DIGESTS[hash_name](b"".join(values))


def _bank(bank: str, values: Mapping[str, str]) -> dict[int, bytes]:
    if bank not in BANK_NUMBERS:
        raise MalformedError("tpm.pcr-values", f"a bank called {bank!r}")
    size = BANKS[BANK_NUMBERS[bank]][1]
    return {_index(text): parse_hex(value, size) for text, value in values.items()}


def _index(text: str) -> int:
    if text not in _INDICES:
        raise MalformedError("tpm.pcr-values", f"a register called {text!r}")
    return _INDICES[text]
