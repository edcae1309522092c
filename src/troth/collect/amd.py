# SPDX-License-Identifier: Apache-2.0
"""Files of AMD's endorsements: certificates, revocation lists, certificate tables, bundles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from troth.collect.naming import named
from troth.collect.sorts import AMD_SORTS, UNKNOWN, sort_of
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd import (
    SNP_BUNDLE_MAX_BYTES,
    LeafCertificate,
    SnpCollateral,
    assemble,
    parse_snp_bundle,
    read_certificates,
    read_crl,
)
from troth.errors import UsageError, printable
from troth.evidence.snp import CertificateTable
from troth.infra.files import files_in, read_bounded

__all__ = ["AmdFiles", "amd_files"]

_ENDINGS: Final = (".pem", ".der", ".crt", ".cer", ".crl", ".json", ".bin")
_SEQUENCE: Final = 0x30  # what every certificate and list in DER begins with
_BRACE: Final = 0x7B
_DUE: Final = "certificates, a revocation list, a certificate table or a bundle for SNP are due"


@dataclass(frozen=True, slots=True)
class AmdFiles:
    """What was found: a set for each leaf, and by themselves the CAs' certificates and lists."""

    sets: tuple[SnpCollateral, ...] = ()
    authorities: tuple[PssCertificate, ...] = ()
    crls: tuple[PssCrl, ...] = ()


def amd_files(paths: Iterable[str], left_out: Callable[[str], None]) -> AmdFiles:
    """Return what is in files, and in every file of directories that may hold such.

    Args:
        paths: of files and directories.
        left_out: is told which file of a directory, by its name one of these, is of another sort.

    Raises:
        UsageError: `usage.file`, also for a file that was named and is of another sort.
        MalformedError, UntrustedError: a file that cannot be read, its name in front.
        StaleError: `collateral.missing`, the certificate of a leaf's issuer is in none.
    """
    leaves: dict[PssCertificate, str] = {}
    authorities: dict[PssCertificate, None] = {}
    crls: list[PssCrl] = []
    for path, data in (one for given in paths for one in _files(given, left_out)):
        with named(path):
            certificates, lists = _parsed(data, path)
        crls += lists
        for certificate in certificates:
            if LeafCertificate.is_leaf(certificate):
                leaves.setdefault(certificate, printable(path))
            else:
                authorities[certificate] = None
    sets = (assemble([leaf, *authorities], crls, source) for leaf, source in leaves.items())
    return AmdFiles(tuple(one for made in sets for one in made), tuple(authorities), tuple(crls))


def _files(path: str, left_out: Callable[[str], None]) -> Iterator[tuple[str, bytes]]:
    """Yield paths and contents of what is to be read; it may be broken all the same."""
    if path == "-" or not Path(path).is_dir():
        data = read_bounded(path, SNP_BUNDLE_MAX_BYTES)
        sort = sort_of(data)
        if sort not in AMD_SORTS and sort != UNKNOWN:
            raise UsageError("usage.file", f"{path}: {_DUE}, and this is {sort}")
        yield path, data
        return
    for file in files_in(path, _ENDINGS):
        data = read_bounded(file, SNP_BUNDLE_MAX_BYTES)
        if sort_of(data) in AMD_SORTS:
            yield file, data
        else:
            left_out(file)


def _parsed(data: bytes, path: str) -> tuple[tuple[PssCertificate, ...], tuple[PssCrl, ...]]:
    """Return certificates and lists; which form a file has, its first bytes say."""
    start = data.lstrip()[:1]
    if start == bytes([_BRACE]):
        one = parse_snp_bundle(data, printable(path))
        return one.certificates, () if one.crl is None else (one.crl,)
    crl = read_crl(data)
    if crl is not None:
        return (), (crl,)
    if start == b"-" or data[:1] == bytes([_SEQUENCE]):
        return read_certificates(data), ()
    table = CertificateTable.parse(data)
    held = (table.vcek, table.vlek, table.ask, table.ark)
    return tuple(PssCertificate(der) for der in held if der is not None), ()
