# SPDX-License-Identifier: Apache-2.0
"""RISC-V CoVE: tokens, judged under known roots of trust.

A platform in another state than secured is refused with its token, unless the policy names that
state: its keys may have leaked, and nothing that they signed would be evidence.
"""

from __future__ import annotations

from typing import Final

from troth.evidence.cove import CoveToken, PlatformState, describe_token
from troth.policy.cove import appraise_cove
from troth.policy.cove_template import policy_template_cove
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.views import FactsView
from troth.verify import Trace, Verified
from troth.verify.cove import SECURED, CoveFacts, verify_cove

__all__ = ["COVE"]


def _states(options: JudgeOptions) -> frozenset[PlatformState]:
    """Return the states that do; a policy that does not compare them takes each."""
    section = None if options.policy is None else options.policy.cove
    if section is None:
        return SECURED
    if isinstance(section.state, type):
        return frozenset(PlatformState)
    return SECURED | {one for one in PlatformState if one.word in section.state}


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[CoveFacts]:
    return verify_cove(
        evidence,
        roots=options.endorsements.cove_roots,
        at=options.at,
        challenge=options.report_data,
        states=_states(options),
        trace=trace,
    )


def _appraise(verified: Verified[CoveFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.cove, "cove", policy, trace)
    appraise_cove(verified, section, name=policy.name, trace=trace)


def _view(facts: CoveFacts) -> FactsView:
    return FactsView(anchor=facts.anchor.name, facts=describe_token(facts.token))


def _claims(evidence: bytes) -> Claims:
    return Claims(what="CoVE token", facts=describe_token(CoveToken.parse(evidence)))


def _template(evidence: bytes, source: str) -> str:
    return policy_template_cove(CoveToken.parse(evidence), source)


COVE: Final = Kind(_verify, _appraise, _view, _claims, _template)
