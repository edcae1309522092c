# SPDX-License-Identifier: Apache-2.0
"""What vouches for the hardware under a paravisor, and the call of the verifier of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import final

import msgspec

from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd import SnpCollateral, assemble
from troth.endorse.intel import CollateralSet
from troth.errors import TrothError
from troth.evidence.azure import AzureEvidence
from troth.verify.anchors import Anchors
from troth.verify.options import ChipId, Revocation, WithoutCollateral
from troth.verify.snp import SnpFacts, verify_snp
from troth.verify.tdx import TdxFacts, verify_tdx
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = [
    "HardwareFacts",
    "SnpHardware",
    "SnpInputs",
    "TdxHardware",
    "TdxInputs",
    "verify_hardware",
]


class SnpHardware(msgspec.Struct, frozen=True):
    """What is known of SNP hardware."""

    verified: Verified[SnpFacts]


class TdxHardware(msgspec.Struct, frozen=True):
    """What is known of TDX hardware."""

    verified: Verified[TdxFacts]


HardwareFacts = SnpHardware | TdxHardware


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TdxInputs:
    """As the arguments of `verify_tdx`."""

    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral]
    anchors: Anchors
    evaluation_floor: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SnpInputs:
    """As the arguments of `verify_snp`; the evidence brings the VCEK itself.

    Attributes:
        certificates: of AMD's CAs, in any order.
        crls: lists of the root keys.
        anchors: the root keys to trust.
        revocation: whether a list is due.
        chip: whether the report must name its chip.
    """

    certificates: tuple[PssCertificate, ...]
    crls: tuple[PssCrl, ...]
    anchors: Anchors
    revocation: Revocation
    chip: ChipId


def verify_hardware(
    evidence: AzureEvidence, *, snp: SnpInputs, tdx: TdxInputs, at: datetime, trace: Trace
) -> HardwareFacts:
    """Return the facts of the hardware's report, which must name the runtime claims.

    Raises:
        MalformedError, UntrustedError, StaleError: as `verify_snp` or `verify_tdx`.
    """
    due = evidence.hcl.report_data
    if evidence.hcl.hardware == "tdx":
        quoted = verify_tdx(
            evidence.td_quote,
            collateral=tdx.collateral,
            anchors=tdx.anchors,
            at=at,
            report_data=due,
            evaluation_floor=tdx.evaluation_floor,
            trace=trace,
        )
        return TdxHardware(quoted)
    reported = verify_snp(
        evidence.hcl.hardware_report,
        collateral=_snp_collateral(evidence, snp, trace),
        anchors=snp.anchors,
        at=at,
        report_data=due,
        revocation=snp.revocation,
        chip=snp.chip,
        trace=trace,
    )
    return SnpHardware(reported)


def _snp_collateral(
    evidence: AzureEvidence, snp: SnpInputs, trace: Trace
) -> tuple[SnpCollateral, ...]:
    try:
        return assemble([PssCertificate(evidence.vcek), *snp.certificates], snp.crls, "evidence")
    except TrothError as error:
        trace.failed("2.collateral", error, expected="a VCEK and its CAs", source="evidence")
        raise
