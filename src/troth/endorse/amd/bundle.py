# SPDX-License-Identifier: Apache-2.0
"""Reading AMD's endorsements: PEM and DER files, a host's certificate table, or a JSON bundle.

A bundle is one JSON object, in which certificates are PEM and the list is hex of its DER:

    {"kind": "snp", "leaf": "…VCEK or VLEK…", "chain": "…ASK or ASVK, ARK…", "crl": "…"}

Files and tables hold certificates in any order; `assemble` puts them together by issuer names.
That a name is right says nothing: which chain is genuine, the verifier finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from troth.crypto.issue import certificate_pem
from troth.crypto.pss_certificate import PssCertificate, pss_certificates_from_pem
from troth.crypto.pss_crl import PssCrl, is_list
from troth.endorse.amd.collateral import SnpCollateral
from troth.endorse.amd.leaf import LeafCertificate
from troth.errors import MalformedError, StaleError, UntrustedError
from troth.evidence.snp.certificates import CertificateTable
from troth.wire import json
from troth.wire.text import parse_hex, pem_blocks

__all__ = [
    "SNP_BUNDLE_MAX_BYTES",
    "assemble",
    "parse_snp_bundle",
    "parse_table",
    "read_certificates",
    "read_crl",
    "snp_bundle",
]

SNP_BUNDLE_MAX_BYTES: Final = 3 * 1024 * 1024  # ours: a list may have 1 MiB, 2 in hex
_MOST_CERTIFICATES: Final = 32  # in one file, or to be put together
_CHAIN_LENGTH: Final = 2  # intermediate first, root second
_PEM: Final = b"-----BEGIN"


class _Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Literal["snp"]
    leaf: str
    chain: str
    crl: str | None = None


def parse_snp_bundle(data: bytes, source: str) -> SnpCollateral:
    """Return the collateral set of one bundle.

    Args:
        data: the JSON text, at most 3 MiB; `crl` may be left out.
        source: a name for people, such as the file's.

    Raises:
        MalformedError: `json.*`, `wire.*`, `x509.malformed`, `crl.malformed`,
            `crl.no-next-update`; `snp.certificate`, `unsupported.*`: the leaf's extensions.
        UntrustedError: `collateral.chain-shape`.
    """
    raw = json.decode(data, _Bundle, max_bytes=SNP_BUNDLE_MAX_BYTES)
    leaves = pss_certificates_from_pem(raw.leaf.encode(), most=2)
    chain = pss_certificates_from_pem(raw.chain.encode(), most=_CHAIN_LENGTH + 1)
    if len(leaves) != 1 or len(chain) != _CHAIN_LENGTH:
        raise UntrustedError(
            "collateral.chain-shape",
            f"{len(leaves)} and {len(chain)} certificates; leaf, and intermediate and root are due",
        )
    return SnpCollateral(
        source=source,
        leaf=LeafCertificate.of(leaves[0]),
        intermediate=chain[0],
        root=chain[1],
        crl=None if raw.crl is None else PssCrl(parse_hex(raw.crl)),
    )


def snp_bundle(collateral: SnpCollateral) -> bytes:
    """Return a set as the JSON text of a bundle."""
    leaf, intermediate, root = (one.der for one in collateral.certificates)
    return json.encode(
        _Bundle(
            kind="snp",
            leaf=certificate_pem(leaf).decode(),
            chain=certificate_pem(intermediate, root).decode(),
            crl=None if collateral.crl is None else collateral.crl.der.hex(),
        )
    )


def read_certificates(data: bytes) -> tuple[PssCertificate, ...]:
    """Return the certificates of a file: PEM, at most 32, or one in DER.

    Raises:
        MalformedError: `wire.pem` or `x509.malformed`.
    """
    if data.lstrip().startswith(_PEM):
        return pss_certificates_from_pem(data, most=_MOST_CERTIFICATES)
    return (PssCertificate(data),)


def read_crl(data: bytes) -> PssCrl | None:
    """Return the revocation list of a file, PEM or DER; None where it begins as no list does.

    Raises:
        MalformedError: `wire.pem`, `crl.malformed` or `crl.no-next-update`.
    """
    if data.lstrip().startswith(_PEM + b" X509 CRL-"):
        blocks = pem_blocks(data, "X509 CRL", most=1)
        if len(blocks) != 1:
            raise MalformedError("wire.pem", "one list is due")
        return PssCrl(blocks[0])
    return PssCrl(data) if is_list(data) else None


def parse_table(
    data: bytes,
    source: str,
    *,
    more: Iterable[PssCertificate] = (),
    crls: Iterable[PssCrl] = (),
) -> tuple[SnpCollateral, ...]:
    """Return the sets of a host's certificate table (`auxblob`); none where it has no leaf.

    Args:
        data: the table; a host that has none gives no byte.
        source: a name for people.
        more: certificates that the table may lack, such as those of the CAs.
        crls: lists of root keys.

    Raises:
        MalformedError: `snp.certificate-table`, `wire.*`, `x509.malformed`, `snp.certificate`,
            `unsupported.*`.
        StaleError: `collateral.missing`, a CA's certificate is neither in the table nor in `more`.
    """
    table = CertificateTable.parse(data)
    held = (table.vcek, table.vlek, table.ask, table.ark)
    own = [PssCertificate(der) for der in held if der is not None]
    return assemble([*own, *more], crls, source)


def assemble(
    certificates: Iterable[PssCertificate], crls: Iterable[PssCrl], source: str
) -> tuple[SnpCollateral, ...]:
    """Return a set for each leaf, with whatever certificates and list its issuer names lead to.

    Of several lists of one root, the latest counts.

    Raises:
        MalformedError: `snp.certificate`, `unsupported.*`: a leaf's extensions;
            `wire.too-large`, more than 32 certificates.
        StaleError: `collateral.missing`, the certificate of an issuer was not given.
    """
    given = list(dict.fromkeys(certificates))
    if len(given) > _MOST_CERTIFICATES:
        raise MalformedError("wire.too-large", f"{len(given)} certificates")
    leaves = [one for one in given if LeafCertificate.is_leaf(one)]
    others = [one for one in given if not LeafCertificate.is_leaf(one)]
    latest_last = sorted(crls, key=lambda one: one.this_update)
    by_issuer = {one.issuer: one for one in latest_last}
    return tuple(
        SnpCollateral(
            source=source,
            leaf=LeafCertificate.of(leaf),
            intermediate=intermediate,
            root=root,
            crl=by_issuer.get(root.subject),
        )
        for leaf in leaves
        for intermediate in _issuers(leaf, others)
        for root in _issuers(intermediate, others)
    )


def _issuers(certificate: PssCertificate, among: list[PssCertificate]) -> Iterator[PssCertificate]:
    found = [one for one in among if one.subject == certificate.issuer]
    if not found:
        raise StaleError(
            "collateral.missing", f"the certificate of the issuer of {certificate.common_name!r}"
        )
    yield from found
