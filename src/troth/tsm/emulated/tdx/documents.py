# SPDX-License-Identifier: Apache-2.0
"""TCB info v3 and QE identity v2, as dictionaries in the order in which Intel writes them.

Source: Intel PCS API v4, "Get TDX TCB Info" and "Get TD QE Identity". A test changes the
dictionary in place before it is signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from troth.tsm.emulated.tdx.settings import Lifetimes, Qe, Settings
from troth.tsm.emulated.tdx.tcb import Level, ModuleIdentity, PlatformLevel
from troth.wire.text import format_instant

__all__ = [
    "Document",
    "identity",
    "judgement",
    "level",
    "qe_identity",
    "sgx_components",
    "tcb_info",
    "window",
]

Document = dict[str, Any]

# What the components that have a meaning are, by index; verifiers do not care.
_SGX_COMPONENTS: Final = {
    0: {"category": "BIOS", "type": "Early Microcode Update"},
    1: {"category": "OS/VMM", "type": "SGX Late Microcode Update"},
    2: {"category": "OS/VMM", "type": "TXT SINIT"},
    3: {"category": "BIOS"},
    4: {"category": "BIOS"},
    5: {"category": "BIOS"},
    7: {"category": "OS/VMM", "type": "SEAMLDR ACM"},
}
_TDX_COMPONENTS: Final = {
    0: {"category": "OS/VMM", "type": "TDX Module"},
    1: {"category": "OS/VMM", "type": "TDX Module"},
    2: {"category": "OS/VMM", "type": "TDX Late Microcode Update"},
}


def tcb_info(settings: Settings, at: datetime) -> Document:
    """Return the TCB info of a platform, issued for use at `at`."""
    platform, tcb = settings.platform, settings.tcb
    return {
        "id": "TDX",
        "version": 3,
        **window(settings.lifetimes, at),
        "fmspc": platform.fmspc.upper(),
        "pceId": platform.pce_id.upper(),
        "tcbType": 0,
        "tcbEvaluationDataNumber": tcb.evaluation_number,
        "tdxModule": {
            "mrsigner": tcb.module_signer.upper(),
            "attributes": tcb.module_attributes.upper(),
            "attributesMask": "F" * 16,
        },
        "tdxModuleIdentities": [_module(one) for one in tcb.modules],
        "tcbLevels": [_platform_level(one) for one in tcb.levels],
    }


def qe_identity(settings: Settings, at: datetime) -> Document:
    """Return the identity of a platform's quoting enclave, issued for use at `at`."""
    tcb = settings.tcb
    levels = [level(one) for one in tcb.qe_levels]
    number = tcb.qe_evaluation_number
    return identity("TD_QE", settings.qe, levels, number, window(settings.lifetimes, at))


def identity(
    name: str, qe: Qe, levels: list[Document], evaluation_number: int, counts: dict[str, str]
) -> Document:
    """Return the identity of a quoting enclave of either TEE.

    Args:
        name: `TD_QE` or `QE`.
        qe: the enclave.
        levels: as `level` writes them.
        evaluation_number: of the identity.
        counts: as `window` writes it.
    """
    return {
        "id": name,
        "version": 2,
        **counts,
        "tcbEvaluationDataNumber": evaluation_number,
        "miscselect": qe.misc_select.to_bytes(4, "little").hex().upper(),
        "miscselectMask": "F" * 8,
        "attributes": "11" + "00" * 15,
        "attributesMask": "FB" + "FF" * 7 + "00" * 8,
        "mrsigner": qe.mr_signer.upper(),
        "isvprodid": qe.isv_prod_id,
        "tcbLevels": levels,
    }


def window(lifetimes: Lifetimes, at: datetime) -> dict[str, str]:
    """Return when a document counts that is issued for use at `at`."""
    issued = (at - timedelta(seconds=lifetimes.before_s)).replace(microsecond=0)
    until = issued + timedelta(seconds=lifetimes.collateral_s)
    return {"issueDate": format_instant(issued), "nextUpdate": format_instant(until)}


def _module(module: ModuleIdentity) -> Document:
    return {
        "id": module.id,
        "mrsigner": module.mr_signer.upper(),
        "attributes": module.attributes.upper(),
        "attributesMask": module.attributes_mask.upper(),
        "tcbLevels": [level(one) for one in module.levels],
    }


def level(one: Level) -> Document:
    """Return a level of a module or a quoting enclave."""
    return {"tcb": {"isvsvn": one.svn}, **judgement(one.status, one.date, one.advisories)}


def _platform_level(one: PlatformLevel) -> Document:
    return {
        "tcb": {
            "sgxtcbcomponents": sgx_components(one.sgx),
            "pcesvn": one.pce_svn,
            "tdxtcbcomponents": _components(one.tdx, _TDX_COMPONENTS),
        },
        **judgement(one.status, one.date, one.advisories),
    }


def sgx_components(svns: tuple[int, ...]) -> list[Document]:
    """Return the sixteen SGX components of a level."""
    return _components(svns, _SGX_COMPONENTS)


def judgement(status: str, date: str, advisories: tuple[str, ...]) -> Document:
    """Return what a level is worth; without an advisory there is no list of them."""
    found: Document = {"tcbDate": date, "tcbStatus": status}
    if advisories:
        found["advisoryIDs"] = list(advisories)
    return found


def _components(svns: tuple[int, ...], meanings: dict[int, dict[str, str]]) -> list[Document]:
    return [{"svn": svn, **meanings.get(index, {})} for index, svn in enumerate(svns)]
