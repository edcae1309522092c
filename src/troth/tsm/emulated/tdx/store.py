# SPDX-License-Identifier: Apache-2.0
"""A software TDX in a directory.

    root.pem          for verifiers: the trust anchor
    collateral.json   for verifiers: the bundle
    certificates/     DER of every certificate of the hierarchy
    keys/             private: PKCS #8 PEM and the CPU's report key, mode 0600
    boot.log          the firmware's event log, where the TD was made with one
    tee.json          settings, instant of creation, registers; written last, and anew by `save`

`tee.json` makes the directory a TEE: a crash before it is written leaves one that `load` refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.errors import DriverError, TrothError
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
from troth.tsm.emulated.tdx.collateral import Bundle
from troth.tsm.emulated.tdx.cpu import CPU_KEY_BYTES
from troth.tsm.emulated.tdx.fields import Registers
from troth.tsm.emulated.tdx.pki import ROLES, Pki
from troth.tsm.emulated.tdx.settings import Settings
from troth.tsm.emulated.tdx.tee import Secrets, SoftwareTdx
from troth.wire import json
from troth.wire.text import format_instant, parse_instant

__all__ = ["create_in", "load", "load_boot_log", "opened", "save"]

_STATE: Final = "tee.json"
_BOOT_LOG: Final = "boot.log"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["tdx"] = "tdx"
    created: str
    registers: Registers
    settings: Settings


def create_in(directory: Path, tee: SoftwareTdx, *, boot_log: bytes | None = None) -> None:
    """Save a new software TDX in a directory that is empty or does not exist yet.

    Args:
        directory: where.
        tee: what.
        boot_log: the log whose replay gives the registers that it started with, if there is one.

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
    write_whole(keys / "attestation.pem", tee.attestation_key.pem(), PRIVATE)
    write_whole(keys / "cpu.key", tee.secret.cpu_key, PRIVATE)
    write_whole(directory / "root.pem", tee.root_pem, PUBLIC)
    write_whole(directory / "collateral.json", tee.bundle(), PUBLIC)
    if boot_log is not None:
        write_whole(directory / _BOOT_LOG, boot_log, PUBLIC)
    save(directory, tee)


def save(directory: Path, tee: SoftwareTdx) -> None:
    """Write settings and registers: a reader sees the old ones or the new ones, also in a crash.

    Raises:
        OSError: the directory cannot be written.
    """
    state = _State(
        created=format_instant(tee.at),
        registers=tuple(one.hex() for one in tee.registers()),
        settings=tee.settings,
    )
    write_whole(
        directory / _STATE, msgspec.json.format(json.encode(state), indent=2) + b"\n", PUBLIC
    )


def load(directory: Path) -> SoftwareTdx:
    """Return the software TDX that was saved in a directory.

    Raises:
        DriverError: `tsm.state`, there is none, a file is missing, or one is not what it should
            be.
    """
    try:
        state = json.decode(read_whole(directory / _STATE), _State, max_bytes=FILE_MAX_BYTES)
        return _restored(directory, state)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None


def load_boot_log(directory: Path) -> bytes | None:
    """Return the boot log of a software TDX; None where it was made without one.

    Raises:
        DriverError: `tsm.state`, it cannot be read.
    """
    try:
        return read_whole(directory / _BOOT_LOG)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DriverError("tsm.state", str(error)) from None


@contextmanager
def opened(directory: Path) -> Iterator[SoftwareTdx]:
    """Hold the software TDX of a directory, alone, and keep what was extended meanwhile.

    Registers are written when the block is left, also by an exception: what a TD was extended
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


def _restored(directory: Path, state: _State) -> SoftwareTdx:
    keys = directory / "keys"
    at = parse_instant(state.created)
    pki = Pki(
        state.settings,
        at,
        {role: _key(keys / f"{role}.pem") for role in ROLES},
        {role: read_whole(directory / "certificates" / f"{role}.der") for role in ROLES},
    )
    for role in ROLES:
        if Certificate(pki.certificates[role]).key.raw != pki.keys[role].public.raw:
            raise ValueError(f"the certificate of {role} is for another key")
    cpu_key = read_whole(keys / "cpu.key")
    if len(cpu_key) != CPU_KEY_BYTES:
        raise ValueError(f"cpu.key has {len(cpu_key)} bytes, {CPU_KEY_BYTES} are due")
    bundle = read_whole(directory / "collateral.json")
    json.decode(bundle, Bundle, max_bytes=FILE_MAX_BYTES)
    return SoftwareTdx(
        state.settings,
        at,
        pki,
        Secrets(cpu_key=cpu_key, attestation_key=_key(keys / "attestation.pem")),
        registers=tuple(bytes.fromhex(one) for one in state.registers),
        bundle=bundle,
    )


def _key(path: Path) -> PrivateKey:
    return PrivateKey.from_pem(read_whole(path))
