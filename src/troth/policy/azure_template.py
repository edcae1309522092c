# SPDX-License-Identifier: Apache-2.0
"""A commented policy for Azure's confidential VMs, written from the values that evidence shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.azure import AzureEvidence, HclReport
from troth.evidence.snp import SnpReport
from troth.evidence.tdx import TdxQuote
from troth.policy.snp_template import policy_template_snp
from troth.policy.template import policy_template
from troth.policy.tpm_template import tpm_section

__all__ = ["policy_template_azure"]

_ANY: Final = '"any"'


def policy_template_azure(evidence: AzureEvidence, source: str) -> str:
    """Return the text of a policy that accepts VMs like this one: three sections.

    Args:
        evidence: parsed evidence; nothing of it has been verified.
        source: a name for it, such as the file's.

    Raises:
        MalformedError: the hardware's report inside is none.
    """
    if evidence.hcl.hardware == "tdx":
        text = policy_template(TdxQuote.parse(evidence.td_quote), source)
    else:
        report = SnpReport.parse(evidence.hcl.hardware_report)
        text = policy_template_snp(report, report.product, source)
    key = evidence.hcl.claims.attestation_key.spki_sha256
    own = _section(evidence.hcl) + "\n" + tpm_section(evidence.quote, evidence.registers, key)
    head, start, hardware = text.partition("\n[")
    return f"{head}\n{own}{start}{hardware}"


def _section(hcl: HclReport) -> str:
    """Return the section `[azure]`."""
    configuration = hcl.claims.vm_configuration
    vm = configuration.vm_unique_id
    lines = [
        "[azure]",
        "# The hardware under the paravisor: snp, tdx.",
        f"hardware = {_list(hcl.hardware)}",
        "# Secure boot: require, or any. A console of the host: forbid, or any.",
        f'secure_boot = "{"require" if configuration.secure_boot else "any"}"',
        f'console = "{"forbid" if configuration.console_enabled is False else "any"}"',
        f"vm_unique_id = {_ANY if vm is None else _list(vm)}",
        "# Up to 64 bytes each, zeros behind.",
        f"user_data = {_list(hcl.claims.user_data.lower())}",
    ]
    return "\n".join(lines) + "\n"


def _list(value: str) -> str:
    return f'["{value}"]'
