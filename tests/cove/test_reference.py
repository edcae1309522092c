# SPDX-License-Identifier: Apache-2.0
"""The page on CoVE tokens names every label, with its number, and the profile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from troth.evidence.cove.labels import DRAFT_DATE, PROFILE, Label

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cove.md"


def test_the_page_and_the_table_agree() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \w+ \| `(\w+)` \| (-?\d+) \|", text, re.MULTILINE)
    assert {name: int(number) for name, number in rows} == {one.name: one.value for one in Label}
    assert f"`{PROFILE}`" in text


def test_the_labels_that_are_ours_are_for_private_use() -> None:
    assert {one for one in Label if one > 0} == {Label.NONCE, Label.PROFILE, Label.SUBMODS}
    assert all(one < -65_536 for one in Label if one < 0)
    assert DRAFT_DATE in PROFILE
