# SPDX-License-Identifier: Apache-2.0
"""A collateral set: everything Intel signed that the judgement of one platform rests on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

import msgspec

from troth.crypto.crl import Crl
from troth.crypto.digest import sha256
from troth.crypto.x509 import Certificate
from troth.endorse.intel.qe_identity import QeIdentity
from troth.endorse.intel.tcb_info import TcbInfo
from troth.errors import StaleError

__all__ = ["CollateralSet", "SignedDocument", "Window", "choose"]

T = TypeVar("T", TcbInfo, QeIdentity)


class Window(msgspec.Struct, frozen=True):
    """The instants between which something counts, both included."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at <= self.end


class SignedDocument(msgspec.Struct, Generic[T], frozen=True):
    """A document, the exact bytes that are signed, the signature, and the signer's chain."""

    value: T
    signed: bytes
    signature: bytes
    signer: Certificate
    root: Certificate


class CollateralSet(msgspec.Struct, frozen=True, dict=True):
    """TCB info, QE identity and revocation lists for one (TEE, FMSPC, CA). Nothing is verified."""

    source: str
    tcb_info: SignedDocument[TcbInfo]
    qe_identity: SignedDocument[QeIdentity]
    pck_crl: Crl
    pck_crl_issuer: Certificate
    pck_crl_root: Certificate
    root_crl: Crl

    @property
    def tee(self) -> str:
        """`TDX` or `SGX`."""
        return self.tcb_info.value.tee

    @property
    def fmspc(self) -> bytes:
        """The platform family that the TCB info speaks of, six bytes."""
        return self.tcb_info.value.fmspc

    @property
    def evaluation_number(self) -> int:
        """The lower of the two documents' numbers: mixed sets count as the older one."""
        return min(self.tcb_info.value.evaluation_number, self.qe_identity.value.evaluation_number)

    @cached_property
    def window(self) -> Window:
        """When every document and list of the set counts (certificates apart)."""
        info, identity = self.tcb_info.value, self.qe_identity.value
        return Window(
            max(
                info.issue_date,
                identity.issue_date,
                self.pck_crl.this_update,
                self.root_crl.this_update,
            ),
            min(
                info.next_update,
                identity.next_update,
                self.pck_crl.next_update,
                self.root_crl.next_update,
            ),
        )

    @cached_property
    def whole_window(self) -> Window:
        """When `window` is open and the certificates of the signers count too."""
        signers = (self.tcb_info.signer, self.qe_identity.signer)
        return Window(
            max(self.window.start, *(one.not_before for one in signers)),
            min(self.window.end, *(one.not_after for one in signers)),
        )

    @cached_property
    def sha256(self) -> bytes:
        """A digest of every byte that a judgement by this set rests on."""
        parts = (
            self.tcb_info.signed,
            self.tcb_info.signature,
            self.tcb_info.signer.der,
            self.tcb_info.root.der,
            self.qe_identity.signed,
            self.qe_identity.signature,
            self.qe_identity.signer.der,
            self.qe_identity.root.der,
            self.pck_crl.der,
            self.pck_crl_issuer.der,
            self.pck_crl_root.der,
            self.root_crl.der,
        )
        return sha256(b"".join(sha256(part) for part in parts))


def choose(
    sets: Iterable[CollateralSet], *, tee: str, fmspc: bytes, ca: Certificate, at: datetime
) -> CollateralSet:
    """Return the set to judge a platform by.

    Of those for this TEE, FMSPC and CA that count at `at`: the highest evaluation number, then the
    latest issue date. Where none counts at `at`, the best of the others, so that the judgement can
    say which document is out of its window.

    Raises:
        StaleError: `collateral.missing`, naming what is wanted.
    """
    given = list(sets)
    fitting = [
        one
        for one in given
        if one.tee == tee and one.fmspc == fmspc and one.pck_crl.issuer == ca.subject
    ]
    if not fitting:
        kinds = sorted(
            {
                f"{one.tee} collateral for FMSPC {one.fmspc.hex()} and "
                f"{one.pck_crl.issuer_common_name!r}"
                for one in given
            }
        )
        raise StaleError(
            "collateral.missing",
            f"wanted: {tee} collateral for FMSPC {fmspc.hex()} and {ca.common_name!r}; "
            f"given: {', '.join(kinds) or 'none'}",
        )
    return fitting[0] if len(fitting) == 1 else max(fitting, key=lambda one: _rank(one, at))


def _rank(one: CollateralSet, at: datetime) -> tuple[bool, int, datetime]:
    return at in one.window, one.evaluation_number, one.tcb_info.value.issue_date
