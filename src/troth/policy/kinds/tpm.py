# SPDX-License-Identifier: Apache-2.0
"""TPM 2.0: quotes with their registers, judged by certificates or known attestation keys."""

from __future__ import annotations

from typing import Final

from troth.crypto.tpm_key import TpmKey
from troth.evidence.tpm import Registers, TpmEvidence, TpmQuote, describe_tpm
from troth.policy.document import Policy
from troth.policy.inputs import JudgeOptions
from troth.policy.kinds._kind import Claims, Kind, section_of
from troth.policy.tpm import appraise_tpm
from troth.policy.tpm_template import policy_template_tpm
from troth.policy.views import Fact, FactsView
from troth.verify import Trace, Verified
from troth.verify.tpm import TpmFacts, verify_tpm

__all__ = ["TPM", "quote_facts"]


def quote_facts(quote: TpmQuote, registers: Registers, key: TpmKey) -> dict[str, Fact]:
    """Return what a quote says, and the digest of the key that it says to be signed by."""
    return {**describe_tpm(quote, registers), "ak_sha256": key.spki_sha256.hex()}


def _verify(evidence: bytes, options: JudgeOptions, trace: Trace) -> Verified[TpmFacts]:
    known = options.endorsements.tpm_keys
    return verify_tpm(
        evidence,
        anchors=options.anchors if known is None else known,
        at=options.at,
        challenge=options.report_data,
        trace=trace,
    )


def _appraise(verified: Verified[TpmFacts], policy: Policy, trace: Trace) -> None:
    section = section_of(policy.tpm, "tpm", policy, trace)
    appraise_tpm(verified, section, name=policy.name, trace=trace)


def _view(facts: TpmFacts) -> FactsView:
    quoted = facts.quoted
    told = quote_facts(quoted.quote, quoted.registers, quoted.key)
    return FactsView(anchor=facts.anchor.name, facts=told)


def _claims(evidence: bytes) -> Claims:
    parsed = TpmEvidence.parse(evidence)
    told = quote_facts(parsed.quote, parsed.registers, parsed.ak.key)
    return Claims(what="TPM quote", facts=told)


def _template(evidence: bytes, source: str) -> str:
    parsed = TpmEvidence.parse(evidence)
    return policy_template_tpm(parsed.quote, parsed.registers, parsed.ak.key.spki_sha256, source)


TPM: Final = Kind(_verify, _appraise, _view, _claims, _template)
