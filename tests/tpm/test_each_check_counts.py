# SPDX-License-Identifier: Apache-2.0
"""Every check on TPM quotes has a case that fails without it, as for TDX.

See `tests/negative/mutants.py` for what counts as a check.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.mutants import Mutant, mutants
from tests.tpm.table import Accepted, Given, Refused, expected, outcome
from tests.tpm.test_policy import WRONG
from troth.policy.tpm import CONVERTERS

GROUPS: Final = ("sound", "format", "chain", "binding", "policy")
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "verify.tpm.quote": ("binding",),
    "verify.tpm.chain": ("chain",),
    "evidence.tpm.attest": ("format",),
    "evidence.tpm.selection": ("format",),
    "evidence.tpm.registers": ("format",),
    "evidence.tpm.signature": ("format",),
    "evidence.tpm.public": ("format", "chain"),
    "evidence.tpm.key": ("format",),
    "evidence.tpm.evidence": ("format",),
    "crypto.tpm_key": ("binding", "format"),
    "crypto.tpm_certificate": ("chain",),
    "policy.tpm": ("policy",),
}
# Reading a policy file is no judgement of a quote; a test of its own is below.
ELSEWHERE: Final = (
    "policy.tpm.required",
    "policy.tpm._bank",
    "crypto.tpm_key.TpmKey.__eq__",  # compares the files of a software TPM
)
UNNOTICED: Final = {
    "policy.tpm.quoted_rules: rules.fits(bank, ABSENT, wanted, 'policy.measurement')": (
        "a bank that may be any is noted, and never denied"
    ),
}

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.tpm.test_{group}").CASES.values()
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


def test_a_check_on_a_policy_that_is_removed_is_missed() -> None:
    def missed() -> bool:
        return any(is_taken(key, value) for key, value in WRONG.values())

    assert not missed()
    found = [one for one in mutants("troth.policy.tpm") if one.name.startswith(ELSEWHERE)]
    assert len(found) >= 3
    for one in found:
        with one.installed():
            assert missed(), one.name


def is_taken(key: str, value: object) -> bool:
    """Say whether a value is read, or refused by anything but an error for people."""
    try:
        CONVERTERS[key](value)
    except ValueError:
        return False
    except (AttributeError, KeyError, TypeError):
        return True
    return True


def test_the_checks_are_found() -> None:
    counted = {module: len(of(module)) for module in MODULES}
    assert all(counted.values())
    assert sum(counted.values()) >= 60
