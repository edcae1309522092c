# SPDX-License-Identifier: Apache-2.0
"""The appraisal of an Azure confidential VM.

1. the evidence is well-formed: HCL report, runtime claims, quote, registers
2. the hardware report inside the HCL report names the runtime claims: its report data is their
   SHA-256 and zeros
3. the hardware report is genuine by the rules of its kind, over that report data; under TDX this
   is the TD quote, for a TDREPORT counts on its own machine alone; under SNP it was asked for at
   level 0, where the paravisor is, for a guest could put a key of its own into claims of its own
4. the attestation key of the runtime claims signed the vTPM's quote, whose extra data is what the
   caller expects, and whose digest is that of the registers given

The caller's challenge is in the quote and not in the hardware report, which the paravisor makes
once: freshness hangs on the attestation key, and the report may be as old as the VM's boot.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.digest import same
from troth.errors import TrothError
from troth.evidence.azure import AzureEvidence, HclReport
from troth.evidence.azure.layout import TDREPORT_REPORT_DATA
from troth.evidence.snp.layout import REPORT_DATA
from troth.verify.azure.facts import AzureFacts
from troth.verify.azure.hardware import (
    HardwareFacts,
    SnpHardware,
    SnpInputs,
    TdxInputs,
    verify_hardware,
)
from troth.verify.options import AnyValue
from troth.verify.tpm.quote import check_quote
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_azure"]

_FORM: Final = "openhcl_attestation_protocol"
_PARAVISOR: Final = 0  # the privilege level it runs at


def verify_azure(
    evidence: bytes,
    *,
    snp: SnpInputs,
    tdx: TdxInputs,
    at: datetime,
    challenge: bytes | type[AnyValue],
    trace: Trace | None = None,
) -> Verified[AzureFacts]:
    """Return the facts of a genuine Azure confidential VM, judged at `at`.

    Args:
        evidence: the JSON form of `AzureEvidence`, at most 128 KiB.
        snp: what vouches for SNP hardware.
        tdx: what vouches for TDX hardware.
        at: the one instant (aware) that everything is judged at.
        challenge: the extra data that the quote must have, neither padded nor cut.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: configuration of the VM, registers, measurements of the hardware's report, TCB
    status (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    parsed = _well_formed(evidence, trace)  # (1)
    _check_binding(parsed.hcl, trace)  # (2)
    hardware = verify_hardware(  # (3)
        parsed, snp=snp, tdx=tdx, at=at, trace=trace.nested("3.hardware.")
    )
    _check_level(hardware, trace)  # (3)
    quoted = check_quote(  # (4)
        parsed.message,
        parsed.quote,
        parsed.signature,
        parsed.registers,
        key=parsed.hcl.claims.attestation_key,
        challenge=challenge,
        trace=trace.nested("4.quote."),
    )
    return seal(AzureFacts(parsed.hcl, hardware, quoted, at))


def _well_formed(evidence: bytes, trace: Trace) -> AzureEvidence:
    """Step 1."""
    expected = "a paravisor's report and a quote"
    try:
        parsed = AzureEvidence.parse(evidence)
    except TrothError as error:
        trace.failed("1.format", error, expected=expected, source=_FORM)
        raise
    got = f"HCL report {parsed.hcl.version}, {parsed.hcl.hardware}"
    trace.held("1.format", expected=expected, got=got, source=_FORM)
    return parsed


def _check_level(hardware: HardwareFacts, trace: Trace) -> None:
    """Step 3: who asked. A TD has one asker: what runs inside it cannot ask the module."""
    if isinstance(hardware, SnpHardware):
        level = hardware.verified.value.report.vmpl
        trace.check(
            "3.level",
            level == _PARAVISOR,
            "azure.vmpl",
            expected=_PARAVISOR,
            got=level,
            source="AMD 56860, VMPL",
        )


def _check_binding(hcl: HclReport, trace: Trace) -> None:
    """Step 2: over the claims' bytes as carried."""
    where = REPORT_DATA if hcl.hardware == "snp" else TDREPORT_REPORT_DATA
    got = hcl.hardware_report[where]
    trace.check(
        "2.binding",
        same(hcl.report_data, got),
        "azure.binding",
        expected=hcl.report_data,
        got=got,
        source="runtime claims",
    )
