# SPDX-License-Identifier: Apache-2.0
"""A software SGX in a directory.

    root.pem          for verifiers: the trust anchor
    collateral.json   for verifiers: the bundle
    certificates/     DER of every certificate of the hierarchy
    keys/             private: PKCS #8 PEM and the CPU's report key, mode 0600
    tee.json          settings and instant of creation; written last

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
from troth.tsm.emulated import files
from troth.tsm.emulated.sgx.report import CPU_KEY_BYTES
from troth.tsm.emulated.sgx.settings import SgxSettings
from troth.tsm.emulated.sgx.tee import SoftwareSgx
from troth.tsm.emulated.tdx.collateral import Bundle
from troth.tsm.emulated.tdx.pki import ROLES, Pki
from troth.tsm.emulated.tdx.tee import Secrets
from troth.wire import json
from troth.wire.text import format_instant, parse_instant

__all__ = ["create_in", "load", "opened"]

_STATE: Final = "tee.json"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["sgx"]
    created: str
    settings: SgxSettings


def create_in(directory: Path, tee: SoftwareSgx) -> None:
    """Save a new software SGX in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    files.new_directory(directory)
    keys, certificates = directory / "keys", directory / "certificates"
    keys.mkdir(files.PRIVATE_DIRECTORY)
    certificates.mkdir()
    for role in ROLES:
        files.write_whole(keys / f"{role}.pem", tee.pki.keys[role].pem(), files.PRIVATE)
        files.write_whole(certificates / f"{role}.der", tee.pki.certificates[role], files.PUBLIC)
    files.write_whole(keys / "attestation.pem", tee.attestation_key.pem(), files.PRIVATE)
    files.write_whole(keys / "cpu.key", tee.secret.cpu_key, files.PRIVATE)
    files.write_whole(directory / "root.pem", tee.root_pem, files.PUBLIC)
    files.write_whole(directory / "collateral.json", tee.bundle(), files.PUBLIC)
    state = _State(kind="sgx", created=format_instant(tee.at), settings=tee.settings)
    text = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    files.write_whole(directory / _STATE, text, files.PUBLIC)


def load(directory: Path) -> SoftwareSgx:
    """Return the software SGX that was saved in a directory.

    Raises:
        DriverError: `tsm.state`, there is none, a file is missing, or one is not what it should
            be.
    """
    try:
        text = files.read_whole(directory / _STATE)
        state = json.decode(text, _State, max_bytes=files.FILE_MAX_BYTES)
        return _restored(directory, state)
    except (OSError, ValueError, TrothError) as error:
        raise DriverError("tsm.state", str(error)) from None


@contextmanager
def opened(directory: Path) -> Iterator[SoftwareSgx]:
    """Hold the software SGX of a directory, alone: as hardware does, it quotes one at a time.

    Raises:
        DriverError: as `load`.
    """
    with files.held(directory):
        yield load(directory)


def _restored(directory: Path, state: _State) -> SoftwareSgx:
    keys = directory / "keys"
    at = parse_instant(state.created)
    pki = Pki(
        state.settings,
        at,
        {role: _key(keys / f"{role}.pem") for role in ROLES},
        {role: files.read_whole(directory / "certificates" / f"{role}.der") for role in ROLES},
    )
    for role in ROLES:
        if Certificate(pki.certificates[role]).key.raw != pki.keys[role].public.raw:
            raise ValueError(f"the certificate of {role} is for another key")
    cpu_key = files.read_whole(keys / "cpu.key")
    if len(cpu_key) != CPU_KEY_BYTES:
        raise ValueError(f"cpu.key has {len(cpu_key)} bytes, {CPU_KEY_BYTES} are due")
    bundle = files.read_whole(directory / "collateral.json")
    json.decode(bundle, Bundle, max_bytes=files.FILE_MAX_BYTES)
    secret = Secrets(cpu_key=cpu_key, attestation_key=_key(keys / "attestation.pem"))
    return SoftwareSgx(state.settings, at, pki, secret, bundle=bundle)


def _key(path: Path) -> PrivateKey:
    return PrivateKey.from_pem(files.read_whole(path))
