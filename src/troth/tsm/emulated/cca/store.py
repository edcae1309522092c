# SPDX-License-Identifier: Apache-2.0
"""A software CCA in a directory.

    cpak.json     for verifiers: the store of platform keys that has this platform alone
    keys/         private: PKCS #8 PEM of the platform's key and the realm's, mode 0600
    tee.json      settings, instant of creation, registers; written last, and anew by `save`

`tee.json` makes the directory a TEE: a crash before it is written leaves one that `load` refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.signing_key import SigningKey
from troth.errors import DriverError, TrothError
from troth.evidence.cca.layout import HASHES
from troth.tsm.emulated.cca.settings import Measurements, Settings
from troth.tsm.emulated.cca.tee import Keys, SoftwareCca
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
from troth.wire import json
from troth.wire.text import format_instant, parse_instant

__all__ = ["create_in", "load", "opened", "save"]

_STATE: Final = "tee.json"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["cca"]
    created: str
    registers: Measurements
    settings: Settings


def create_in(directory: Path, tee: SoftwareCca) -> None:
    """Save a new software CCA in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    new_directory(directory)
    keys = directory / "keys"
    keys.mkdir(PRIVATE_DIRECTORY)
    write_whole(keys / "cpak.pem", tee.keys.cpak.pem(), PRIVATE)
    write_whole(keys / "rak.pem", tee.keys.rak.pem(), PRIVATE)
    write_whole(directory / "cpak.json", tee.store() + b"\n", PUBLIC)
    save(directory, tee)


def save(directory: Path, tee: SoftwareCca) -> None:
    """Write settings and registers: a reader sees the old ones or the new ones, also in a crash.

    Raises:
        OSError: the directory cannot be written.
    """
    state = _State(
        kind="cca",
        created=format_instant(tee.at),
        registers=tuple(one.hex() for one in tee.registers()),
        settings=tee.settings,
    )
    data = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    write_whole(directory / _STATE, data, PUBLIC)


def load(directory: Path) -> SoftwareCca:
    """Return the software CCA that was saved in a directory.

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
def opened(directory: Path) -> Iterator[SoftwareCca]:
    """Hold the software CCA of a directory, alone, and keep what was extended meanwhile.

    Registers are written when the block is left, also by an exception: what a realm was extended
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


def _restored(directory: Path, state: _State) -> SoftwareCca:
    settings = state.settings
    if None in (settings.platform.instance_id, settings.realm.rim, settings.realm.rems):
        raise ValueError("the settings leave something open")
    size = HASHES[settings.realm.hash_algorithm]
    registers = tuple(bytes.fromhex(one) for one in state.registers)
    if any(len(one) != size for one in registers):
        raise ValueError(f"a register is not of {settings.realm.hash_algorithm}")
    keys = Keys(
        cpak=_key(directory / "keys" / "cpak.pem", settings.platform.curve),
        rak=_key(directory / "keys" / "rak.pem", settings.realm.curve),
    )
    tee = SoftwareCca(settings, parse_instant(state.created), keys, registers=registers)
    if read_whole(directory / "cpak.json") != tee.store() + b"\n":
        raise ValueError("cpak.json is another platform's")
    return tee


def _key(path: Path, curve: str) -> SigningKey:
    key = SigningKey.from_pem(read_whole(path))
    if key.public.curve.name != curve:
        raise ValueError(f"{path.name} is on {key.public.curve.name}, {curve} is due")
    return key
