# SPDX-License-Identifier: Apache-2.0
"""Every check on Azure evidence has a case that fails without it, as for TDX.

See `tests/negative/mutants.py` for what counts as a check.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.azure.table import Accepted, Given, Refused, expected, outcome
from tests.negative.mutants import Mutant, mutants

GROUPS: Final = ("sound", "cases")
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "verify.azure.evidence": ("cases",),
    "verify.azure.hardware": ("cases",),
    "verify.tpm.quote": ("cases",),
    "evidence.azure.evidence": ("cases",),
    "evidence.azure.hcl": ("cases",),
    "evidence.azure.runtime": ("cases",),
    "policy.azure": ("cases",),
}
# Not on the way from Azure's evidence to a judgement.
ELSEWHERE: Final = (
    "verify.tpm.quote.verify_tpm",
    "verify.tpm.quote._well_formed",
    "verify.tpm.quote._check_scheme",
)
UNNOTICED: Final = {
    "verify.tpm.quote._check_signature: if (signature.scheme == 'RSASSA') != (key.kind == 'RSA')": (
        "Azure's form has one scheme, and its claims one kind of key"
    ),
}

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.azure.test_{group}").CASES.values()
        found[group] = [(make(), expected(due)) for make, due in cases]
        assert all(outcome(given) == due for given, due in found[group])
    return found


def is_noticed(mutant: Mutant, groups: tuple[str, ...]) -> bool:
    """Say whether any case comes out otherwise without the check."""
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
    counted = {module: len(of(module)) for module in MODULES}
    assert all(counted.values())
    assert sum(counted.values()) >= 35
