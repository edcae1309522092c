# SPDX-License-Identifier: Apache-2.0
"""What the measured boot leaves behind: its quote, its logs and its keys, kept for other readers.

They stay in `TROTH_VM_ARTEFACTS`, or beside the images.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from tests.manifests.guest import quote_document
from tests.vm.places import cache, say
from tests.vm.tpm import ISSUER, ROOT_CA

__all__ = ["NAMES", "PCRS", "SIZES", "evidence", "keep", "nonce", "quoted"]

ARTEFACTS: Final = "TROTH_VM_ARTEFACTS"
PCRS: Final = range(11)
SIZES: Final = {"sha1": 20, "sha256": 32}
NAMES: Final = (
    "ak.name",
    "ak.pem",
    "ak.pub",
    "ek.crt",
    "ek.pem",
    "ek.pub",
    ISSUER,
    ROOT_CA,
    "firmware.log",
    "ima.bin",
    "ima.txt",
    "nonce",
    "pcrs.selection",
    "quote.attest",
    "quote.pcrs",
    "quote.signature",
    "release",
)


def keep(results: Path) -> Path:
    """Copy what was taken out of the guest to the place where it stays; return that."""
    place = Path(os.environ.get(ARTEFACTS) or cache() / "artefacts")
    place.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        shutil.copy(results / name, place / name)
    say(f"artefacts of the measured boot: {place}")
    return place


def nonce(folder: Path) -> bytes:
    """Return what the quote was asked with."""
    return bytes.fromhex((folder / "nonce").read_text(encoding="ascii"))


def quoted(folder: Path) -> dict[str, dict[int, bytes]]:
    """Return the quoted values: bank, then PCR."""
    values = (folder / "quote.pcrs").read_bytes()
    found: dict[str, dict[int, bytes]] = {}
    at = 0
    for bank, size in SIZES.items():
        found[bank] = {pcr: values[at + pcr * size : at + (pcr + 1) * size] for pcr in PCRS}
        at += len(PCRS) * size
    assert at == len(values)
    return found


def evidence(folder: Path, registers: dict[str, dict[int, bytes]] | None = None) -> bytes:
    """Return the quote as TPM evidence, with the key's public area and those registers."""
    return quote_document(
        (folder / "quote.attest").read_bytes(),
        (folder / "quote.signature").read_bytes(),
        registers or quoted(folder),
        {"public": (folder / "ak.pub").read_bytes().hex()},
    )
