# SPDX-License-Identifier: Apache-2.0
"""TCB info v3 and QE identity v2, as dictionaries in the order in which Intel writes them.

Source: Intel PCS API v4, "Get TDX TCB Info" and "Get TD QE Identity". A test changes the
dictionary in place before it is signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from troth.tsm.emulated.tdx.settings import Settings
from troth.tsm.emulated.tdx.tcb import Level, ModuleIdentity, PlatformLevel
from troth.wire.text import format_instant

__all__ = ["Document", "qe_identity", "tcb_info"]

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
        **_window(settings, at),
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
    qe = settings.qe
    return {
        "id": "TD_QE",
        "version": 2,
        **_window(settings, at),
        "tcbEvaluationDataNumber": settings.tcb.qe_evaluation_number,
        "miscselect": qe.misc_select.to_bytes(4, "little").hex().upper(),
        "miscselectMask": "F" * 8,
        "attributes": "11" + "00" * 15,
        "attributesMask": "FB" + "FF" * 7 + "00" * 8,
        "mrsigner": qe.mr_signer.upper(),
        "isvprodid": qe.isv_prod_id,
        "tcbLevels": [_level(one) for one in settings.tcb.qe_levels],
    }


def _window(settings: Settings, at: datetime) -> dict[str, str]:
    issued = (at - timedelta(seconds=settings.lifetimes.before_s)).replace(microsecond=0)
    until = issued + timedelta(seconds=settings.lifetimes.collateral_s)
    return {"issueDate": format_instant(issued), "nextUpdate": format_instant(until)}


def _module(identity: ModuleIdentity) -> Document:
    return {
        "id": identity.id,
        "mrsigner": identity.mr_signer.upper(),
        "attributes": identity.attributes.upper(),
        "attributesMask": identity.attributes_mask.upper(),
        "tcbLevels": [_level(one) for one in identity.levels],
    }


def _level(level: Level) -> Document:
    return {"tcb": {"isvsvn": level.svn}, **_judgement(level)}


def _platform_level(level: PlatformLevel) -> Document:
    return {
        "tcb": {
            "sgxtcbcomponents": _components(level.sgx, _SGX_COMPONENTS),
            "pcesvn": level.pce_svn,
            "tdxtcbcomponents": _components(level.tdx, _TDX_COMPONENTS),
        },
        **_judgement(level),
    }


def _components(svns: tuple[int, ...], meanings: dict[int, dict[str, str]]) -> list[Document]:
    return [{"svn": svn, **meanings.get(index, {})} for index, svn in enumerate(svns)]


def _judgement(level: Level | PlatformLevel) -> Document:
    found: Document = {"tcbDate": level.date, "tcbStatus": level.status}
    if level.advisories:
        found["advisoryIDs"] = list(level.advisories)
    return found
