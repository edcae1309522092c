# SPDX-License-Identifier: Apache-2.0
"""The extensions of a VCEK or VLEK certificate, written (read by `troth.endorse.amd.leaf`).

They are a dict by their number, so that a test can drop or replace one before they are encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from troth.crypto.der import encode_integer, encode_tlv
from troth.crypto.issue import Extension
from troth.endorse.amd import LeafKind
from troth.endorse.amd.leaf import AMD_ARC, TAG_IA5
from troth.evidence.snp import Product, Tcb
from troth.evidence.snp.layout import TURIN_CHIP_ID_BYTES

__all__ = ["Members", "ia5", "leaf_extensions", "leaf_members"]

Members = dict[str, bytes]
"""Encoded values by the number behind AMD's arc."""

_NAMES: Final = {Product.MILAN: "Milan-B0", Product.GENOA: "Genoa-B1", Product.TURIN: "Turin-C1"}


def leaf_members(
    kind: LeafKind, product: Product, tcb: Tcb, *, chip_id: bytes, csp_id: str
) -> Members:
    """Return the members of a leaf certificate; a VLEK names no stepping."""
    turin = product is Product.TURIN
    name = _NAMES[product] if kind is LeafKind.VCEK else product.value
    members = {
        "1": encode_integer(int(turin and kind is LeafKind.VCEK)),
        "2": ia5(name),
        "3.1": encode_integer(tcb.bootloader),
        "3.2": encode_integer(tcb.tee),
        "3.3": encode_integer(tcb.snp),
        **{f"3.{n}": encode_integer(0) for n in (4, 5, 6, 7) if not (turin and n == 4)},  # noqa: PLR2004 - AMD 57230: Turin has no spare 4
        "3.8": encode_integer(tcb.microcode),
    }
    if tcb.fmc is not None:
        members["3.9"] = encode_integer(tcb.fmc)
    if kind is LeafKind.VLEK:
        return members | {"5": ia5(csp_id)}
    return members | {"4": chip_id[:TURIN_CHIP_ID_BYTES] if turin else chip_id}


def leaf_extensions(members: Mapping[str, bytes]) -> tuple[Extension, ...]:
    """Return the extensions that hold `members`."""
    return tuple(
        Extension(oid=f"{AMD_ARC}.{number}", value=value) for number, value in members.items()
    )


def ia5(text: str) -> bytes:
    """Return an IA5String."""
    return encode_tlv(TAG_IA5, text.encode())
