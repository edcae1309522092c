# SPDX-License-Identifier: Apache-2.0
"""The software TPM: registers, directory, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.tdx import AT
from tests.tpm.table import BANKS, CHALLENGE, SOUND, TPM, anchors_of
from troth.evidence.tpm import PcrSelection, TpmEvidence
from troth.tsm.emulated.tpm import Settings, SoftwareTpm, create_in, load, opened
from troth.tsm.emulated.tpm.pki import ROLES
from troth.verify.tpm import verify_tpm


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a software TPM in it."""
    create_in(tmp_path / "tpm", SoftwareTpm.create(Settings(banks=("sha1", "sha384")), at=AT))
    return tmp_path / "tpm"


def test_registers_begin_as_after_a_reset() -> None:
    registers = BANKS.registers()
    assert list(registers) == ["sha1", "sha256", "sha384", "sha512"]
    for bank, values in registers.items():
        size = hashlib.new(bank).digest_size
        assert {values[n] for n in (*range(17), 23)} == {bytes(size)}
        assert {values[n] for n in range(17, 23)} == {b"\xff" * size}


def test_an_event_extends_every_bank() -> None:
    tpm = SoftwareTpm.create(Settings(banks=("sha1", "sha512")), at=AT)
    tpm.event(14, b"what happened")
    for bank, values in tpm.registers().items():
        digest = hashlib.new(bank, b"what happened").digest()
        assert values[14] == hashlib.new(bank, bytes(len(digest)) + digest).digest()


def test_one_bank_alone_can_be_extended() -> None:
    tpm = SoftwareTpm.create(Settings(banks=("sha1", "sha256")), at=AT)
    tpm.extend(0, {"sha256": bytes(32)})
    assert tpm.registers()["sha1"][0] == bytes(20)
    assert tpm.registers()["sha256"][0] == hashlib.sha256(bytes(64)).digest()


@pytest.mark.parametrize(
    ("index", "digests"),
    [
        (24, {"sha256": bytes(32)}),
        (-1, {"sha256": bytes(32)}),
        (0, {"sha256": bytes(31)}),
        (0, {"sha384": bytes(48)}),
    ],
)
def test_what_cannot_be_extended_changes_nothing(index: int, digests: dict[str, bytes]) -> None:
    tpm = SoftwareTpm.create(SOUND, at=AT)
    before = tpm.registers()
    with refused("tsm.register"):
        tpm.extend(index, digests)
    assert tpm.registers() == before


def test_a_challenge_has_66_bytes_at_most() -> None:
    with refused("tsm.report-data"):
        TPM.evidence(bytes(67))


def test_settings_are_held_to_their_ranges() -> None:
    with pytest.raises(ValueError, match="banks"):
        SoftwareTpm.create(Settings(banks=()), at=AT)
    with pytest.raises(ValueError, match="time zone"):
        SoftwareTpm.create(SOUND, at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


def test_what_is_saved_is_read_back(directory: Path) -> None:
    first, second = load(directory), load(directory)
    assert first.registers() == second.registers()
    assert first.root_pem == (directory / "root.pem").read_bytes()
    evidence = second.evidence(CHALLENGE)
    verify_tpm(evidence, anchors=anchors_of(first), at=AT, challenge=CHALLENGE)


def test_what_is_extended_is_kept_also_by_an_error(directory: Path) -> None:
    def spoilt() -> None:
        with opened(directory) as tpm:
            tpm.event(14, b"kept")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        spoilt()
    digest = hashlib.sha384(b"kept").digest()
    assert load(directory).registers()["sha384"][14] == hashlib.sha384(bytes(48) + digest).digest()


def test_keys_are_private(directory: Path) -> None:
    for role in ROLES:
        assert stat.S_IMODE((directory / "keys" / f"{role}.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / "keys").stat().st_mode) == 0o700


def test_a_directory_that_holds_something_is_left_alone(directory: Path) -> None:
    with pytest.raises(FileExistsError):
        create_in(directory, TPM)


@pytest.mark.parametrize("name", ["tee.json", "keys/ak.pem", "certificates/ca.der"])
def test_a_missing_file_is_noticed(name: str, directory: Path) -> None:
    (directory / name).unlink()
    with refused("tsm.state"):
        load(directory)


def test_a_key_of_another_is_noticed(directory: Path) -> None:
    (directory / "keys" / "ak.pem").write_bytes(TPM.key.pem())
    with refused("tsm.state", "another key"):
        load(directory)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "tdx"},
        {"version": 2},
        {"registers": {"sha1": ["00" * 20] * 24}},
        {"registers": {"sha1": ["00" * 20] * 23, "sha384": ["00" * 48] * 24}},
        {"registers": {"sha1": ["00" * 20] * 24, "sha384": ["00" * 47] * 24}},
        {"unknown": 1},
    ],
)
def test_a_state_that_is_not_one_is_noticed(change: dict[str, Any], directory: Path) -> None:
    path = directory / "tee.json"
    state = json.loads(path.read_text(encoding="utf-8")) | change
    path.write_text(json.dumps(state), encoding="utf-8")
    with refused("tsm.state"):
        load(directory)


def test_a_setting_of_another_key_is_noticed(directory: Path) -> None:
    path = directory / "tee.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    state["settings"]["key"] = "RSA"
    path.write_text(json.dumps(state), encoding="utf-8")
    with refused("tsm.state", "attestation key"):
        load(directory)


def test_there_must_be_a_directory(tmp_path: Path) -> None:
    with refused("tsm.state"), opened(tmp_path / "nowhere"):
        pass


def test_a_change_before_signing_is_signed() -> None:
    selections = (PcrSelection("sha256", (1,)),)
    evidence = TPM.evidence(
        CHALLENGE, selections, quote=lambda one: replace(one, firmware_version=7)
    )
    parsed = TpmEvidence.parse(evidence)
    assert parsed.quote.firmware_version == 7
    TPM.key.public.verify("sha256", parsed.signature.value, parsed.message, "tpm.signature")
