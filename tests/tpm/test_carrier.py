# SPDX-License-Identifier: Apache-2.0
"""A TPM as the carrier of an epoch, and as the keeper of the root register (BINDING 4.3, 4.6)."""

from __future__ import annotations

import hashlib

import pytest

from tests.binding.values import EPOCH, ROOT
from tests.refusals import refused
from tests.tdx import AT
from tests.tpm.table import SOUND, TPM, anchors_of
from troth.evidence.binding.labels import root_event
from troth.evidence.tpm import ROOT_REGISTERS, root_register
from troth.tsm.emulated.tpm import Settings, SoftwareTpm
from troth.verify.tpm import verify_tpm


def verify(challenge: bytes, expected: bytes) -> bytes:
    evidence = TPM.evidence(challenge)
    verified = verify_tpm(evidence, anchors=anchors_of(TPM), at=AT, challenge=expected)
    return verified.value.quoted.quote.extra_data


def test_an_epoch_has_a_form_of_32_bytes_of_its_own() -> None:
    assert EPOCH.report_data_32 == hashlib.sha256(b"troth/epoch/v1\0" + EPOCH.encoded).digest()
    assert verify(EPOCH.report_data_32, EPOCH.report_data_32) == EPOCH.report_data_32
    for other in (EPOCH.report_data, EPOCH.report_data[:32]):
        with refused("tpm.challenge"):
            verify(other, EPOCH.report_data_32)


@pytest.mark.parametrize("bank", ["sha256", "sha384", "sha512"])
def test_a_register_holds_the_root_statement_by_the_bank_s_own_hash(bank: str) -> None:
    tpm = SoftwareTpm.create(Settings(banks=(bank,)), at=AT)  # type: ignore[arg-type]  # one of four
    size = hashlib.new(bank).digest_size
    tpm.event(15, b"troth/root/v1\0" + ROOT.encoded)
    assert tpm.registers()[bank][15] == root_register(ROOT, bytes(size), bank)
    assert root_register(ROOT, b"\1" * size, bank) != root_register(ROOT, bytes(size), bank)


def test_whoever_came_first_shows() -> None:
    tpm = SoftwareTpm.create(SOUND, at=AT)
    tpm.event(15, b"somebody else")
    tpm.event(15, root_event(ROOT.encoded))
    assert tpm.registers()["sha256"][15] != root_register(ROOT, bytes(32), "sha256")


@pytest.mark.parametrize(("bank", "size"), [("sha1", 20), ("sm3_256", 32), ("sha256", 31)])
def test_a_bank_that_cannot_be_one_is_refused(bank: str, size: int) -> None:
    with pytest.raises(ValueError, match="no value"):
        root_register(ROOT, bytes(size), bank)


def test_registers_that_software_resets_are_none() -> None:
    assert not {16, *range(17, 23), 23} & set(ROOT_REGISTERS)
