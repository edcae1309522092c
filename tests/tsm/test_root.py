# SPDX-License-Identifier: Apache-2.0
"""Which register a boot takes root in, for each provider."""

from __future__ import annotations

import pytest

from tests.refusals import refused
from troth.evidence.binding import ROOT_REGISTERS
from troth.tsm.driver import PROVIDERS
from troth.tsm.root import (
    ROOT_INDEX,
    register_name,
    root_register_of,
    root_value,
    why_unrooted,
)


@pytest.mark.parametrize(
    ("provider", "word", "name"),
    [
        ("tdx_guest", "rtmr3", "RTMR3"),
        ("sev_guest", "none", "register 3"),
        ("arm_cca_guest", "rem3", "REM3"),
        ("cove_guest", "runtime3", "runtime register 3"),
    ],
)
def test_each_provider_has_its_word(provider: str, word: str, name: str) -> None:
    assert (root_register_of(provider), register_name(provider, ROOT_INDEX)) == (word, name)
    assert why_unrooted(provider)


def test_every_provider_and_every_word_is_there() -> None:
    assert {root_register_of(one) for one in PROVIDERS} == set(ROOT_REGISTERS)


def test_an_unknown_provider_has_none_by_silence() -> None:
    for call in (root_register_of, why_unrooted, lambda one: register_name(one, 3)):
        with refused("tsm.provider"):
            call("other_guest")


def test_the_fourth_register_is_the_root() -> None:
    four = tuple(bytes([one]) * 48 for one in range(4))
    assert root_value("cove_guest", four) == four[3]
    for count in range(4):
        with refused("tsm.no-registers", f"has {count}"):
            root_value("cove_guest", four[:count])
