# SPDX-License-Identifier: Apache-2.0
"""The tables on Azure's VMs are complete: no case is dropped, each code is due, of its class."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from tests.azure.table import Table
from troth.errors import CODES

SIZES: Final = {"sound": 15, "cases": 98}
# By DECISIONS 1: written down here, and not taken from the table that they are held to.
UNTRUSTED: Final = {"azure.binding", "azure.vmpl"}


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.azure.test_{group}").CASES
    return found


def test_no_case_is_dropped() -> None:
    assert {group: len(cases(group)) for group in SIZES} == SIZES


def test_each_code_is_due_somewhere_and_of_the_class_that_was_decided() -> None:
    due = {due for group in SIZES for _, due in cases(group).values() if isinstance(due, str)}
    own = {code for code in CODES if code.startswith("azure.")}
    assert own - due == set()
    for code in own:
        decided = "UntrustedError" if code in UNTRUSTED else "MalformedError"
        assert CODES[code][0] == decided
    assert {"policy.hardware", "policy.vm", "policy.section"} <= due
