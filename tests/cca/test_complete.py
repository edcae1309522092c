# SPDX-License-Identifier: Apache-2.0
"""The CCA tables are complete: each row of the project's notes has its cases, none is dropped.

The rows are those of the notes on failures that verifiers had, in their words. A `*` stands for a
family, with its size.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final

import pytest

from tests.cca.table import Accepted, Table
from troth.errors import CODES

ROWS: Final[dict[str, dict[str, str]]] = {
    "binding": {
        "unbound RAK": "halves-of-two-machines realm-of-a-key-of-its-own digest-zero "
        "digest-of-the-challenge digest-of-the-point-alone",
        "truncated hash": "digest-truncated digest-longer algorithm-truncated",
        "wrong algorithm": "digest-by-another-algorithm algorithm-changed-in-the-realm",
        "RAK encoded again": "digest-of-the-key-encoded-again "
        "key-encoded-again-under-its-digest key-in-another-encoding",
        "signature by another": "*-signed-*:6",
        "signatures of zero, short, long, of the order": "*-signature-*:20",
        "challenge": "challenge-*:7",
    },
    "claims": {
        "each claim missing": "*-without-*:17",
        "each claim of wrong length": "*-of-*-bytes:31",
        "each claim of another type": "*-a-boolean:15 *-a-text-or-bytes:15",
        "each lifecycle page": "lifecycle-*:26",
        "profile unknown": "platform-profile-*:5",
    },
    "format": {
        "tags": "tag-*:2 *-tag-98-*:2 untagged tagged-twice *-untagged-*:2 realm-not-wrapped",
        "placement of alg": "algorithm-in-both-*:2 algorithm-unprotected-*:2 "
        "no-algorithm-*:2 algorithm-twice-*:2",
        "duplicates": "a-key-twice claim-twice-*:2 component-with-a-key-twice",
        "trailing bytes": "trailing*:4 *-trailing-*:4",
        "depth": "arrays-*:4",
        "halves swapped": "swapped",
    },
    "sound": {
        "profiles mixed, accepted": "2023-platform-of-a-legacy-realm "
        "legacy-platform-of-a-2023-realm",
        "unknown claims, accepted": "unknown-claim-*:2",
    },
}
# How many cases a group has in all; one that is dropped is missed here, if in no row.
SIZES: Final = {"sound": 18, "format": 90, "claims": 149, "binding": 80, "policy": 66}
# By DECISIONS 1: written down here, and not taken from the table that they are held to.
UNTRUSTED: Final = {
    f"cca.{name}"
    for name in ("binding", "challenge", "lifecycle", "platform-signature", "realm-signature")
}


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.cca.test_{group}").CASES
    return found


@pytest.mark.parametrize(("group", "row"), [(g, row) for g, rows in ROWS.items() for row in rows])
def test_each_row_has_its_cases(group: str, row: str) -> None:
    for word in ROWS[group][row].split():
        pattern, _, size = word.partition(":")
        found = [name for name in cases(group) if fnmatchcase(name, pattern)]
        assert len(found) == int(size or 1), word


def test_no_case_is_dropped() -> None:
    assert {group: len(cases(group)) for group in SIZES} == SIZES


def test_what_is_sound_is_accepted() -> None:
    assert all(isinstance(due, Accepted) for _, due in cases("sound").values())


def test_each_code_is_due_somewhere_and_of_the_class_that_was_decided() -> None:
    due = {due for group in SIZES for _, due in cases(group).values() if isinstance(due, str)}
    own = {code for code in CODES if code.startswith("cca.")}
    assert own - due == set()
    for code in own:
        assert CODES[code][0] == ("UntrustedError" if code in UNTRUSTED else "MalformedError"), code
