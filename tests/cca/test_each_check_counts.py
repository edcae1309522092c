# SPDX-License-Identifier: Apache-2.0
"""Every check on CCA tokens has a case that fails without it, as for TDX.

See `tests/negative/mutants.py` for what counts as a check.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final

import pytest
from msgspec.structs import replace

from tests.cca.table import TEE, Accepted, Given, Refused, expected, outcome
from tests.cca.test_policy import WRONG as WRONG_VALUES
from tests.cca.test_store import EDWARDS, WRONG_KEYS
from tests.cca.test_store import WRONG as WRONG_STORES
from tests.negative.mutants import Mutant, mutants
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.arm import CpakStore, parse_cpak_key, parse_cpak_store
from troth.errors import TrothError
from troth.policy.cca import CONVERTERS

GROUPS: Final = ("sound", "format", "claims", "binding", "policy")
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "verify.cca.token": ("binding", "claims"),
    "evidence.cca.claims": ("claims",),
    "evidence.cca.platform": ("claims",),
    "evidence.cca.realm": ("claims", "policy"),
    "evidence.cca.token": ("format", "binding"),
    "crypto.cose_token": ("format",),
    "policy.cca": ("policy",),
}
# Reading a policy file is no judgement of a token; a test of its own is below.
ELSEWHERE: Final = (
    "policy.cca._one",
    "policy.cca._component:",  # and not _component_rule
    "policy.cca._components",
    "policy.cca._sizes",
)
UNNOTICED: Final = {
    "crypto.cose_token.TokenSign1.of: of value.tag != SIGN1_TAG": (
        "the reader of a CCA token lets no other tag through"
    ),
}

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.cca.test_{group}").CASES.values()
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


def test_a_check_on_a_store_of_keys_that_is_removed_is_missed() -> None:
    inputs = [
        *((parse_cpak_store, *case) for case in WRONG_STORES.values()),
        *((parse_cpak_key, *case) for case in WRONG_KEYS.values()),
        (store_of_pem, EDWARDS.pem(), "cpak.key"),
    ]

    def missed() -> bool:
        return any(code_of(parse, data) != due for parse, data, due in inputs)

    assert not missed()
    found = mutants("troth.endorse.arm.cpak")
    assert len(found) >= 5
    for one in found:
        with one.installed():
            assert missed(), one.name


def store_of_pem(data: bytes) -> CpakStore:
    return CpakStore([replace(TEE.cpak, key=VerifyingKey.from_pem(data))])


def code_of(parse: Callable[[bytes], object], data: bytes) -> str:
    try:
        parse(data)
    except TrothError as error:
        return error.code
    return ""


def test_a_check_on_a_policy_that_is_removed_is_missed() -> None:
    def missed() -> bool:
        return any(is_taken(key, value) for key, value in WRONG_VALUES.values())

    assert not missed()
    found = [one for one in mutants("troth.policy.cca") if one.name.startswith(ELSEWHERE)]
    assert len(found) >= 5
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
    assert sum(counted.values()) >= 50
