# SPDX-License-Identifier: Apache-2.0
"""A software TPM in a directory.

    root.pem          for verifiers: the trust anchor
    certificates/     DER of every certificate of the hierarchy
    keys/             private: PKCS #8 PEM, mode 0600
    tee.json          settings, instant of creation, registers; written last, and anew by `save`

`tee.json` makes the directory a TEE: a crash before it is written leaves one that `load` refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.tpm_certificate import TpmCertificate
from troth.crypto.tpm_signer import TpmSigner
from troth.errors import DriverError, TrothError
from troth.evidence.tpm.layout import BANK_NUMBERS, BANKS, PCR_COUNT
from troth.tsm.emulated.files import (
    FILE_MAX_BYTES,
    PRIVATE,
    PRIVATE_DIRECTORY,
    PUBLIC,
    held,
    new_directory,
    read_whole,
    write_whole,
)
from troth.tsm.emulated.tpm.pki import ROLES, TpmPki
from troth.tsm.emulated.tpm.settings import Settings
from troth.tsm.emulated.tpm.tee import SoftwareTpm
from troth.wire import json
from troth.wire.text import format_instant, parse_hex, parse_instant

__all__ = ["create_in", "load", "opened", "save"]

_STATE: Final = "tee.json"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["tpm"]
    created: str
    registers: dict[str, tuple[str, ...]]
    settings: Settings


def create_in(directory: Path, tee: SoftwareTpm) -> None:
    """Save a new software TPM in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    new_directory(directory)
    keys, certificates = directory / "keys", directory / "certificates"
    keys.mkdir(PRIVATE_DIRECTORY)
    certificates.mkdir()
    for role in ROLES:
        write_whole(keys / f"{role}.pem", tee.pki.keys[role].pem(), PRIVATE)
        write_whole(certificates / f"{role}.der", tee.pki.certificates[role], PUBLIC)
    write_whole(directory / "root.pem", tee.root_pem, PUBLIC)
    save(directory, tee)


def save(directory: Path, tee: SoftwareTpm) -> None:
    """Write settings and registers: a reader sees the old ones or the new ones, also in a crash.

    Raises:
        OSError: the directory cannot be written.
    """
    state = _State(
        kind="tpm",
        created=format_instant(tee.at),
        registers={
            bank: tuple(one.hex() for one in values) for bank, values in tee.registers().items()
        },
        settings=tee.settings,
    )
    data = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    write_whole(directory / _STATE, data, PUBLIC)


def load(directory: Path) -> SoftwareTpm:
    """Return the software TPM that was saved in a directory.

    Raises:
        DriverError: `tsm.state`, there is none, a file is missing, or one is not what it should
            be.
    """
    try:
        state = json.decode(read_whole(directory / _STATE), _State, max_bytes=FILE_MAX_BYTES)
        return _restored(directory, state)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None


@contextmanager
def opened(directory: Path) -> Iterator[SoftwareTpm]:
    """Hold the software TPM of a directory, alone, and keep what was extended meanwhile.

    Registers are written when the block is left, also by an exception: what a TPM was extended
    with cannot be taken back.

    Raises:
        DriverError: as `load`.
        OSError: the directory cannot be written.
    """
    with held(directory):
        tee = load(directory)
        before = tee.registers()
        try:
            yield tee
        finally:
            if tee.registers() != before:
                save(directory, tee)


def _restored(directory: Path, state: _State) -> SoftwareTpm:
    at = parse_instant(state.created)
    pki = TpmPki(
        state.settings,
        at,
        {
            role: TpmSigner.from_pem(read_whole(directory / "keys" / f"{role}.pem"))
            for role in ROLES
        },
        {role: read_whole(directory / "certificates" / f"{role}.der") for role in ROLES},
    )
    for role in ROLES:
        if TpmCertificate(pki.certificates[role]).public_key != pki.keys[role].public:
            raise ValueError(f"the certificate of {role} is for another key")
    if pki.keys["ak"].public.kind != state.settings.key:
        raise ValueError(f"the attestation key is {pki.keys['ak'].public.kind}")
    if tuple(state.registers) != state.settings.banks:
        raise ValueError("the registers are not those of the banks")
    registers = {bank: _bank(bank, values) for bank, values in state.registers.items()}
    return SoftwareTpm(state.settings, at, pki, registers=registers)


def _bank(bank: str, values: tuple[str, ...]) -> list[bytes]:
    if len(values) != PCR_COUNT:
        raise ValueError(f"{len(values)} registers in bank {bank}")
    return [parse_hex(one, BANKS[BANK_NUMBERS[bank]][1]) for one in values]
