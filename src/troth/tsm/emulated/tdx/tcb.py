# SPDX-License-Identifier: Apache-2.0
"""What the collateral of an emulated platform says of TCBs: levels, statuses, advisories."""

from __future__ import annotations

from typing import Final, TypeVar

from msgspec.structs import replace

from troth.tsm.emulated.tdx.fields import U16, U32, Components, Frozen, Hex8, Hex48

__all__ = ["Level", "ModuleIdentity", "PlatformLevel", "Tcb", "judged"]

_ADVISORY: Final = "EMULATED-SA-{:05}"


class Level(Frozen, frozen=True):
    """A TCB level of the TDX module or of the quoting enclave."""

    svn: U16
    status: str
    date: str
    advisories: tuple[str, ...] = ()


class PlatformLevel(Frozen, frozen=True):
    """A TCB level of the platform."""

    sgx: Components
    pce_svn: U16
    tdx: Components
    status: str
    date: str
    advisories: tuple[str, ...] = ()


class ModuleIdentity(Frozen, frozen=True):
    """A TDX module of one major version, and its levels."""

    id: str
    levels: tuple[Level, ...]
    mr_signer: Hex48 = "00" * 48
    attributes: Hex8 = "00" * 8
    attributes_mask: Hex8 = "ff" * 8


L = TypeVar("L", bound=Frozen)


def _platform_levels() -> tuple[PlatformLevel, ...]:
    newest, older, oldest = "2025-08-13T00:00:00Z", "2025-05-14T00:00:00Z", "2018-01-04T00:00:00Z"
    behind = (0,) * 8
    rest = (0,) * 13
    return (
        PlatformLevel(
            sgx=(4, 4, 2, 2, 4, 1, 0, 5, *behind),
            pce_svn=11,
            tdx=(5, 0, 4, *rest),
            status="UpToDate",
            date=newest,
        ),
        PlatformLevel(
            sgx=(3, 3, 2, 2, 4, 1, 0, 5, *behind),
            pce_svn=11,
            tdx=(5, 0, 3, *rest),
            status="OutOfDate",
            date=older,
            advisories=(_ADVISORY.format(11),),
        ),
        PlatformLevel(
            sgx=(2, 2, 2, 2, 3, 1, 0, 5, *behind),
            pce_svn=5,
            tdx=(5, 0, 2, *rest),
            status="OutOfDate",
            date=oldest,
            advisories=(_ADVISORY.format(11), _ADVISORY.format(12)),
        ),
    )


def _levels(newest: int, older: int, advisory: int) -> tuple[Level, ...]:
    return (
        Level(svn=newest, status="UpToDate", date="2025-08-13T00:00:00Z"),
        Level(
            svn=older,
            status="OutOfDate",
            date="2024-03-13T00:00:00Z",
            advisories=(_ADVISORY.format(advisory),),
        ),
    )


class Tcb(Frozen, frozen=True):
    """Levels of platform, modules and quoting enclave, and what `tdxModule` says.

    `modules` are the identities of modules whose major version is not 0, `module_signer` and
    `module_attributes` what holds for version 0.
    """

    evaluation_number: U32 = 20
    qe_evaluation_number: U32 = 20
    levels: tuple[PlatformLevel, ...] = _platform_levels()
    modules: tuple[ModuleIdentity, ...] = (
        ModuleIdentity(id="TDX_03", levels=_levels(5, 3, 21)),
        ModuleIdentity(id="TDX_01", levels=_levels(11, 6, 21)),
    )
    qe_levels: tuple[Level, ...] = _levels(7, 4, 31)
    module_signer: Hex48 = "00" * 48
    module_attributes: Hex8 = "00" * 8

    def with_status(self, *, platform: str, module: str, qe: str) -> Tcb:
        """Return levels of which the newest of each part has the given status."""
        return replace(
            self,
            levels=(judged(self.levels[0], platform, 1), *self.levels[1:]),
            modules=tuple(
                replace(one, levels=(judged(one.levels[0], module, 2), *one.levels[1:]))
                for one in self.modules
            ),
            qe_levels=(judged(self.qe_levels[0], qe, 3), *self.qe_levels[1:]),
        )


def judged(level: L, status: str, advisory: int) -> L:
    """Return a level of that status, with an advisory unless it is up to date."""
    advisories = () if status == "UpToDate" else (_ADVISORY.format(advisory),)
    return replace(level, status=status, advisories=advisories)
