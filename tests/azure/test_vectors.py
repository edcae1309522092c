# SPDX-License-Identifier: Apache-2.0
"""Real evidence of Azure VMs, past what it is described as: other instants, quotes, collateral."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.manifests.azure import FOLDER, NONCE, WHOLE, evidence_of, verified
from tests.refusals import refused
from troth.endorse.intel import parse_bundle
from troth.evidence.azure import AzureEvidence
from troth.verify import INTEL_SGX_ROOT, Anchors, ChipId, Revocation
from troth.verify.azure import SnpInputs, TdxInputs, verify_azure


@pytest.mark.parametrize("name", [one for one in WHOLE if one.startswith("snp")])
def test_before_its_certificate_it_is_stale(name: str, vectors: Path) -> None:
    with refused("chain.not-yet-valid"):
        verified(vectors, name, WHOLE[name][1], datetime(2025, 1, 1, tzinfo=UTC))


def test_a_quote_of_one_vm_in_the_evidence_of_another(vectors: Path) -> None:
    one, other = (
        json.loads(evidence_of(vectors / FOLDER / name))
        for name in ("snp-evidence-v1.json", "tdx-evidence-v1.json")
    )
    swapped = json.dumps(one | {"tpm_quote": other["tpm_quote"]}).encode()
    parsed = AzureEvidence.parse(swapped)
    with refused("tpm.signature"):
        parsed.hcl.claims.attestation_key.verify(
            "sha256", parsed.signature.value, parsed.message, "tpm.signature"
        )


def test_collateral_of_the_platform_judges_the_td(vectors: Path) -> None:
    names = [*(vectors / "intel-collateral").glob("tdx-00806f050000-*.json")]
    bundles = tuple(parse_bundle(path.read_bytes(), path.name) for path in sorted(names))
    assert bundles
    for bundle in bundles:
        at = bundle.window.start
        facts = verify_azure(
            evidence_of(vectors / FOLDER / "tdx-evidence-v1.json"),
            snp=SnpInputs(
                certificates=(),
                crls=(),
                anchors=Anchors([]),
                revocation=Revocation.REQUIRED,
                chip=ChipId.NAMED,
            ),
            tdx=TdxInputs(collateral=(bundle,), anchors=Anchors([INTEL_SGX_ROOT])),
            at=at,
            challenge=NONCE,
        ).value
        assert facts.anchor is INTEL_SGX_ROOT
