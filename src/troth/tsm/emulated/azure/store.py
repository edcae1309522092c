# SPDX-License-Identifier: Apache-2.0
"""A software Azure VM in a directory.

hardware/   a software TDX or SNP, as its own store has it
tpm/        a software TPM, likewise
tee.json    what the paravisor says, and which hardware it is; written last
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.errors import DriverError, TrothError
from troth.evidence.azure.layout import Hardware
from troth.tsm.emulated import snp, tdx, tpm
from troth.tsm.emulated.azure.settings import Settings
from troth.tsm.emulated.azure.tee import SoftwareAzure
from troth.tsm.emulated.files import (
    FILE_MAX_BYTES,
    PUBLIC,
    held,
    new_directory,
    read_whole,
    write_whole,
)
from troth.wire import json

__all__ = ["create_in", "load", "opened"]

_STATE: Final = "tee.json"
_HARDWARE: Final = "hardware"
_TPM: Final = "tpm"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["azure"]
    hardware: Hardware
    settings: Settings


def create_in(directory: Path, vm: SoftwareAzure) -> None:
    """Save a new software VM in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    new_directory(directory)
    if isinstance(vm.hardware, tdx.SoftwareTdx):
        tdx.create_in(directory / _HARDWARE, vm.hardware)
    else:
        snp.create_in(directory / _HARDWARE, vm.hardware)
    tpm.create_in(directory / _TPM, vm.tpm)
    state = _State(kind="azure", hardware=vm.kind, settings=vm.settings)
    data = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    write_whole(directory / _STATE, data, PUBLIC)


def load(directory: Path) -> SoftwareAzure:
    """Return the software VM that was saved in a directory.

    Raises:
        DriverError: `tsm.state`, there is none, a file is missing, or one is not what it should
            be.
    """
    state = _state(directory)
    return _assembled(directory, state, tpm.load(directory / _TPM))


@contextmanager
def opened(directory: Path) -> Iterator[SoftwareAzure]:
    """Hold the software VM of a directory, alone, and keep what its vTPM was extended with.

    Raises:
        DriverError: as `load`.
        OSError: the directory cannot be written.
    """
    with held(directory):
        state = _state(directory)
        with tpm.opened(directory / _TPM) as inner:
            yield _assembled(directory, state, inner)


def _state(directory: Path) -> _State:
    try:
        return json.decode(read_whole(directory / _STATE), _State, max_bytes=FILE_MAX_BYTES)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None


def _assembled(directory: Path, state: _State, inner: tpm.SoftwareTpm) -> SoftwareAzure:
    where = directory / _HARDWARE
    hardware = tdx.load(where) if state.hardware == "tdx" else snp.load(where)
    try:
        return SoftwareAzure(state.settings, hardware, inner)
    except ValueError as error:
        raise DriverError("tsm.state", str(error)) from None
