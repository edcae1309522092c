# SPDX-License-Identifier: Apache-2.0
"""AMD SEV-SNP: reports, judged by certificates under AMD's roots.

Whether a revocation list and the chip's name are due, the policy says; without one, the caller.
"""

from __future__ import annotations

from typing import Final

from troth.endorse.amd import SnpCollateral
from troth.evidence.snp import SnpReport, describe_report
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.snp import appraise_snp
from troth.policy.snp_template import policy_template_snp
from troth.policy.views import CollateralView, FactsView
from troth.verify import ChipId, Revocation, Trace, Verified
from troth.verify.snp import SnpFacts, describe_snp, verify_snp
from troth.wire.text import format_instant

__all__ = ["SNP", "snp_demands", "snp_view"]


def snp_demands(options: JudgeOptions) -> tuple[Revocation, ChipId]:
    """Return whether a revocation list, and the chip's name, are due."""
    section = None if options.policy is None else options.policy.snp
    if section is None:
        return options.endorsements.revocation, options.endorsements.chip
    return section.revocation, section.chip


def snp_view(facts: SnpFacts) -> FactsView:
    """Return what is shown of a genuine report; AMD publishes no status of a TCB."""
    return FactsView(
        anchor=facts.anchor.name,
        facts=describe_snp(facts),
        collateral=_collateral(facts.collateral),
    )


def _collateral(used: SnpCollateral) -> CollateralView:
    start, end = used.window
    return CollateralView(
        source=used.source,
        sha256=used.sha256.hex(),
        valid_from=format_instant(start),
        valid_until=format_instant(end),
        evaluation_number=None,
    )


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[SnpFacts]:
    revocation, chip = snp_demands(options)
    return verify_snp(
        evidence,
        collateral=options.endorsements.snp,
        anchors=options.anchors,
        at=options.at,
        report_data=options.report_data,
        revocation=revocation,
        chip=chip,
        trace=trace,
    )


def _appraise(verified: Verified[SnpFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.snp, "snp", policy, trace)
    appraise_snp(verified, section, name=policy.name, trace=trace)


def _claims(evidence: bytes) -> Claims:
    return Claims(what="SNP report", facts=describe_report(SnpReport.parse(evidence)))


def _template(evidence: bytes, source: str) -> str:
    report = SnpReport.parse(evidence)
    return policy_template_snp(report, report.product, source)


SNP: Final = Kind(_verify, _appraise, snp_view, _claims, _template)
