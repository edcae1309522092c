# SPDX-License-Identifier: Apache-2.0
"""What the collateral of an emulated SGX platform says of TCBs: levels, statuses, advisories."""

from __future__ import annotations

from msgspec.structs import replace

from troth.tsm.emulated.tdx.fields import U16, U32, Components, Frozen
from troth.tsm.emulated.tdx.tcb import Level, Tcb, judged

__all__ = ["SgxLevel", "SgxTcb"]

_TDX = Tcb()  # the levels of one platform, as its TDX collateral has them


class SgxLevel(Frozen, frozen=True):
    """A TCB level of the platform."""

    sgx: Components
    pce_svn: U16
    status: str
    date: str
    advisories: tuple[str, ...] = ()


class SgxTcb(Frozen, frozen=True):
    """Levels of platform and quoting enclave."""

    evaluation_number: U32 = 20
    qe_evaluation_number: U32 = 20
    levels: tuple[SgxLevel, ...] = tuple(
        SgxLevel(
            sgx=one.sgx,
            pce_svn=one.pce_svn,
            status=one.status,
            date=one.date,
            advisories=one.advisories,
        )
        for one in _TDX.levels
    )
    qe_levels: tuple[Level, ...] = _TDX.qe_levels

    def with_status(self, *, platform: str, qe: str) -> SgxTcb:
        """Return levels of which the newest of each part has the given status."""
        return replace(
            self,
            levels=(judged(self.levels[0], platform, 1), *self.levels[1:]),
            qe_levels=(judged(self.qe_levels[0], qe, 3), *self.qe_levels[1:]),
        )
