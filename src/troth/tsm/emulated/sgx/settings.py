# SPDX-License-Identifier: Apache-2.0
"""What a software SGX is like: its enclave, platform, quoting enclave and TCB, all adjustable.

Every value has a sound default, so that `SgxSettings()` is an up-to-date platform, and every
struct is frozen: `msgspec.structs.replace` makes another. Byte strings are lower-case hex, spelt
as in the facts of a verified quote.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from troth.crypto.digest import sha256
from troth.tsm.emulated.sgx.tcb import SgxTcb
from troth.tsm.emulated.tdx.fields import U16, U32, Frozen, Hex16, Hex32
from troth.tsm.emulated.tdx.settings import Lifetimes, Platform, Qe

__all__ = ["Enclave", "QuoteVersion", "SgxSettings"]

Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
QuoteVersion = Literal[3, 4, 5]


class Enclave(Frozen, frozen=True):
    """An enclave as it was built, signed and launched."""

    attributes: Hex16 = "0500000000000000e700000000000000"  # INIT, MODE64BIT; XFRM with AVX-512
    misc_select: U32 = 0
    mr_enclave: Hex32 = sha256(b"troth emulated enclave").hex()
    mr_signer: Hex32 = sha256(b"troth emulated enclave signer").hex()
    isv_prod_id: U16 = 1
    isv_svn: U16 = 2
    isv_ext_prod_id: Hex16 = "00" * 16
    family_id: Hex16 = "00" * 16
    config_id: Hex64 = "00" * 64
    config_svn: U16 = 0


class SgxSettings(Frozen, frozen=True):
    """Everything that distinguishes one software SGX from another, except its keys."""

    enclave: Enclave = Enclave()
    platform: Platform = Platform()
    qe: Qe = Qe(
        mr_enclave=sha256(b"troth emulated QE").hex(),
        mr_signer=sha256(b"troth emulated QE signer").hex(),
        isv_prod_id=1,
    )
    tcb: SgxTcb = SgxTcb()
    lifetimes: Lifetimes = Lifetimes()
    quote_version: QuoteVersion = 3

    def with_status(self, *, platform: str = "UpToDate", qe: str = "UpToDate") -> SgxSettings:
        """Return settings in which the newest level of each part has the given status.

        A part that is not UpToDate has an advisory of its own: EMULATED-SA-00001 the platform,
        -00003 the quoting enclave.
        """
        return replace(self, tcb=self.tcb.with_status(platform=platform, qe=qe))
