# SPDX-License-Identifier: Apache-2.0
"""TCB info v3 and QE identity v2 of SGX, as dictionaries in the order in which Intel writes them.

Source: Intel PCS API v4, "Get SGX TCB Info" and "Get SGX QE Identity". A test changes the
dictionary in place before it is signed.
"""

from __future__ import annotations

from datetime import datetime

from troth.tsm.emulated.sgx.settings import SgxSettings
from troth.tsm.emulated.sgx.tcb import SgxLevel
from troth.tsm.emulated.tdx.documents import (
    Document,
    identity,
    judgement,
    level,
    sgx_components,
    window,
)

__all__ = ["sgx_qe_identity", "sgx_tcb_info"]


def sgx_tcb_info(settings: SgxSettings, at: datetime) -> Document:
    """Return the TCB info of a platform, issued for use at `at`."""
    platform, tcb = settings.platform, settings.tcb
    return {
        "id": "SGX",
        "version": 3,
        **window(settings.lifetimes, at),
        "fmspc": platform.fmspc.upper(),
        "pceId": platform.pce_id.upper(),
        "tcbType": 0,
        "tcbEvaluationDataNumber": tcb.evaluation_number,
        "tcbLevels": [_platform_level(one) for one in tcb.levels],
    }


def sgx_qe_identity(settings: SgxSettings, at: datetime) -> Document:
    """Return the identity of a platform's quoting enclave, issued for use at `at`."""
    tcb = settings.tcb
    levels = [level(one) for one in tcb.qe_levels]
    number = tcb.qe_evaluation_number
    return identity("QE", settings.qe, levels, number, window(settings.lifetimes, at))


def _platform_level(one: SgxLevel) -> Document:
    tcb = {"sgxtcbcomponents": sgx_components(one.sgx), "pcesvn": one.pce_svn}
    return {"tcb": tcb, **judgement(one.status, one.date, one.advisories)}
