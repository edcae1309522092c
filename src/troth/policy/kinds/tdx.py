# SPDX-License-Identifier: Apache-2.0
"""Intel TDX: quotes, judged by collateral under Intel's root."""

from __future__ import annotations

from typing import Final

from troth.evidence.tdx import TdxQuote, describe_pck, describe_quote
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._intel import intel_claims, intel_view
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.tdx import appraise_tdx
from troth.policy.template import policy_template
from troth.policy.views import FactsView
from troth.verify import Trace, Verified
from troth.verify.tdx import TdxFacts, verify_tdx

__all__ = ["TDX", "tdx_view"]


def tdx_view(facts: TdxFacts) -> FactsView:
    """Return what is shown of a genuine quote, also of one in a bundle."""
    return intel_view(facts, describe_quote(facts.quote) | describe_pck(facts.quote))


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[TdxFacts]:
    return verify_tdx(
        evidence,
        collateral=options.collateral,
        anchors=options.anchors,
        at=options.at,
        report_data=options.report_data,
        tail=options.tail,
        trace=trace,
    )


def _appraise(verified: Verified[TdxFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.tdx, "tdx", policy, trace)
    appraise_tdx(verified, section, name=policy.name, trace=trace)


def _claims(evidence: bytes) -> Claims:
    return intel_claims(TdxQuote.parse(evidence), "TDX quote", describe_quote, describe_pck)


def _template(evidence: bytes, source: str) -> str:
    return policy_template(TdxQuote.parse(evidence), source)


TDX: Final = Kind(_verify, _appraise, tdx_view, _claims, _template)
