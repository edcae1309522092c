# SPDX-License-Identifier: Apache-2.0
"""The runtime register of each TSM that a boot takes root in, by its provider (BINDING 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from troth.errors import DriverError
from troth.evidence.binding import RootRegister
from troth.tsm.driver import CCA, COVE, SNP, TDX

__all__ = [
    "ROOT_INDEX",
    "register_name",
    "root_register_of",
    "root_value",
    "why_unrooted",
]

ROOT_INDEX: Final = 3
"""RTMR[3], REM[3], and runtime register 3 of a TVM, which ADR 0023 chose."""


@dataclass(frozen=True, slots=True)
class _Registers:
    """What there is to say of a TSM's runtime registers.

    Attributes:
        root: the one that holds the root statement; "none" where there are no registers.
        name: how one is called, its number behind.
        kernel: why a guest may be unable to extend them.
    """

    root: RootRegister
    name: str
    kernel: str


_OF: Final = {
    TDX: _Registers("rtmr3", "RTMR", "Linux lets a guest extend an RTMR from 6.16 on"),
    SNP: _Registers("none", "register ", "SEV-SNP has no runtime registers"),
    CCA: _Registers("rem3", "REM", "Linux has no call by which a guest extends a REM"),
    COVE: _Registers(
        "runtime3", "runtime register ", "no kernel has a call by which a TVM extends a register"
    ),
}


def root_register_of(provider: str) -> RootRegister:
    """Return the word for a TSM's root register; "none" where it has no registers.

    Whether this machine's kernel lets a guest extend it is the driver's to say.

    Raises:
        DriverError: `tsm.provider`.
    """
    return _of(provider).root


def register_name(provider: str, index: int) -> str:
    """Return how a runtime register of a TSM is called, such as `RTMR3`.

    Raises:
        DriverError: `tsm.provider`.
    """
    return f"{_of(provider).name}{index}"


def why_unrooted(provider: str) -> str:
    """Return why a boot may have no register to take root in.

    Raises:
        DriverError: `tsm.provider`.
    """
    return _of(provider).kernel


def root_value(provider: str, registers: Sequence[bytes]) -> bytes:
    """Return the value of the root register among those of a TSM.

    Raises:
        DriverError: `tsm.no-registers`, it is not there.
    """
    if len(registers) <= ROOT_INDEX:
        raise DriverError(
            "tsm.no-registers",
            f"{provider} has {len(registers)} registers, the root is number {ROOT_INDEX}",
        )
    return registers[ROOT_INDEX]


def _of(provider: str) -> _Registers:
    found = _OF.get(provider)
    if found is None:
        raise DriverError("tsm.provider", provider)
    return found
