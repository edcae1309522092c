# SPDX-License-Identifier: Apache-2.0
"""The CoVE tables are complete: each row of the project's notes has its cases, none is dropped.

The rows are those of the notes on failures that verifiers had, in their words. A `*` stands for a
family, with its size.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final

import pytest

from tests.cove.table import Accepted, Table
from troth.errors import CODES

ROWS: Final[dict[str, dict[str, str]]] = {
    "chain": {
        "each layer signed by each other key": "*-signed-by-*:15",
        "layers of two platforms": "*-from-another-platform:5",
        "one key for two layers": "keys-*:4",
        "each state": "state-*:7",
        "challenge": "challenge-*:6",
        "root": "no-root another-root root-*:3",
    },
    "claims": {
        "counts 0 and 9": "tvm_initial_measurements-0 tvm_initial_measurements-9",
        "counts 0 and 19": "tvm_runtime_measurements-0 tvm_runtime_measurements-19",
        "each claim missing": "*-missing:38",
        "state unknown": "state-*:4",
        "profile": "profile-*:2",
    },
    "format": {
        "submodules swapped": "swapped-*:3",
        "one in another's place": "*-in-place-of-*:6",
        "tags": "*-tag-*:6 *-untagged:6 *-tagged-twice:6",
        "placement of alg": "*-algorithm-in-both:3 *-algorithm-unprotected:3 *-algorithm-missing:3",
        "duplicates": "*-twice:12",
        "trailing bytes": "trailing*:3 *-trailing:6",
        "depth": "*too-deep:7",
    },
    "sound": {
        "counts at their limits": "initial-1 initial-8 runtime-1 runtime-18 runtime-absent",
    },
}
# How many cases a group has in all; one that is dropped is missed here, if in no row.
SIZES: Final = {"sound": 29, "format": 158, "claims": 215, "chain": 167, "policy": 57}
# By DECISIONS 1: written down here, and not taken from the table that they are held to.
UNTRUSTED: Final = {
    f"cove.{name}"
    for name in (
        "challenge",
        "key-reuse",
        "manufacturer",
        "platform-signature",
        "root",
        "state",
        "tsm-signature",
        "tvm-signature",
    )
}


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.cove.test_{group}").CASES
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
    own = {code for code in CODES if code.startswith("cove.")}
    assert own - due == set()
    for code in own:
        assert CODES[code][0] == ("UntrustedError" if code in UNTRUSTED else "MalformedError"), code
