# SPDX-License-Identifier: Apache-2.0
"""Azure's confidential VMs: a paravisor's report on SNP or TDX, and a quote of its vTPM.

The hardware's facts are shown under their own names, behind `snp.` or `tdx.`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from troth.evidence.azure import AzureEvidence, describe_azure
from troth.evidence.snp import SnpReport, describe_report
from troth.evidence.tdx import TdxQuote, describe_quote
from troth.policy.azure import AzureSections, appraise_azure
from troth.policy.azure_template import policy_template_azure
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.kinds.snp import snp_demands, snp_view
from troth.policy.kinds.tdx import tdx_view
from troth.policy.kinds.tpm import quote_facts
from troth.policy.views import Fact, FactsView
from troth.verify import Trace, Verified
from troth.verify.azure import AzureFacts, SnpHardware, SnpInputs, TdxInputs, verify_azure

__all__ = ["AZURE"]


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[AzureFacts]:
    revocation, chip = snp_demands(options)
    given = options.endorsements
    return verify_azure(
        evidence,
        snp=SnpInputs(
            certificates=given.amd_certificates,
            crls=given.amd_crls,
            anchors=options.anchors,
            revocation=revocation,
            chip=chip,
        ),
        tdx=TdxInputs(collateral=options.collateral, anchors=options.anchors),
        at=options.at,
        challenge=options.report_data,
        trace=trace,
    )


def _appraise(verified: Verified[AzureFacts], policy: Policy, trace: Trace) -> None:
    section_of(policy.azure, "azure", policy, trace)
    sections = AzureSections(azure=policy.azure, tpm=policy.tpm, snp=policy.snp, tdx=policy.tdx)
    appraise_azure(verified, sections, name=policy.name, trace=trace)


def _view(facts: AzureFacts) -> FactsView:
    hardware = facts.hardware
    if isinstance(hardware, SnpHardware):
        below, name = snp_view(hardware.verified.value), "snp"
    else:
        below, name = tdx_view(hardware.verified.value), "tdx"
    quoted = facts.quoted
    told = _behind(name, below.facts) | quote_facts(quoted.quote, quoted.registers, quoted.key)
    return FactsView(
        anchor=below.anchor,
        facts=told | describe_azure(facts.hcl),
        tcb=below.tcb,
        trailing_bytes=below.trailing_bytes,
        collateral=below.collateral,
    )


def _claims(evidence: bytes) -> Claims:
    parsed = AzureEvidence.parse(evidence)
    below: Mapping[str, Fact]
    if parsed.hcl.hardware == "snp":
        below = describe_report(SnpReport.parse(parsed.hcl.hardware_report))
    else:
        below = describe_quote(TdxQuote.parse(parsed.td_quote))
    key = parsed.hcl.claims.attestation_key
    told = _behind(parsed.hcl.hardware, below) | quote_facts(parsed.quote, parsed.registers, key)
    return Claims(what="Azure evidence", facts=told | describe_azure(parsed.hcl))


def _template(evidence: bytes, source: str) -> str:
    return policy_template_azure(AzureEvidence.parse(evidence), source)


def _behind(name: str, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {f"{name}.{key}": value for key, value in facts.items()}


AZURE: Final = Kind(_verify, _appraise, _view, _claims, _template)
