# SPDX-License-Identifier: Apache-2.0
"""Step 10: TCB levels, what the parts make of the whole, and relaunch.

Sources: Intel PCS v4 documentation, "TCB info" and "TCB status determination"; the convergence
and relaunch tables of Intel's quote verification library. Statuses form a set and no order: a
caller that accepts some names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from troth.endorse.intel import ModuleIdentity, ModuleLevel, QeIdentity, QeLevel, TcbInfo, TcbLevel
from troth.errors import UntrustedError

__all__ = ["Judged", "TcbOutcome", "converge", "module_level", "platform_level", "qe_level"]

REVOKED: Final = "Revoked"
_OUT_OF_DATE: Final = "OutOfDate"
_OUT_OF_DATE_CONFIGURATION: Final = "OutOfDateConfigurationNeeded"
_NEEDS_CONFIGURATION: Final = frozenset(
    {
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        _OUT_OF_DATE_CONFIGURATION,
        "TDRelaunchAdvisedConfigurationNeeded",
    }
)
_BEHIND: Final = frozenset({_OUT_OF_DATE, _OUT_OF_DATE_CONFIGURATION})
_CURRENT_ENOUGH: Final = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
    }
)

Level = TypeVar("Level", ModuleLevel, QeLevel)


class Judged(msgspec.Struct, frozen=True):
    """One look at the TCB: the levels that matched and the status they converge to."""

    status: str
    platform: TcbLevel
    module: ModuleLevel | None
    qe: QeLevel

    @property
    def date(self) -> datetime:
        """The earliest TCB date of the parts."""
        dates = [self.platform.date, self.qe.date]
        if self.module is not None:
            dates.append(self.module.date)
        return min(dates)

    @property
    def advisories(self) -> tuple[str, ...]:
        """Advisories of platform, QE, module, in this order, each once."""
        module = self.module.advisories if self.module else ()
        return _distinct((*self.platform.advisories, *self.qe.advisories, *module))


class TcbOutcome(msgspec.Struct, frozen=True):
    """The TCB as launched, and, where the report says, as it is now."""

    launch: Judged
    current: Judged | None
    evaluation_number: int

    @property
    def status(self) -> str:
        """One word for all of it."""
        if self.current is None:
            return self.launch.status
        return _relaunch(self.launch.status, self.current.status)

    @property
    def date(self) -> datetime:
        """The earliest TCB date of the parts, as launched."""
        return self.launch.date

    @property
    def advisories(self) -> tuple[str, ...]:
        """Advisories that apply as launched, then those that apply only now."""
        current = self.current.advisories if self.current else ()
        return _distinct((*self.launch.advisories, *current))


def platform_level(
    info: TcbInfo, components: Sequence[int], pce_svn: int, tee_tcb_svn: bytes | None
) -> TcbLevel:
    """Return the first level that the platform reaches.

    Args:
        info: levels in descending order.
        components: the certificate's sixteen.
        pce_svn: the certificate's.
        tee_tcb_svn: sixteen bytes of the TD report; None for SGX. Where byte 1, the module's
            version, is not 0, the first two are judged by the module's identity instead.

    Raises:
        UntrustedError: `tcb.no-level`: not supported, which is another thing than OutOfDate.
    """
    first = 2 if tee_tcb_svn is not None and tee_tcb_svn[1] > 0 else 0
    for level in info.levels:
        if (
            pce_svn >= level.pce_svn
            and _reaches(components, level.sgx)
            and (tee_tcb_svn is None or _reaches(tee_tcb_svn[first:], level.tdx[first:]))
        ):
            return level
    raise UntrustedError("tcb.no-level", f"components {tuple(components)}, PCESVN {pce_svn}")


def module_identity(info: TcbInfo, tee_tcb_svn: bytes) -> ModuleIdentity:
    """Return what the TDX module of this version must look like.

    Raises:
        UntrustedError: `tdx.module-unknown`.
    """
    version = tee_tcb_svn[1]
    if version == 0:
        if info.module is None:
            raise UntrustedError("tdx.module-unknown", "the TCB info has no tdxModule")
        return info.module
    wanted = f"TDX_{version:02X}"
    for identity in info.modules:
        if identity.identifier.upper() == wanted:
            return identity
    raise UntrustedError("tdx.module-unknown", wanted)


def module_level(identity: ModuleIdentity, isv_svn: int) -> ModuleLevel | None:
    """Return the level of a TDX module; None for version 0, which has none.

    Raises:
        UntrustedError: `tcb.no-module-level`.
    """
    if not identity.levels:
        return None
    return _first(identity.levels, isv_svn, "tcb.no-module-level")


def qe_level(identity: QeIdentity, isv_svn: int) -> QeLevel:
    """Return the level of a quoting enclave.

    Raises:
        UntrustedError: `tcb.no-qe-level`.
    """
    return _first(identity.levels, isv_svn, "tcb.no-qe-level")


def converge(platform: str, parts: Iterable[str]) -> str:
    """Return the status of the whole: a part can lower the platform's and never raise it."""
    statuses = set(parts)
    if REVOKED in statuses or platform == REVOKED:
        return REVOKED
    if statuses & _BEHIND:
        return _OUT_OF_DATE_CONFIGURATION if platform in _NEEDS_CONFIGURATION else _OUT_OF_DATE
    return platform


def _relaunch(launch: str, current: str) -> str:
    """Return the status of a TD that was launched before an update that preserved it.

    Intel lets the launch stand in all cases but those of a relaunch; a TCB that is revoked now is
    revoked here, whatever it was.
    """
    if current == REVOKED:
        return REVOKED
    if launch not in _BEHIND or current not in _CURRENT_ENOUGH:
        return launch
    if launch in _NEEDS_CONFIGURATION or current in _NEEDS_CONFIGURATION:
        return "TDRelaunchAdvisedConfigurationNeeded"
    return "TDRelaunchAdvised"


def _reaches(have: Sequence[int], floor: Sequence[int]) -> bool:
    return all(one >= least for one, least in zip(have, floor, strict=True))


def _first(levels: Sequence[Level], isv_svn: int, code: str) -> Level:
    for level in levels:
        if isv_svn >= level.isv_svn:
            return level
    raise UntrustedError(code, f"ISVSVN {isv_svn}")


def _distinct(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
