# SPDX-License-Identifier: Apache-2.0
"""What a software TDX is like: its TD, module, platform, quoting enclave and TCB, all adjustable.

Every value has a sound default, so that `Settings()` is an up-to-date platform, and every struct
is frozen: `msgspec.structs.replace` makes another. Byte strings are lower-case hex, spelt as in
the facts of a verified quote. SVNs are judged as on real hardware: lower an SVN of `platform`,
`module` or `qe`, and another level of `tcb` matches.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec.structs import replace

from troth.crypto.digest import sha256, sha384
from troth.tsm.emulated.tdx.fields import (
    U8,
    U16,
    U32,
    Components,
    Frozen,
    Hex2,
    Hex6,
    Hex8,
    Hex16,
    Hex32,
    Hex48,
    HexAny,
    Registers,
)
from troth.tsm.emulated.tdx.tcb import Tcb

__all__ = ["Lifetimes", "Module", "Platform", "Qe", "Settings", "Td"]

_ZERO_8: Final = "00" * 8
_ZERO_48: Final = "00" * 48
_DAY_S: Final = 86_400
_YEAR_S: Final = 365 * _DAY_S


class Td(Frozen, frozen=True):
    """A TD as it was built, and the values its registers start with."""

    attributes: Hex8 = "0000001000000000"  # SEPT_VE_DISABLE, which Linux wants
    xfam: Hex8 = "e718060000000000"
    mr_td: Hex48 = sha384(b"troth emulated TD").hex()
    mr_config_id: Hex48 = _ZERO_48
    mr_owner: Hex48 = _ZERO_48
    mr_owner_config: Hex48 = _ZERO_48
    mr_service_td: Hex48 = _ZERO_48
    rtmrs: Registers = (_ZERO_48,) * 4


class Module(Frozen, frozen=True):
    """The TDX module. Bytes 0 and 1 of `tee_tcb_svn` are its SVN and its major version."""

    version: Literal["1.0", "1.5"] = "1.5"
    tee_tcb_svn: Hex16 = "0b010400000000000000000000000000"
    tee_tcb_svn2: Hex16 = "0b010400000000000000000000000000"
    mr_seam: Hex48 = sha384(b"troth emulated TDX module").hex()
    mr_signer_seam: Hex48 = _ZERO_48
    seam_attributes: Hex8 = _ZERO_8


class Platform(Frozen, frozen=True):
    """The machine, as its PCK certificate describes it.

    Where they are None, `ppid` and `platform_instance_id` are chosen at creation, and `cpu_svn` is
    made of the components. The instance and the three flags are only written under the Platform CA.
    """

    ca: Literal["platform", "processor"] = "platform"
    fmspc: Hex6 = "e00000000000"
    pce_id: Hex2 = "0000"
    ppid: Hex16 | None = None
    platform_instance_id: Hex16 | None = None
    sgx_type: U8 = 1
    components: Components = (4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0)
    pce_svn: U16 = 13
    cpu_svn: Hex16 | None = None
    dynamic_platform: bool = True
    cached_keys: bool = False
    smt: bool = True


class Qe(Frozen, frozen=True):
    """The TD quoting enclave, and the data it adds to what it certifies."""

    mr_enclave: Hex32 = sha256(b"troth emulated TD QE").hex()
    mr_signer: Hex32 = sha256(b"troth emulated TD QE signer").hex()
    isv_prod_id: U16 = 2
    isv_svn: U16 = 7
    attributes: Hex16 = "1500000000000000e700000000000000"
    misc_select: U32 = 0
    auth_data: HexAny = bytes(range(32)).hex()


class Lifetimes(Frozen, frozen=True):
    """How long what is issued holds, in seconds, and how long before the instant it begins."""

    before_s: U32 = _DAY_S
    root_s: U32 = 30 * _YEAR_S
    ca_s: U32 = 15 * _YEAR_S
    pck_s: U32 = 7 * _YEAR_S
    tcb_signing_s: U32 = 7 * _YEAR_S
    root_crl_s: U32 = _YEAR_S
    pck_crl_s: U32 = 30 * _DAY_S
    collateral_s: U32 = 30 * _DAY_S


class Settings(Frozen, frozen=True):
    """Everything that distinguishes one software TDX from another, except its keys."""

    td: Td = Td()
    module: Module = Module()
    platform: Platform = Platform()
    qe: Qe = Qe()
    tcb: Tcb = Tcb()
    lifetimes: Lifetimes = Lifetimes()
    quote_version: Literal[4, 5] = 4

    def with_status(
        self, *, platform: str = "UpToDate", module: str = "UpToDate", qe: str = "UpToDate"
    ) -> Settings:
        """Return settings in which the newest level of each part has the given status.

        A part that is not UpToDate has an advisory of its own: EMULATED-SA-00001 the platform,
        -00002 the module, -00003 the quoting enclave.
        """
        return replace(self, tcb=self.tcb.with_status(platform=platform, module=module, qe=qe))
