# SPDX-License-Identifier: Apache-2.0
"""The readers of every folder of vectors, by the kind of case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.manifests import amd, azure, cca, collateral, guest, intel, logs, ours
from tests.manifests.reader import Reader
from tests.vectors import VectorCase

__all__ = ["FOLDERS", "reader_of"]

FOLDERS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "azure-vtpm": azure.READERS,
    "binding": ours.READERS,
    "cca": cca.READERS,
    "eventlog-cc": logs.READERS,
    "eventlog-tpm": logs.READERS,
    "ima": logs.READERS,
    "intel-collateral": collateral.READERS,
    "pcs-response": {**collateral.READERS, **ours.UNREAD},
    "qemu-ima": guest.READERS,
    "sgx-quote": intel.READERS,
    "snp": amd.READERS,
    "snp-certs": amd.READERS,
    "tdx-quote": intel.READERS,
    "tsem": ours.UNREAD,
}


def reader_of(case: VectorCase) -> Reader:
    """Return what settles a case."""
    return FOLDERS[case.file.partition("/")[0]][case.kind]
