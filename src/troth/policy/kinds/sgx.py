# SPDX-License-Identifier: Apache-2.0
"""Intel SGX: quotes, judged by collateral under Intel's root."""

from __future__ import annotations

from typing import Final

from troth.evidence.sgx import SgxQuote, describe_sgx, describe_sgx_pck
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._intel import intel_claims, intel_view
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.sgx import appraise_sgx
from troth.policy.sgx_template import policy_template_sgx
from troth.policy.views import FactsView
from troth.verify import Trace, Verified
from troth.verify.sgx import SgxFacts, verify_sgx

__all__ = ["SGX"]


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[SgxFacts]:
    return verify_sgx(
        evidence,
        collateral=options.collateral,
        anchors=options.anchors,
        at=options.at,
        report_data=options.report_data,
        tail=options.tail,
        trace=trace,
    )


def _appraise(verified: Verified[SgxFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.sgx, "sgx", policy, trace)
    appraise_sgx(verified, section, name=policy.name, trace=trace)


def _view(facts: SgxFacts) -> FactsView:
    return intel_view(facts, describe_sgx(facts.quote) | describe_sgx_pck(facts.quote))


def _claims(evidence: bytes) -> Claims:
    return intel_claims(SgxQuote.parse(evidence), "SGX quote", describe_sgx, describe_sgx_pck)


def _template(evidence: bytes, source: str) -> str:
    return policy_template_sgx(SgxQuote.parse(evidence), source)


SGX: Final = Kind(_verify, _appraise, _view, _claims, _template)
