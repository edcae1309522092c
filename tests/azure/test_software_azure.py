# SPDX-License-Identifier: Apache-2.0
"""The software Azure VM: its directory, its vTPM, what it refuses, and how its report is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.azure.table import (
    CHALLENGE,
    EVIDENCE,
    ON_SNP,
    ON_TDX,
    SNP_INPUTS,
    TDX,
    TDX_INPUTS,
    TPM,
)
from tests.refusals import refused
from tests.tdx import AT
from troth.errors import MalformedError
from troth.evidence.azure import AzureEvidence, HclReport, describe_azure
from troth.tsm.emulated import tpm
from troth.tsm.emulated.azure import Settings, SoftwareAzure, create_in, load, opened
from troth.verify.azure import verify_azure

VMS: Final = {"tdx": ON_TDX, "snp": ON_SNP}
REPORT: Final = AzureEvidence.parse(EVIDENCE["tdx"]).hcl.build()


def verify(evidence: bytes) -> object:
    return verify_azure(evidence, snp=SNP_INPUTS, tdx=TDX_INPUTS, at=AT, challenge=CHALLENGE).value


@pytest.mark.parametrize("kind", VMS)
def test_what_is_saved_is_read_back_and_genuine(kind: str, tmp_path: Path) -> None:
    create_in(tmp_path / "vm", VMS[kind])
    again = load(tmp_path / "vm")
    assert again.kind == kind
    assert again.root_pem == VMS[kind].root_pem
    verify(again.evidence(CHALLENGE))


def test_what_the_vtpm_is_extended_with_is_kept(tmp_path: Path) -> None:
    create_in(tmp_path / "vm", ON_TDX)
    before = load(tmp_path / "vm").tpm.registers()["sha256"][14]
    with opened(tmp_path / "vm") as vm:
        vm.tpm.event(14, b"kept")
    after = load(tmp_path / "vm")
    assert after.tpm.registers()["sha256"][14] != before
    verify(after.evidence(CHALLENGE))


@pytest.mark.parametrize("name", ["tee.json", "tpm/tee.json", "hardware/tee.json"])
def test_a_missing_part_is_noticed(name: str, tmp_path: Path) -> None:
    create_in(tmp_path / "vm", ON_TDX)
    (tmp_path / "vm" / name).unlink()
    with refused("tsm.state"):
        load(tmp_path / "vm")


@pytest.mark.parametrize("change", [{"kind": "tpm"}, {"hardware": "snp"}, {"version": 2}])
def test_a_state_that_is_not_one_is_noticed(change: dict[str, Any], tmp_path: Path) -> None:
    create_in(tmp_path / "vm", ON_TDX)
    path = tmp_path / "vm" / "tee.json"
    state = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps(state), encoding="utf-8")
    with refused("tsm.state"):
        load(tmp_path / "vm")


def test_a_vtpm_of_another_kind_is_refused(tmp_path: Path) -> None:
    point = tpm.SoftwareTpm.create(tpm.Settings(), at=AT)
    with pytest.raises(ValueError, match="RSA"):
        SoftwareAzure(Settings(), TDX, point)
    create_in(tmp_path / "vm", ON_TDX)
    for path in (tmp_path / "vm" / "tpm").rglob("*"):
        if path.is_file():
            path.unlink()
    for folder in ("keys", "certificates"):
        (tmp_path / "vm" / "tpm" / folder).rmdir()
    tpm.create_in(tmp_path / "vm" / "tpm", point)
    with refused("tsm.state", "RSA"):
        load(tmp_path / "vm")


@given(st.data())
def test_only_our_errors_leave_the_readers(data: st.DataObject) -> None:
    raw = bytearray(REPORT)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for one in (bytes(raw), bytes(raw[: data.draw(st.integers(0, len(raw)))])):
        try:
            report = HclReport.parse(one)
        except MalformedError:
            continue
        built = report.build()
        assert HclReport.parse(built) == report


@given(st.binary(max_size=300))
def test_only_our_errors_leave_the_evidence_reader(data: bytes) -> None:
    with pytest.raises(MalformedError):
        AzureEvidence.parse(data)


def test_facts_have_names_and_plain_values() -> None:
    facts = describe_azure(HclReport.parse(REPORT))
    assert facts == {
        "hcl_version": 2,
        "hardware": "tdx",
        "hcl_ak_sha256": TPM.key.public.spki_sha256.hex(),
        "user_data": "00" * 64,
        "console_enabled": False,
        "secure_boot": True,
        "tpm_enabled": True,
        "tpm_persisted": False,
        "root_cert_thumbprint": None,
        "vm_unique_id": "00000000-0000-4000-8000-000000000000",
    }
