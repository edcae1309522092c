# SPDX-License-Identifier: Apache-2.0
"""Arm CCA: tokens, judged by the keys of known platforms."""

from __future__ import annotations

from typing import Final

from troth.evidence.cca import CcaToken, describe_token
from troth.policy.cca import appraise_cca
from troth.policy.cca_template import policy_template_cca
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.views import FactsView
from troth.verify import Trace, Verified
from troth.verify.cca import CcaFacts, verify_cca

__all__ = ["CCA"]


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[CcaFacts]:
    return verify_cca(
        evidence,
        anchors=options.endorsements.cpaks,
        at=options.at,
        challenge=options.report_data,
        trace=trace,
    )


def _appraise(verified: Verified[CcaFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.cca, "cca", policy, trace)
    appraise_cca(verified, section, name=policy.name, trace=trace)


def _view(facts: CcaFacts) -> FactsView:
    return FactsView(anchor=facts.anchor.name, facts=describe_token(facts.token))


def _claims(evidence: bytes) -> Claims:
    return Claims(what="CCA token", facts=describe_token(CcaToken.parse(evidence)))


def _template(evidence: bytes, source: str) -> str:
    return policy_template_cca(CcaToken.parse(evidence), source)


CCA: Final = Kind(_verify, _appraise, _view, _claims, _template)
