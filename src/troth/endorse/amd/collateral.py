# SPDX-License-Identifier: Apache-2.0
"""A collateral set: everything AMD signed that the judgement of one report rests on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Final

import msgspec

from troth.crypto.digest import sha256
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd.leaf import LeafCertificate, LeafKind
from troth.errors import StaleError
from troth.evidence.snp.product import Product, Tcb

__all__ = ["SnpCollateral", "choose_snp"]

_SHOWN_BYTES: Final = 8  # of the chip ids of sets that were given: all of Turin's


class SnpCollateral(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Leaf, intermediate and root certificate of one chip or provider. Nothing is verified.

    `crl` is the root's list, None where none was given.
    """

    source: str
    leaf: LeafCertificate
    intermediate: PssCertificate
    root: PssCertificate
    crl: PssCrl | None

    @property
    def certificates(self) -> tuple[PssCertificate, PssCertificate, PssCertificate]:
        """Leaf, intermediate and root."""
        return self.leaf.certificate, self.intermediate, self.root

    @cached_property
    def window(self) -> tuple[datetime, datetime]:
        """The instants, both included, between which all of it counts."""
        parts = self.certificates
        starts, ends = [one.not_before for one in parts], [one.not_after for one in parts]
        if self.crl is not None:
            starts.append(self.crl.this_update)
            ends.append(self.crl.next_update)
        return max(starts), min(ends)

    @cached_property
    def sha256(self) -> bytes:
        """A digest of every byte that a judgement by this set rests on."""
        crl = b"" if self.crl is None else self.crl.der
        parts = (*(one.der for one in self.certificates), crl)
        return sha256(b"".join(sha256(part) for part in parts))

    @property
    def name(self) -> str:
        """What it is for, in the words of `choose_snp`; of a chip id its first 8 bytes."""
        leaf = self.leaf
        return _wanted(leaf.kind, leaf.product, (leaf.chip_id or b"")[:_SHOWN_BYTES], leaf.tcb)


def choose_snp(
    sets: Iterable[SnpCollateral],
    *,
    kind: LeafKind,
    product: Product | None,
    chip_id: bytes,
    tcb: Tcb,
    at: datetime,
) -> SnpCollateral:
    """Return the set to judge a report by.

    A VCEK's is for the chip that the report names; where it names none, the caller's choice of
    sets does. A VLEK's is for the product. Of these: one for the reported TCB, then one that
    counts at `at`, one with a list, the youngest. Where none has that TCB, or none counts, the best
    of the others, so that the judgement can say what is in the way.

    Args:
        sets: to choose from.
        kind: of the key that signed the report, as it says.
        product: as the report says; None in version 2.
        chip_id: as the report has it, 64 bytes.
        tcb: the reported one.
        at: the instant of the judgement.

    Raises:
        StaleError: `collateral.missing`, naming what is wanted.
    """
    given = list(sets)
    fitting = [one for one in given if _fits(one.leaf, kind, product, chip_id)]
    if not fitting:
        raise StaleError(
            "collateral.missing",
            f"wanted: {_wanted(kind, product, chip_id, tcb)}; "
            f"given: {', '.join(sorted(one.name for one in given)) or 'none'}",
        )
    return fitting[0] if len(fitting) == 1 else max(fitting, key=lambda one: _rank(one, tcb, at))


def _fits(leaf: LeafCertificate, kind: LeafKind, product: Product | None, chip_id: bytes) -> bool:
    if leaf.kind is not kind:
        return False
    if kind is LeafKind.VCEK:
        return not any(chip_id) or leaf.chip_id == chip_id
    return product is None or leaf.product is product


def _rank(one: SnpCollateral, tcb: Tcb, at: datetime) -> tuple[bool, bool, bool, datetime]:
    start, end = one.window
    return (
        one.leaf.tcb == tcb,
        start <= at <= end,
        one.crl is not None,
        one.leaf.certificate.not_before,
    )


def _wanted(kind: LeafKind, product: Product | None, chip_id: bytes, tcb: Tcb) -> str:
    chip = f" chip {chip_id.hex()}" if kind is LeafKind.VCEK and any(chip_id) else ""
    named = "of the chip's product" if product is None else product.value
    return f"{kind.name} {named}{chip} TCB {tcb}"
