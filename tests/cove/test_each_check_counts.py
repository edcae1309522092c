# SPDX-License-Identifier: Apache-2.0
"""Every check of CoVE has a case that fails without it: each is removed, and a table notices.

`tests.negative.mutants` says what counts as a check. A mutant that no case notices must be in
`UNNOTICED`, with the reason why it changes no judgement; one that is there and is noticed, or is
no mutant any more, fails as well.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import pytest

from tests.cove import test_chain, test_claims, test_format, test_policy, test_sound
from tests.cove.table import Accepted, Given, Refused, expected, outcome
from tests.negative.mutants import Mutant, mutants

MODULES: Final = (
    "verify.cove.token",
    "endorse.riscv.roots",
    "evidence.cove.claims",
    "evidence.cove.fields",
    "evidence.cove.token",
    "policy.cove",
    "crypto.cose_token",
    "crypto.verifying_key",
    "wire.cbor",
)
# Not on the way from bytes to a judgement of a CoVE token.
ELSEWHERE: Final = (
    "wire.cbor.decode:",  # our own structures
    "wire.cbor.encode:",  # what is written
    "wire.cbor._problem:",
    "wire.cbor._key_problem:",
    "crypto.verifying_key.VerifyingKey.from_pem:",  # lists of roots: test_roots.py
    "crypto.verifying_key.VerifyingKey.of:",
    "endorse.riscv.roots._root:",
)
UNNOTICED: Final[dict[str, str]] = {
    "crypto.cose_token.TokenSign1.of: of value.tag != SIGN1_TAG": (
        "the decoder lets no other tag in; for those who decode with more tags"
    ),
    "wire.cbor._check_count: last of _ONE_BYTE <= length <= _EIGHT_BYTES": (
        "a head that means nothing is refused by the library a moment later"
    ),
}

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> list[Ready]:
    """Return the cases of every group, made once and shown to hold."""
    groups = (test_sound, test_format, test_claims, test_chain, test_policy)
    found = [(make(), expected(due)) for group in groups for make, due in group.CASES.values()]
    assert all(outcome(given) == due for given, due in found)
    return found


def is_noticed(mutant: Mutant) -> bool:
    """Say whether any case comes out otherwise without the check."""
    cases = sorted(ready(), key=lambda one: not speaks_of(mutant, one[1]))
    with mutant.installed():
        return any(differs(given, due) for given, due in cases)


def speaks_of(mutant: Mutant, due: Refused | Accepted) -> bool:
    return isinstance(due, Refused) and due.code in mutant.codes


def differs(given: Given, due: Refused | Accepted) -> bool:
    try:
        return outcome(given) != due
    except Exception:  # noqa: BLE001 - what a function without its check raises is not ours to say
        return True


def of(module: str) -> list[Mutant]:
    return [one for one in mutants(f"troth.{module}") if not one.name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("module", MODULES)
def test_a_check_that_is_removed_is_missed(module: str) -> None:
    unnoticed = [one.name for one in of(module) if not is_noticed(one)]
    assert unnoticed == [name for name in unnoticed if name in UNNOTICED]
    listed = {name for name in UNNOTICED if name.startswith(f"{module}.")}
    assert listed == set(unnoticed)


def test_the_checks_are_found() -> None:
    counts = {module: len(of(module)) for module in MODULES}
    assert all(counts.values()), counts
    assert sum(counts.values()) >= 70, counts
