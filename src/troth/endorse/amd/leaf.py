# SPDX-License-Identifier: Apache-2.0
"""VCEK and VLEK certificates: which chip or provider, which product, which security versions.

Extensions under 1.3.6.1.4.1.3704.1, none of them critical:

    .1        structure version    0; of a VCEK of Turin 1
    .2        product              IA5String, `Milan-B0`, `Genoa`, `Turin`; the part before `-`
    .3.1      boot loader          of 0 to 255, as all security versions
    .3.2      TEE
    .3.3      SNP
    .3.4-.3.7 spare                not looked at
    .3.8      microcode
    .3.9      FMC                  Turin alone, and there always
    .4        hardware id          a VCEK has it: 64 bytes, 8 on Turin
    .5        CSP id               a VLEK has it: IA5String

Source: AMD 57230, VCEK Certificate and KDS Interface Specification; AMD 58217, VLEK.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec
from msgspec.structs import asdict

from troth.crypto.der import TAG_OCTET_STRING, encode_integer, encode_tlv
from troth.crypto.pss_certificate import PssCertificate
from troth.errors import MalformedError
from troth.evidence.snp.layout import TURIN_CHIP_ID_BYTES
from troth.evidence.snp.product import Product, Tcb
from troth.wire.text import format_instant

__all__ = ["AMD_ARC", "TAG_IA5", "LeafCertificate", "LeafKind", "describe_leaf"]

AMD_ARC: Final = "1.3.6.1.4.1.3704.1"
TAG_IA5: Final = 0x16

_CHIP_ID_BYTES: Final = 64
_SVN_HIGHEST: Final = 0xFF
_TEXT_MAX: Final = 64  # characters of a product name or CSP id; their length has one octet


class LeafKind(Enum):
    """Whose key a leaf certificate is for; the value is the number in a report."""

    VCEK = 0  # the chip's, below the ASK
    VLEK = 1  # the cloud provider's, below the ASVK


class LeafCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf certificate's contents; nothing is verified.

    `chip_id` is the hardware id as a report has it, 64 bytes with zeros behind, None in a VLEK's;
    `csp_id` is None in a VCEK's.
    """

    certificate: PssCertificate
    kind: LeafKind
    product: Product
    tcb: Tcb
    chip_id: bytes | None
    csp_id: str | None

    @classmethod
    def of(cls, certificate: PssCertificate) -> LeafCertificate:
        """Read the extensions of a leaf certificate.

        Raises:
            MalformedError: `snp.certificate`; `unsupported.product`, `unsupported.version`.
        """
        hardware_id, csp = (certificate.extension(f"{AMD_ARC}.{n}") for n in (4, 5))
        if (hardware_id is None) == (csp is None):
            raise MalformedError("snp.certificate", "one of hardware id and CSP id is due")
        kind = LeafKind.VLEK if hardware_id is None else LeafKind.VCEK
        product = _product(certificate)
        _check_version(certificate, kind, product)
        return cls(
            certificate=certificate,
            kind=kind,
            product=product,
            tcb=_tcb(certificate, product),
            chip_id=None if hardware_id is None else _hardware_id(hardware_id, product),
            csp_id=None if csp is None else _text(csp, "CSP id"),
        )

    @staticmethod
    def is_leaf(certificate: PssCertificate) -> bool:
        """Say whether a certificate names a product, as those of a CA do not."""
        return certificate.extension(f"{AMD_ARC}.2") is not None


def describe_leaf(leaf: LeafCertificate) -> dict[str, str | int | bool | dict[str, int] | None]:
    """Return what a leaf certificate says, as names and plain values."""
    return {
        "endorsement": leaf.kind.name,
        "endorsement_product": leaf.product.value,
        "endorsement_tcb": {name: svn for name, svn in asdict(leaf.tcb).items() if svn is not None},
        "endorsement_not_before": format_instant(leaf.certificate.not_before),
        "endorsement_not_after": format_instant(leaf.certificate.not_after),
        "csp_id": leaf.csp_id,
    }


def _product(certificate: PssCertificate) -> Product:
    value = certificate.extension(f"{AMD_ARC}.2")
    if value is None:
        raise MalformedError("snp.certificate", "no product")
    name = _text(value, "product").partition("-")[0]
    if name not in {one.value for one in Product}:
        raise MalformedError("unsupported.product", name)
    return Product(name)


def _check_version(certificate: PssCertificate, kind: LeafKind, product: Product) -> None:
    due = int(kind is LeafKind.VCEK and product is Product.TURIN)
    version = _integer(certificate, "1")
    if version != due:
        raise MalformedError("unsupported.version", f"{kind.name} certificate version {version}")


def _tcb(certificate: PssCertificate, product: Product) -> Tcb:
    turin = product is Product.TURIN
    if not turin and certificate.extension(f"{AMD_ARC}.3.9") is not None:
        raise MalformedError("snp.certificate", f"an FMC version on {product.value}")
    return Tcb(
        fmc=_integer(certificate, "3.9") if turin else None,
        bootloader=_integer(certificate, "3.1"),
        tee=_integer(certificate, "3.2"),
        snp=_integer(certificate, "3.3"),
        microcode=_integer(certificate, "3.8"),
    )


def _integer(certificate: PssCertificate, number: str) -> int:
    """Return an INTEGER of 0 to 255, in its one encoding."""
    value = certificate.extension(f"{AMD_ARC}.{number}")
    if value is None:
        raise MalformedError("snp.certificate", f"no extension {number}")
    found = int.from_bytes(value[2:], "big")
    if found > _SVN_HIGHEST or value != encode_integer(found):
        raise MalformedError("snp.certificate", f"extension {number}: {value.hex()[:16]}")
    return found


def _text(value: bytes, what: str) -> str:
    """Return an IA5String of 1 to 64 printable characters."""
    text = value[2:].decode("ascii", "replace")
    sound = text.isascii() and text.isprintable() and 0 < len(text) <= _TEXT_MAX
    if not sound or value != encode_tlv(TAG_IA5, text.encode()):
        raise MalformedError("snp.certificate", f"{what}: {value.hex()[:32]}")
    return text


def _hardware_id(value: bytes, product: Product) -> bytes:
    """Return the hardware id as a chip id; raw, or in an OCTET STRING, by its exact length."""
    size = TURIN_CHIP_ID_BYTES if product is Product.TURIN else _CHIP_ID_BYTES
    if len(value) == size:
        raw = value
    elif len(value) == size + 2 and value[:2] == bytes((TAG_OCTET_STRING, size)):
        raw = value[2:]
    else:
        raise MalformedError("snp.certificate", f"a hardware id of {len(value)} bytes")
    if not any(raw):
        raise MalformedError("snp.certificate", "a hardware id of zeros, as of a masked chip")
    return raw.ljust(_CHIP_ID_BYTES, b"\0")
