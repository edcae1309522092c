# SPDX-License-Identifier: Apache-2.0
"""Policy files made to crash or to stall their reader, and words that would deny nothing."""

from __future__ import annotations

import pytest

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.evidence.tdx import TdxQuote
from troth.policy import parse_policy, policy_template
from troth.tsm.emulated.tdx import SoftwareTdx

QUOTE = TdxQuote.parse(SoftwareTdx.create(at=AT).quote(REPORT_DATA))
TEMPLATE = policy_template(QUOTE, "quote.bin")
DEFAULTS = {"advisories_allowed": '"any"', "advisories_denied": "[]"}

HOSTILE = {
    "many-digits": b"version = " + b"1" * 5000,
    "many-digits-elsewhere": b"version = 1\nextra = " + b"1" * 5000,
    "many-hex-digits": b"version = 0x" + b"f" * 6000,
    "a-number-of-many-hex-digits": b"version = 1\n[tdx]\nminimum_evaluation_number = 0x"
    + b"f" * 6000,
    "a-key-of-many-parts": b"version = 1\n" + b"a." * 60_000 + b"b = 1",
    "a-header-of-spaces": b'version = 1\n[tdx]\nx = """\n['
    + b" " * 100_000
    + b'\n"""\ndebug = "x"',
    "deep": b"version = 1\nx = " + b"[" * 50_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused(case: str) -> None:
    with refused("usage.policy"):
        parse_policy(HOSTILE[case], "p.toml")


@pytest.mark.parametrize("word", ["intel-sa-00837", "INTEL-SA-837", "", "any", "INTEL-SA-00837 "])
@pytest.mark.parametrize("key", ["advisories_allowed", "advisories_denied"])
def test_an_advisory_is_spelled_as_its_vendor_does(key: str, word: str) -> None:
    text = TEMPLATE.replace(f"{key} = {DEFAULTS[key]}", f'{key} = ["{word}"]')
    with refused("usage.policy", "not an advisory"):
        parse_policy(text.encode(), "p.toml")
