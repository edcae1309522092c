# SPDX-License-Identifier: Apache-2.0
"""Every check has a case that fails without it: each is removed in turn, and the table notices.

As for TDX, whose table holds the modules that both share to account a second time. What is not on
the way of an SGX quote is left to it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.mutants import Mutant, mutants
from tests.negative.table import Accepted, Refused, expected
from tests.sgx.table import (
    Given,
    outcome,
)

GROUPS: Final = ("sound", "quote_format", "signatures", "collateral", "enclave_policy")
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "verify.sgx.quote": ("sound", "quote_format", "collateral"),
    "verify.intel.quote": ("quote_format", "signatures", "enclave_policy"),
    "verify.intel.collateral": ("collateral", "signatures"),
    "verify.intel.enclave": ("signatures", "sound"),
    "verify.intel.pck": ("signatures",),
    "verify.intel.tcb": ("collateral",),
    "evidence.sgx.quote": ("quote_format",),
    "evidence.intel.header": ("quote_format",),
    "evidence.intel.pck": ("signatures",),
    "evidence.intel.signature": ("quote_format",),
    "policy.intel": ("enclave_policy",),
    "policy.sgx": ("enclave_policy",),
}
# Not on the way from an SGX quote to a judgement.
ELSEWHERE: Final = (
    "verify.intel.tcb.module_identity",
    "verify.intel.tcb.module_level",
    "verify.intel.tcb._relaunch",
    "verify.intel.tcb.Judged.",
    "verify.intel.tcb.TcbOutcome.",
)
UNNOTICED: Final = {
    "verify.intel.collateral._check_platform: for ('4.tee', tee, info.tee)": (
        "`choose` has taken a set for this TEE"
    ),
    "verify.intel.collateral._check_platform: for ('4.fmspc', extension.fmspc, info.fmspc)": (
        "`choose` has taken a set for this FMSPC"
    ),
    "verify.intel.quote.check_report_data: if len(expected) > REPORT_DATA_BYTES": (
        "65 bytes are not equal to 64 either; the check is there for its detail"
    ),
    "verify.intel.tcb.platform_level: of tee_tcb_svn is None or "
    "_reaches(tee_tcb_svn[first:], level.tdx[first:])": "SGX gives None: no TDX components",
    "evidence.intel.header.read_descriptor: if kind == layout.BODY_TYPE_1_5_EX": (
        "under an SGX header that body was refused as another TEE's"
    ),
}
ENORMOUS: Final = 1024 * 1024  # bytes of input; such cases are not repeated for each mutant

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.sgx.test_{group}").CASES.values()
        all_of_it = [(make(), expected(due)) for make, due in cases]
        found[group] = [one for one in all_of_it if size(one[0]) < ENORMOUS]
        assert all(outcome(given) == due for given, due in found[group])
    return found


def size(given: Given) -> int:
    bundles = () if isinstance(given.bundles, type) else given.bundles
    return sum(map(len, (given.quote, *bundles)))


def is_noticed(mutant: Mutant, groups: tuple[str, ...]) -> bool:
    """Say whether any case comes out otherwise without the check, likely ones first."""
    order = [*groups, *(one for one in GROUPS if one not in groups)]
    cases = [one for group in order for one in ready()[group]]
    cases.sort(key=lambda one: not (isinstance(one[1], Refused) and one[1].code in mutant.codes))
    with mutant.installed():
        return any(differs(given, due) for given, due in cases)


def differs(given: Given, due: Refused | Accepted) -> bool:
    try:
        return outcome(given) != due
    except Exception:  # noqa: BLE001 - what a function without its check raises is not ours to say
        return True


def of(module: str) -> list[Mutant]:
    return [one for one in mutants(f"troth.{module}") if not one.name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("module", MODULES)
def test_a_check_that_is_removed_is_missed(module: str) -> None:
    unnoticed = [one.name for one in of(module) if not is_noticed(one, MODULES[module])]
    assert unnoticed == [name for name in unnoticed if name in UNNOTICED]
    listed = {name for name in UNNOTICED if name.startswith(f"{module}.")}
    assert listed == set(unnoticed)


def test_the_checks_are_found() -> None:
    counts = {module: len(of(module)) for module in MODULES}
    assert counts["verify.sgx.quote"] >= 8
    assert counts["policy.sgx"] >= 10
    assert sum(counts.values()) >= 120
