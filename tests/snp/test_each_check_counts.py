# SPDX-License-Identifier: Apache-2.0
"""Every check of the SNP verifier has a case that fails without it: each is removed in turn.

`tests.negative.mutants` says what counts as a check. A mutant that no case notices must be in
`UNNOTICED`, with the reason why it changes no judgement; one that is there and is noticed, or is
no mutant any more, fails as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.mutants import Mutant, mutants
from tests.snp.table import Accepted, Given, Refused, expected, outcome
from tests.snp.test_policy_cases import MET

GROUPS: Final = (
    "sound",
    "format_cases",
    "report_cases",
    "chain_cases",
    "endorsement_cases",
    "policy_cases",
)
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "crypto.certificate_parts": ("endorsement_cases", "chain_cases"),
    "crypto.pss_certificate": ("chain_cases",),
    "crypto.pss_crl": ("endorsement_cases",),
    "crypto.rsa_pss": ("chain_cases",),
    "endorse.amd.bundle": ("endorsement_cases",),
    "endorse.amd.collateral": ("report_cases", "endorsement_cases"),
    "endorse.amd.leaf": ("endorsement_cases",),
    "evidence.snp.product": ("format_cases", "report_cases"),
    "evidence.snp.report": ("format_cases",),
    "policy.snp": ("policy_cases",),
    "verify.snp.chain": ("chain_cases", "endorsement_cases"),
    "verify.snp.report": ("report_cases",),
}
# Not on the way from a report and a bundle to a judgement; they have tests of their own.
ELSEWHERE: Final = (
    "crypto.certificate_parts.split_by_library",  # the other reader
    "crypto.certificate_parts._is_pss",  # likewise
    "crypto.rsa_pss.RsaPrivateKey.",  # loads the keys of an emulated platform
    "crypto.pss_certificate.PssCertificate.__eq__",  # tells files apart
    "endorse.amd.bundle.assemble",  # files and tables instead of a bundle
    "endorse.amd.bundle.read_crl",
    "endorse.amd.bundle._issuers",
)
UNNOTICED: Final = {
    "verify.snp.report._check_report_data: if len(expected) > _REPORT_DATA_BYTES": (
        "65 bytes are not equal to 64 either; the check is there for its detail"
    ),
}

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.snp.test_{group}").CASES.values()
        found[group] = [(make(), expected(due)) for make, due in cases]
    found["policy_cases"] += [
        (given, outcome(given)) for given in (make() for make in MET.values())
    ]
    assert all(outcome(given) == due for group in found.values() for given, due in group)
    return found


def likely_first(mutant: Mutant, groups: Iterable[str]) -> list[Ready]:
    """Return all cases: those of a code that the function speaks of, then those of `groups`."""
    order = [*groups, *(one for one in GROUPS if one not in groups)]
    cases = [one for group in order for one in ready()[group]]
    return sorted(cases, key=lambda one: not speaks_of(mutant, one[1]))


def speaks_of(mutant: Mutant, due: Refused | Accepted) -> bool:
    return isinstance(due, Refused) and due.code in mutant.codes


def is_noticed(mutant: Mutant, groups: Iterable[str]) -> bool:
    """Say whether any case comes out otherwise without the check."""
    cases = likely_first(mutant, groups)
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
    by_module = {module: len(of(module)) for module in MODULES}
    assert all(by_module.values()), by_module
    assert by_module["verify.snp.report"] >= 15
    assert sum(by_module.values()) >= 100
