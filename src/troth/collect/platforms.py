# SPDX-License-Identifier: Apache-2.0
"""Keys that are known by themselves: of CCA platforms, of CoVE's roots of trust, of TPMs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from troth.collect import sorts
from troth.collect.naming import as_usage, expected
from troth.crypto.tpm_key import TpmKey
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.arm import Cpak, CpakStore, parse_cpak_key, parse_cpak_store
from troth.endorse.arm.cpak import STORE_MAX_BYTES
from troth.endorse.riscv import CoveRoot, CoveRoots, parse_roots
from troth.endorse.riscv.roots import ROOTS_MAX_BYTES
from troth.infra.files import read_bounded
from troth.verify.tpm import PinnedKeys

__all__ = ["attestation_keys", "cove_roots", "cpaks"]

_KEY_MAX_BYTES: Final = 4096
_ROOTS_DUE: Final = "a list of CoVE's roots of trust (a JSON array) is due"
_CPAKS_DUE: Final = (
    "a list of the keys of CCA platforms (a JSON array) or one public key (JWK or PEM) is due"
)
_CPAK_SORTS: Final = (sorts.CPAKS, sorts.JWK, sorts.PEM_PUBLIC_KEY)
_AK_DUE: Final = "the public key of a TPM's attestation key (PEM) is due"


def cove_roots(paths: Iterable[str], *, what: str) -> CoveRoots:
    """Return the roots of trust of JSON files.

    Args:
        paths: of the files.
        what: names them together, for what is wrong between them.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    found: list[CoveRoot] = []
    for path in paths:
        data = read_bounded(path, ROOTS_MAX_BYTES)
        with as_usage(path, expected(_ROOTS_DUE, (sorts.COVE_ROOTS,), data)):
            found += parse_roots(data)
    with as_usage(what):
        return CoveRoots(found)


def cpaks(
    paths: Iterable[str], lone: Callable[[str, VerifyingKey], Cpak], *, what: str
) -> CpakStore:
    """Return the keys of CCA platforms: of stores, which begin with a bracket, and lone keys.

    Args:
        paths: of the files.
        lone: says whose a key is that stands alone in a file, or refuses it.
        what: names the files together, for what is wrong between them.

    Raises:
        UsageError: `usage.file` or `usage.root`; as `lone`.
    """
    found: list[Cpak] = []
    for path in paths:
        data = read_bounded(path, STORE_MAX_BYTES)
        with as_usage(path, expected(_CPAKS_DUE, _CPAK_SORTS, data)):
            if data.lstrip().startswith(b"["):
                found += parse_cpak_store(data)
            else:
                found.append(lone(path, parse_cpak_key(data)))
    with as_usage(what):
        return CpakStore(found)


def attestation_keys(paths: Iterable[str]) -> PinnedKeys:
    """Return the attestation keys of PEM files.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    found = []
    for path in paths:
        data = read_bounded(path, _KEY_MAX_BYTES)
        with as_usage(path, expected(_AK_DUE, (sorts.PEM_PUBLIC_KEY,), data)):
            found.append(TpmKey.from_pem(data).spki_sha256)
    return PinnedKeys(found)
