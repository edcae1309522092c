# SPDX-License-Identifier: Apache-2.0
"""What a guest's files say of its registers, in the words of the tools that wrote them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["kernel_registers", "nonce_of", "registers_of", "stated_prefix"]

_REGISTER: Final = re.compile(r"\s+(\d+)\s*: 0x([0-9A-F]+)")
_PREFIX: Final = r"ok   quote {} sel .* pcrDigest matches log prefix of (\d+) of (\d+) entries"


def registers_of(text: str) -> dict[str, dict[int, bytes]]:
    """Read registers as tpm2-tools print them."""
    banks: dict[str, dict[int, bytes]] = {}
    name = ""
    for line in text.splitlines():
        found = _REGISTER.fullmatch(line)
        if found:
            banks[name][int(found[1])] = bytes.fromhex(found[2])
        elif line.startswith("  ") and line.endswith(":"):
            name = line.strip(" :")
            banks[name] = {}
    return banks


def kernel_registers(folder: Path) -> dict[tuple[str, int], bytes]:
    """Return the PCRs that a guest's kernel showed at the end, by bank and number."""
    lines = (folder / "sysfs_pcrs.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines]
    return {
        (bank.removeprefix("pcr-"), int(number)): bytes.fromhex(value)
        for bank, number, value in rows
    }


def nonce_of(folder: Path) -> bytes:
    """Return what a guest's quotes were asked with."""
    return bytes.fromhex((folder / "nonce.hex").read_text(encoding="ascii").strip())


def stated_prefix(path: Path) -> tuple[int, int]:
    """Return how much of the list a quote is of, as was found when it was made: of how many."""
    told = (path.parent / "verify.txt").read_text(encoding="utf-8")
    found = re.search(_PREFIX.format(path.stem.partition("_")[2]), told)
    assert found is not None
    return int(found[1]), int(found[2])
