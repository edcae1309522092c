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

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.errors import DriverError, TrothError
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
_FILE_MAX_BYTES: Final = 1024 * 1024
_PUBLIC: Final = 0o644
_PRIVATE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


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
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty")
    keys, certificates = directory / "keys", directory / "certificates"
    keys.mkdir(_PRIVATE_DIRECTORY)
    certificates.mkdir()
    for role in ROLES:
        _write(keys / f"{role}.pem", tee.pki.keys[role].pem(), _PRIVATE)
        _write(certificates / f"{role}.der", tee.pki.certificates[role], _PUBLIC)
    _write(keys / "attestation.pem", tee.attestation_key.pem(), _PRIVATE)
    _write(keys / "cpu.key", tee.secret.cpu_key, _PRIVATE)
    _write(directory / "root.pem", tee.root_pem, _PUBLIC)
    _write(directory / "collateral.json", tee.bundle(), _PUBLIC)
    if boot_log is not None:
        _write(directory / _BOOT_LOG, boot_log, _PUBLIC)
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
    _write(directory / _STATE, msgspec.json.format(json.encode(state), indent=2) + b"\n", _PUBLIC)


def load(directory: Path) -> SoftwareTdx:
    """Return the software TDX that was saved in a directory.

    Raises:
        DriverError: `tsm.state`, there is none, a file is missing, or one is not what it should
            be.
    """
    try:
        state = json.decode(_read(directory / _STATE), _State, max_bytes=_FILE_MAX_BYTES)
        return _restored(directory, state)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None


def load_boot_log(directory: Path) -> bytes | None:
    """Return the boot log of a software TDX; None where it was made without one.

    Raises:
        DriverError: `tsm.state`, it cannot be read.
    """
    try:
        return _read(directory / _BOOT_LOG)
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
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DriverError("tsm.state", str(error)) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        tee = load(directory)
        before = tee.registers()
        try:
            yield tee
        finally:
            if tee.registers() != before:
                save(directory, tee)
    finally:
        os.close(handle)


def _restored(directory: Path, state: _State) -> SoftwareTdx:
    keys = directory / "keys"
    at = parse_instant(state.created)
    pki = Pki(
        state.settings,
        at,
        {role: _key(keys / f"{role}.pem") for role in ROLES},
        {role: _read(directory / "certificates" / f"{role}.der") for role in ROLES},
    )
    for role in ROLES:
        if Certificate(pki.certificates[role]).key.raw != pki.keys[role].public.raw:
            raise ValueError(f"the certificate of {role} is for another key")
    cpu_key = _read(keys / "cpu.key")
    if len(cpu_key) != CPU_KEY_BYTES:
        raise ValueError(f"cpu.key has {len(cpu_key)} bytes, {CPU_KEY_BYTES} are due")
    bundle = _read(directory / "collateral.json")
    json.decode(bundle, Bundle, max_bytes=_FILE_MAX_BYTES)
    return SoftwareTdx(
        state.settings,
        at,
        pki,
        Secrets(cpu_key=cpu_key, attestation_key=_key(keys / "attestation.pem")),
        registers=tuple(bytes.fromhex(one) for one in state.registers),
        bundle=bundle,
    )


def _key(path: Path) -> PrivateKey:
    return PrivateKey.from_pem(_read(path))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_FILE_MAX_BYTES + 1)
    if len(data) > _FILE_MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_FILE_MAX_BYTES} bytes")
    return data


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file in place, or leave what was there.

    The file gets its mode before its content; it is on the disk before it gets its name, and the
    name is on the disk when this returns.
    """
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
