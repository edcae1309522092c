# SPDX-License-Identifier: Apache-2.0
"""What a software SNP is like: its guest, chip, firmware and TCBs, all adjustable.

Every value has a sound default, and every struct is frozen: `msgspec.structs.replace` makes
another. Byte strings are lower-case hex, spelt as in the facts of a verified report.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Meta

from troth.crypto.digest import sha256, sha384
from troth.evidence.snp import Product
from troth.evidence.snp import Tcb as TcbWord
from troth.tsm.emulated.tdx.fields import U8, U32, Frozen, Hex16, Hex32, Hex48, HexAny

__all__ = ["Guest", "Lifetimes", "Platform", "Service", "Settings", "Tcb", "Tcbs"]

U64 = Annotated[int, Meta(ge=0)]
ChipId = Annotated[str, Meta(pattern=r"^([0-9a-f]{16}|[0-9a-f]{128})\Z")]
CspId = Annotated[str, Meta(pattern=r"^[ -~]{1,64}\Z")]
Vmpl = Annotated[int, Meta(ge=0, le=3)]

_ZERO_16: Final = "00" * 16
_ZERO_32: Final = "00" * 32
_ZERO_48: Final = "00" * 48
_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S


class Tcb(Frozen, frozen=True):
    """One TCB; `fmc` counts on Turin alone."""

    fmc: U8 = 1
    bootloader: U8 = 4
    tee: U8 = 1
    snp: U8 = 24
    microcode: U8 = 219

    def word(self, product: Product) -> TcbWord:
        """Return it as the reports of a product have it."""
        fmc = self.fmc if product is Product.TURIN else None
        return TcbWord(fmc, self.bootloader, self.tee, self.snp, self.microcode)


class Tcbs(Frozen, frozen=True):
    """The four TCBs of a report."""

    current: Tcb = Tcb()
    reported: Tcb = Tcb()
    committed: Tcb = Tcb()
    launch: Tcb = Tcb()


class Guest(Frozen, frozen=True):
    """A guest as it was launched, and the lowest level that it can ask from."""

    guest_svn: U32 = 3
    policy: U64 = 0x3_01_33  # SMT; ABI 1.51
    family_id: Hex16 = _ZERO_16
    image_id: Hex16 = _ZERO_16
    measurement: Hex48 = sha384(b"troth emulated guest").hex()
    host_data: Hex32 = _ZERO_32
    id_key_digest: Hex48 = _ZERO_48
    author_key_digest: Hex48 | None = None
    report_id: Hex32 = sha256(b"troth emulated report id").hex()
    floor: Vmpl = 0


class Platform(Frozen, frozen=True):
    """The chip and its firmware; `chip_id` is chosen at creation where it is None."""

    product: Literal["Milan", "Genoa", "Turin"] = "Milan"
    chip_id: ChipId | None = None
    masked: bool = False
    platform_info: U64 = 0x25  # SMT, ECC, alias check complete
    firmware: tuple[U8, U8, U8] = (31, 55, 1)  # build, minor, major
    launch_mitigations: U64 = 0
    current_mitigations: U64 = 0


class Service(Frozen, frozen=True):
    """A service of the SVSM, and what it says of itself."""

    guid: str = str(UUID("c476f1eb-0123-45a5-9641-b4e7dde5bfe3"))  # the vTPM
    data: HexAny = sha256(b"troth emulated endorsement key").hex()


class Lifetimes(Frozen, frozen=True):
    """How long what is issued holds, in seconds, and how long before the instant it begins."""

    before_s: U32 = _DAY_S
    ca_s: U32 = 25 * _YEAR_S
    vcek_s: U32 = 7 * _YEAR_S
    vlek_s: U32 = _YEAR_S
    crl_s: U32 = _YEAR_S


class Settings(Frozen, frozen=True):
    """Everything that distinguishes one software SNP from another, except its keys.

    `services` are those of an SVSM; a guest without one has none and cannot ask it.
    """

    guest: Guest = Guest()
    platform: Platform = Platform()
    tcbs: Tcbs = Tcbs()
    signing_key: Literal["VCEK", "VLEK"] = "VCEK"
    csp_id: CspId = "troth emulated provider"
    report_version: Literal[2, 3, 4, 5] = 5
    services: tuple[Service, ...] = ()
    lifetimes: Lifetimes = Lifetimes()

    @classmethod
    def under_svsm(cls) -> Settings:
        """Return the settings of a guest at level 2 above an SVSM with a vTPM."""
        return cls(guest=Guest(floor=2), services=(Service(),))

    @property
    def product(self) -> Product:
        """The chip's product."""
        return Product(self.platform.product)
