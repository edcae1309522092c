# SPDX-License-Identifier: Apache-2.0
"""Which platform states do is the policy's word; without one, secured alone."""

from __future__ import annotations

from typing import Final

import pytest

from tests.cove.table import AT, CHALLENGE, Given, on, with_platform
from troth.endorse.riscv import CoveRoots
from troth.policy import Endorsements, JudgeOptions, judge, parse_policy
from troth.policy.kinds import KINDS
from troth.verify import Anchors, WithoutCollateral

SECURED: Final = '["secured"]'


def judged(state: str, wanted: str | None) -> tuple[str, str | None]:
    given: Given = on(with_platform(state=state))
    policy = None
    if wanted is not None:
        text = KINDS["cove"].template(given.evidence, "token")
        assert f"state = {SECURED}" in text
        text = text.replace(f"state = {SECURED}", f"state = {wanted}")
        policy = parse_policy(text.encode(), "p.toml")
    judgement = judge(
        given.evidence,
        JudgeOptions(
            tee="cove",
            collateral=WithoutCollateral,
            anchors=Anchors(()),
            at=AT,
            report_data=CHALLENGE,
            policy=policy,
            endorsements=Endorsements(cove_roots=CoveRoots(given.roots)),
        ),
    )
    return judgement.verdict, judgement.code


@pytest.mark.parametrize(
    ("state", "wanted", "due"),
    [
        ("secured", None, ("genuine", None)),
        ("debug", None, ("untrusted", "cove.state")),
        ("secured", SECURED, ("accepted", None)),
        ("debug", SECURED, ("untrusted", "cove.state")),
        ("debug", '["debug"]', ("accepted", None)),
        ("recovery", '["debug"]', ("untrusted", "cove.state")),
        ("secured", '["debug"]', ("denied", "policy.state")),
        ("recovery", '"any"', ("accepted", None)),
    ],
)
def test_the_policy_names_the_states_that_do(
    state: str, wanted: str | None, due: tuple[str, str | None]
) -> None:
    assert judged(state, wanted) == due
