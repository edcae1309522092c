# SPDX-License-Identifier: Apache-2.0
"""The table of codes is complete, used and tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tools import house
from troth import errors

ROOT: Final = house.ROOT
TABLE_FILE: Final = frozenset({"src/troth/codes.py"})
THIS_FILE: Final = frozenset({str(Path(__file__).resolve().relative_to(ROOT))})


def test_codes_are_area_and_kebab() -> None:
    wrong = [c for c in errors.CODES if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*", c)]
    assert wrong == []


def test_each_entry_has_a_class_and_a_sentence() -> None:
    for code, (name, meaning, *_) in errors.CODES.items():
        assert issubclass(getattr(errors, name), Exception), code
        assert meaning.strip(), code


def test_reading_the_source_finds_the_same_table() -> None:
    assert house.code_table(ROOT) == {code: entry[0] for code, entry in errors.CODES.items()}


def test_each_raised_code_is_listed_under_its_class() -> None:
    assert house.error_codes(ROOT) == []


def test_each_listed_code_is_raised() -> None:
    raised = house.literals(ROOT, "src", but=TABLE_FILE)
    assert sorted(set(errors.CODES) - raised) == []


def test_each_listed_code_is_tested() -> None:
    tested = house.literals(ROOT, "tests", but=THIS_FILE)
    assert sorted(set(errors.CODES) - tested) == []
