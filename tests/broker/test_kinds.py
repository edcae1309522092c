# SPDX-License-Identifier: Apache-2.0
"""Release rules for tokens of TVMs of every kind: the word for the root register counts."""

from __future__ import annotations

from typing import Final

import pytest

from tests.broker.world import POLICY, claims
from troth.broker.policy import parse_release_policy
from troth.errors import UsageError
from troth.evidence.binding import ROOT_REGISTERS
from troth.token import Ear
from troth.token.seal import AgreementKey
from troth.wire import json

PATH: Final = "payments/database"
KINDS: Final = [
    ("tdx", "rtmr3", "affirming"),
    ("snp", "none", "warning"),
    ("cca", "rem3", "affirming"),
    ("cove", "runtime3", "affirming"),
]


def ear(tee: str, root: str, tier: str) -> Ear:
    """Return the claims of a good token whose orchestrator has a tier."""
    said = claims(
        dict(AgreementKey().jwk),
        troth__tee=tee,
        troth__root=root,
        **{"submods__orchestrator__ear.status": tier},
    )
    return json.decode(json.encode(said), Ear, max_bytes=1 << 16)


def rule(root: str, tier: str) -> bytes:
    """Return a policy of one rule, for a root register and a tier of the orchestrator."""
    text = POLICY.replace('root = ["rtmr3"]', f'root = ["{root}"]')
    return text.replace('orchestrator = ["affirming"]', f'orchestrator = ["{tier}"]').encode()


@pytest.mark.parametrize(("tee", "root", "tier"), KINDS)
def test_a_rule_grants_to_its_root_register_and_to_no_other(tee: str, root: str, tier: str) -> None:
    policy = parse_release_policy(rule(root, tier), "release.toml")
    assert policy.decide(ear(tee, root, tier), PATH).granted
    for other in ROOT_REGISTERS:
        decision = policy.decide(ear(tee, other, tier), PATH)
        assert (decision.granted, decision.reason) == (
            other == root,
            "" if other == root else "root",
        )


def test_an_unrooted_boot_gets_nothing_by_a_rule_that_wants_affirming() -> None:
    policy = parse_release_policy(rule("none", "affirming"), "release.toml")
    decision = policy.decide(ear("snp", "none", "warning"), PATH)
    assert (decision.granted, decision.reason) == (False, "orchestrator")


@pytest.mark.parametrize("word", ["rtmr2", "REM3", "", "pcr14"])
def test_a_register_that_no_kind_has_is_refused_when_the_rules_are_read(word: str) -> None:
    with pytest.raises(UsageError, match=r"usage\.policy: release\.toml .*\.root\["):
        parse_release_policy(rule(word, "affirming"), "release.toml")
