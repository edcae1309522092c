# SPDX-License-Identifier: Apache-2.0
"""A software CoVE in a directory.

    roots.json    for verifiers: the list of roots of trust that has this platform's alone
    keys/         private: PKCS #8 PEM of the keys of all layers, mode 0600
    tee.json      settings, instant of creation, registers; written last, and anew by `save`

`tee.json` makes the directory a TEE: a crash before it is written leaves one that `load` refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.signing_key import SigningKey
from troth.errors import DriverError, TrothError
from troth.tsm.emulated.cove.settings import Runtime, Settings
from troth.tsm.emulated.cove.tee import Keys, SoftwareCove
from troth.tsm.emulated.cove.tvm import launched
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
_ROOTS: Final = "roots.json"
_KEYS: Final = tuple(one.name for one in fields(Keys))


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["cove"]
    created: str
    registers: Runtime
    settings: Settings


def create_in(directory: Path, tee: SoftwareCove) -> None:
    """Save a new software CoVE in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    new_directory(directory)
    keys = directory / "keys"
    keys.mkdir(PRIVATE_DIRECTORY)
    for name in _KEYS:
        write_whole(keys / f"{name}.pem", getattr(tee.keys, name).pem(), PRIVATE)
    write_whole(directory / _ROOTS, tee.roots() + b"\n", PUBLIC)
    save(directory, tee)


def save(directory: Path, tee: SoftwareCove) -> None:
    """Write settings and registers: a reader sees the old ones or the new ones, also in a crash.

    Raises:
        OSError: the directory cannot be written.
    """
    state = _State(
        kind="cove",
        created=format_instant(tee.at),
        registers=tuple(one.hex() for one in tee.registers()),
        settings=tee.settings,
    )
    data = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    write_whole(directory / _STATE, data, PUBLIC)


def load(directory: Path) -> SoftwareCove:
    """Return the software CoVE that was saved in a directory.

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
def opened(directory: Path) -> Iterator[SoftwareCove]:
    """Hold the software CoVE of a directory, alone, and keep what was extended meanwhile.

    Registers are written when the block is left, also by an exception: what a TVM was extended
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


def _restored(directory: Path, state: _State) -> SoftwareCove:
    settings = state.settings
    if launched(settings.tvm) != settings.tvm:
        raise ValueError("the settings leave something open")
    if [*map(len, state.registers)] != [*map(len, settings.tvm.runtime or ())]:
        raise ValueError("the registers are not those of the settings")
    keys = Keys(**{name: _key(directory, name, getattr(settings.curves, name)) for name in _KEYS})
    registers = tuple(bytes.fromhex(one) for one in state.registers)
    tee = SoftwareCove(settings, parse_instant(state.created), keys, registers=registers)
    if read_whole(directory / _ROOTS) != tee.roots() + b"\n":
        raise ValueError(f"{_ROOTS} is another platform's")
    return tee


def _key(directory: Path, name: str, curve: str) -> SigningKey:
    key = SigningKey.from_pem(read_whole(directory / "keys" / f"{name}.pem"))
    if key.public.curve.name != curve:
        raise ValueError(f"{name}.pem is on {key.public.curve.name}, {curve} is due")
    return key
