# SPDX-License-Identifier: Apache-2.0
"""Which registers of a quote a log must lead to: RTMRs of a TD, PCRs of a TPM. Nothing is verified.

Azure's evidence has a TPM's quote in it, and that is taken: the logs are those of its vTPM.

A firmware's log must account for the firmware's registers whether it mentions them or not. Logs of
other kinds are of a part of what happened, and answer for the registers that they extend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from troth.errors import UsageError
from troth.evidence.azure import AzureEvidence
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.evidence.detect import Tee, detect_tee
from troth.evidence.eventlog.banks import BANKS
from troth.evidence.eventlog.columns import Log
from troth.evidence.eventlog.mapping import RegisterMap
from troth.evidence.eventlog.replay import replay
from troth.evidence.eventlog.report import due_registers
from troth.evidence.tdx import TdxQuote
from troth.evidence.tdx.layout import RTMR_COUNT
from troth.evidence.tpm import TpmEvidence
from troth.infra.files import read_bounded
from troth.policy.bundle_judgement import is_bundle_evidence

__all__ = ["quoted_registers"]

# TCG PC Client Platform Firmware Profile 1.06, 3.3.4: of these the firmware keeps the account.
_FIRMWARE_PCRS: Final = tuple(f"pcr{number}" for number in range(8))
_OTHERS: Final[Mapping[Tee, str]] = {
    "sgx": "an SGX quote",
    "snp": "an SNP report",
    "cca": "a CCA token",
    "cove": "a CoVE token",
}


def quoted_registers(
    path: str, log: Log, mapping: RegisterMap, bank: str | None
) -> dict[str, bytes]:
    """Return those registers in a quote that a log must lead to.

    Args:
        path: of a TDX quote, or of the JSON that `troth verify` takes from a TPM or an Azure VM.
        log: that is to be compared.
        mapping: which number in the log is which register.
        bank: of a TPM's registers; None for the longest digests that quote and log have.

    Raises:
        UsageError: `usage.file`; `usage.arguments`, evidence of another kind; `usage.register`,
            there is no such register, or the log has not its bank.
        MalformedError: as `detect_tee`, and as the parser of the kind.
    """
    data = read_bounded(path, BUNDLE_MAX_BYTES)
    tee = None if is_bundle_evidence(data) else detect_tee(data)
    if tee == "tpm":
        return _due_pcrs(log, TpmEvidence.parse(data).registers, mapping, bank)
    if tee == "azure":
        return _due_pcrs(log, AzureEvidence.parse(data).registers, mapping, bank)
    if tee != "tdx":
        what = "an evidence bundle" if tee is None else _OTHERS[tee]
        taken = "a TDX quote, a TPM's quote or Azure's evidence is taken"
        raise UsageError("usage.arguments", f"--quote {path}: {what}; {taken}")
    body = TdxQuote.parse(data).body
    values = {f"rtmr{n}": bytes(getattr(body, f"rtmr{n}")) for n in range(RTMR_COUNT)}
    return due_registers(log, values, mapping)


def _due_pcrs(
    log: Log,
    quoted: Mapping[str, Mapping[int, bytes]],
    mapping: RegisterMap,
    bank: str | None,
) -> dict[str, bytes]:
    both = [one for one in quoted if one in log.banks and bank in (one, None)]
    if not both:
        has, held = ", ".join(quoted) or "none", ", ".join(log.banks) or "none"
        asked = "" if bank is None else f"no {bank}: "
        raise UsageError("usage.register", f"{asked}the quote has {has}, the log has {held}")
    chosen = max(both, key=lambda one: BANKS[one].size)
    names = set(replay(log.extends(chosen), mapping))
    # Also where another log goes on behind the firmware's.
    names |= set(_FIRMWARE_PCRS if log.kind.partition("+")[0] == "tpm" else ())
    values = {f"pcr{number}": value for number, value in quoted[chosen].items()}
    due = {name: value for name, value in values.items() if name in names}
    if not due:
        raise UsageError(
            "usage.register", f"under the mapping {mapping.name} the log extends no quoted PCR"
        )
    return due
