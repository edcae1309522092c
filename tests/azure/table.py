# SPDX-License-Identifier: Apache-2.0
"""What the tables on Azure's VMs share: one VM on each hardware, one fault at a time, what is due.

Every fault is reported on and signed over again, so that nothing but the named thing is wrong;
`test_sound.py` shows that the originals are accepted. Faults of the hardware's own evidence are in
the tables of its kind; here is one of each, to show that its verifier is asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.tdx import AT
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.errors import CODES, TrothError
from troth.evidence.azure import AzureEvidence
from troth.policy import azure, snp, tdx, tpm
from troth.policy.azure import AzureSections, appraise_azure
from troth.policy.azure_template import policy_template_azure
from troth.tsm.emulated.azure import Settings, SoftwareAzure
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tpm import Settings as TpmSettings
from troth.tsm.emulated.tpm import SoftwareTpm
from troth.verify import Anchor, Anchors, AnyValue, ChipId, Revocation, Trace
from troth.verify.azure import AzureFacts, SnpInputs, TdxInputs, verify_azure

Change = Any  # the keyword arguments of AzureChanges, by a case's choice

CHALLENGE: Final = bytes(range(32))
TDX: Final = SoftwareTdx.create(at=AT)
SNP: Final = SoftwareSnp.create(at=AT)
TPM: Final = SoftwareTpm.create(TpmSettings(key="RSA"), at=AT)
OTHER_TPM: Final = SoftwareTpm.create(TpmSettings(key="RSA"), at=AT)
ON_TDX: Final = SoftwareAzure(Settings(), TDX, TPM)
ON_SNP: Final = SoftwareAzure(Settings(hcl_version=1), SNP, TPM)
EVIDENCE: Final = {"tdx": ON_TDX.evidence(CHALLENGE), "snp": ON_SNP.evidence(CHALLENGE)}

TDX_INPUTS: Final = TdxInputs(
    collateral=(parse_bundle(TDX.bundle(), "bundle"),),
    anchors=Anchors([Anchor.of(Certificate(TDX.pki.certificates["root"]))]),
)
SNP_INPUTS: Final = SnpInputs(
    certificates=tuple(PssCertificate(SNP.pki.certificates[role]) for role in ("ask", "ark")),
    crls=(PssCrl(SNP.crl),),
    anchors=Anchors([Anchor.of(PssCertificate(SNP.pki.certificates["ark"]))]),
    revocation=Revocation.REQUIRED,
    chip=ChipId.NAMED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    evidence: bytes = EVIDENCE["tdx"]
    snp: SnpInputs = SNP_INPUTS
    tdx: TdxInputs = TDX_INPUTS
    at: datetime = AT
    challenge: bytes | type[AnyValue] = CHALLENGE
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as."""

    hardware: str = "tdx"
    registers: int = 24


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path. Anything but a TrothError escapes: it would be our bug."""
    trace = Trace()
    try:
        verified = verify_azure(
            given.evidence,
            snp=given.snp,
            tdx=given.tdx,
            at=given.at,
            challenge=given.challenge,
            trace=trace,
        )
        if given.policy is not None:
            appraise_azure(verified, sections(given.policy), name="p.toml", trace=trace)
        return _accepted(verified.value)
    except TrothError as error:
        assert [one.verdict for one in trace][-1:] != ["held"] or given.policy is not None
        return Refused(error.code, type(error).__name__)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


def _accepted(facts: AzureFacts) -> Accepted:
    return Accepted(hardware=facts.hcl.hardware, registers=len(facts.quoted.registers["sha256"]))


def on_tdx(**changes: Change) -> Given:
    return Given(evidence=ON_TDX.evidence(CHALLENGE, **changes))


def on_snp(**changes: Change) -> Given:
    return Given(evidence=ON_SNP.evidence(CHALLENGE, **changes))


def hcl(offset: int, value: bytes) -> Given:
    """Return evidence with other bytes in the HCL report, which no signature covers there."""
    return on_tdx(hcl=lambda data: with_bytes(data, offset, value))


def with_bytes(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


# --- policies -------------------------------------------------------------------------------------


def template(evidence: bytes) -> str:
    """Return a policy that accepts such evidence: the three sections of its VM."""
    return policy_template_azure(AzureEvidence.parse(evidence), "evidence")


_READERS: Final[dict[str, tuple[Any, Mapping[str, Callable[[Any], Any]]]]] = {
    "azure": (azure.AzurePolicy, azure.CONVERTERS),
    "tpm": (tpm.TpmPolicy, tpm.CONVERTERS),
    "snp": (snp.SnpPolicy, snp.CONVERTERS),
    "tdx": (tdx.TdxPolicy, tdx.CONVERTERS),
}


def sections(text: str) -> AzureSections:
    """Read the sections of a policy; a misspelt or missing key is an error."""
    document = tomllib.loads(text)
    document.pop("version", None)  # goes with the first section, where that is left out
    found: dict[str, Any] = dict.fromkeys(_READERS)
    for name, raw in document.items():
        kind, converters = _READERS[name]
        assert raw.keys() == set(kind.__struct_fields__)
        found[name] = kind(**{key: converters[key](value) for key, value in raw.items()})
    return AzureSections(**found)
