# SPDX-License-Identifier: Apache-2.0
"""A software SNP in a directory.

    root.pem          for verifiers: the trust anchor, an ARK
    collateral.json   for verifiers: leaf, chain and list
    crl.der           the ARK's list by itself
    certificates/     DER of every certificate of the hierarchy
    keys/             private: PKCS #8 PEM, mode 0600
    tee.json          settings and instant of creation; written last

`tee.json` makes the directory a TEE: a crash before it is written leaves one that `load` refuses.
A guest on SNP has no registers, so nothing is written after that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from troth.crypto.digest import sha256
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.crypto.rsa_pss import RsaPrivateKey
from troth.crypto.signing_key import SigningKey
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
from troth.tsm.emulated.snp.pki import AUTHORITIES, LEAVES, ROLES, SnpKeys, SnpPki
from troth.tsm.emulated.snp.settings import Settings
from troth.tsm.emulated.snp.tee import SoftwareSnp
from troth.wire import json
from troth.wire.text import format_instant, parse_instant

__all__ = ["create_in", "load", "opened"]

_STATE: Final = "tee.json"


class _State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    kind: Literal["snp"] = "snp"
    created: str
    settings: Settings


def create_in(directory: Path, tee: SoftwareSnp) -> None:
    """Save a new software SNP in a directory that is empty or does not exist yet.

    Raises:
        FileExistsError: the directory holds something.
        OSError: it cannot be written.
    """
    new_directory(directory)
    keys, certificates = directory / "keys", directory / "certificates"
    keys.mkdir(PRIVATE_DIRECTORY)
    certificates.mkdir()
    for authority in AUTHORITIES:
        write_whole(keys / f"{authority}.pem", tee.pki.keys.authorities[authority].pem(), PRIVATE)
    for leaf in LEAVES:
        write_whole(keys / f"{leaf}.pem", tee.pki.keys.leaves[leaf].pem(), PRIVATE)
    for role in ROLES:
        write_whole(certificates / f"{role}.der", tee.pki.certificates[role], PUBLIC)
    write_whole(directory / "root.pem", tee.root_pem, PUBLIC)
    write_whole(directory / "crl.der", tee.crl, PUBLIC)
    write_whole(directory / "collateral.json", tee.bundle(), PUBLIC)
    state = _State(created=format_instant(tee.at), settings=tee.settings)
    text = msgspec.json.format(json.encode(state), indent=2) + b"\n"
    write_whole(directory / _STATE, text, PUBLIC)


def load(directory: Path) -> SoftwareSnp:
    """Return the software SNP that was saved in a directory.

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
def opened(directory: Path) -> Iterator[SoftwareSnp]:
    """Hold the software SNP of a directory, alone: the firmware answers one guest at a time.

    Raises:
        DriverError: as `load`.
    """
    with held(directory):
        yield load(directory)


def _restored(directory: Path, state: _State) -> SoftwareSnp:
    def key(role: str) -> bytes:
        return read_whole(directory / "keys" / f"{role}.pem")

    keys = SnpKeys(
        {role: RsaPrivateKey.from_pem(key(role)) for role in AUTHORITIES},
        {role: SigningKey.from_pem(key(role)) for role in LEAVES},
    )
    certificates = {role: read_whole(directory / "certificates" / f"{role}.der") for role in ROLES}
    for role in ROLES:
        if PssCertificate(certificates[role]).spki_sha256 != sha256(keys.spki(role)):
            raise ValueError(f"the certificate of {role} is for another key")
    at = parse_instant(state.created)
    crl = read_whole(directory / "crl.der")
    PssCrl(crl)
    return SoftwareSnp(state.settings, at, SnpPki(state.settings, at, keys, certificates), crl=crl)
