# SPDX-License-Identifier: Apache-2.0
"""The tables on TPM quotes are complete: no case is dropped, each code is due, of its class."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from tests.tpm.table import Table
from troth.errors import CODES

SIZES: Final = {"sound": 25, "format": 233, "chain": 45, "binding": 33, "policy": 39}
# By DECISIONS 1: written down here, and not taken from the table that they are held to.
UNTRUSTED: Final = {
    f"tpm.{name}"
    for name in ("chain-shape", "ak", "ak-attributes", "signature", "challenge", "pcr-digest")
}
# Failures that verifiers had, by the project's notes, and the cases that would show them here.
PAST: Final = {
    "a nonce that is padded or cut counts": "challenge-padded quote-of-a-padded-challenge",
    "duplicate selections cost seconds before a signature": "quote-selection-twice "
    "quote-selection-of-six quote-selection-count-huge",
    "a nonce of nothing turns the check off": "challenge-empty quote-without-challenge",
    "another TPM's key takes over": "signed-by-another-tpm pinned-another",
    "a key that signs anything": "not-restricted quote-magic-of-a-caller",
}


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.tpm.test_{group}").CASES
    return found


def test_no_case_is_dropped() -> None:
    assert {group: len(cases(group)) for group in SIZES} == SIZES


def test_each_code_is_due_somewhere_and_of_the_class_that_was_decided() -> None:
    due = {due for group in SIZES for _, due in cases(group).values() if isinstance(due, str)}
    own = {code for code in CODES if code.startswith("tpm.")}
    assert own - due == set()
    for code in own:
        decided = "UntrustedError" if code in UNTRUSTED else "MalformedError"
        assert CODES[code][0] == decided
    assert {"policy.ak", "policy.firmware", "policy.clock", "policy.measurement"} <= due


def test_past_failures_have_their_cases() -> None:
    names = {name for group in SIZES for name in cases(group)}
    for failure, covering in PAST.items():
        assert set(covering.split()) <= names, failure
