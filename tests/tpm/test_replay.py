# SPDX-License-Identifier: Apache-2.0
"""`troth replay --quote` with a TPM's quote: which of its registers a log must lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import pytest

from tests.eventlog.logs import ima_list
from tests.program import Outcome, troth
from tests.tdx import AT
from troth.evidence.eventlog import TcgEvent, build_ima_ascii, build_tpm_log
from troth.evidence.tpm import PcrSelection
from troth.tsm.emulated.azure import Settings as AzureSettings
from troth.tsm.emulated.azure import SoftwareAzure
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tdx.settings import Settings as TdxSettings
from troth.tsm.emulated.tpm import Settings, SoftwareTpm
from troth.tsm.emulated.tpm.settings import Bank

CHALLENGE: Final = bytes(32)
SEPARATOR: Final = 0x4
IPL: Final = 0xD
BANKS: Final[tuple[Bank, ...]] = ("sha1", "sha256")
EVENTS: Final = (
    (0, SEPARATOR, bytes(4)),
    (4, IPL, b"loader"),
    (4, SEPARATOR, bytes(4)),
    (9, IPL, b"initrd"),
)


def log() -> bytes:
    events = [TcgEvent.of_data(*one, banks=BANKS) for one in EVENTS]
    return build_tpm_log(events, banks=BANKS)


def booted(*more: tuple[int, bytes], key: Literal["RSA", "P-256"] = "P-256") -> SoftwareTpm:
    """A TPM that the boot of the log, and more, was measured into."""
    tpm = SoftwareTpm.create(Settings(banks=BANKS, key=key), at=AT)
    for index, data in (*((index, data) for index, _, data in EVENTS), *more):
        tpm.event(index, data)
    return tpm


def compared(folder: Path, evidence: bytes, *options: str, data: bytes | None = None) -> Outcome:
    """Replay a log against a quote."""
    (folder / "log").write_bytes(log() if data is None else data)
    (folder / "evidence.json").write_bytes(evidence)
    return troth("replay", folder / "log", "--quote", folder / "evidence.json", "--json", *options)


def of_sha256() -> bytes:
    events = [TcgEvent.of_data(*one, banks=("sha256",)) for one in EVENTS]
    return build_tpm_log(events, banks=("sha256",))


def verdicts(told: dict[str, Any]) -> dict[str, str]:
    return {one["register"]: one["verdict"] for one in told["registers"]}


def test_firmwares_registers_must_match_and_those_that_the_log_extends(tmp_path: Path) -> None:
    done = compared(tmp_path, booted((14, b"the system's")).evidence(CHALLENGE))
    told = done.json()
    assert (done.status, told["bank"]) == (0, "sha256")
    due = [f"pcr{number}" for number in (*range(8), 9)]
    assert verdicts(told) == dict.fromkeys(due, "matched")
    assert "the quote was not verified" in done.err


@pytest.mark.parametrize("index", [2, 4])
def test_a_register_of_firmwares_that_the_log_does_not_lead_to_is_wrong(
    index: int, tmp_path: Path
) -> None:
    """Also of one that the log does not mention: what it says nothing of did not happen."""
    done = compared(tmp_path, booted((index, b"not in the log")).evidence(CHALLENGE))
    told = done.json()
    assert (done.status, told["code"]) == (4, "eventlog.wrong")
    assert [name for name, one in verdicts(told).items() if one == "wrong"] == [f"pcr{index}"]


def test_the_bank_is_the_one_asked_for(tmp_path: Path) -> None:
    done = compared(tmp_path, booted().evidence(CHALLENGE), "--bank", "sha1")
    assert (done.status, done.json()["bank"]) == (0, "sha1")
    evidence = booted().evidence(CHALLENGE, (PcrSelection("sha1", (0, 4)),))
    done = compared(tmp_path, evidence)
    assert (done.status, done.json()["bank"]) == (0, "sha1")
    done = compared(tmp_path, evidence, "--bank", "sha256")
    assert (done.status, done.json()["code"]) == (2, "usage.register")
    assert "no sha256: the quote has sha1, the log has sha1, sha256" in done.json()["detail"]
    done = compared(tmp_path, booted().evidence(CHALLENGE), "--bank", "sha1", data=of_sha256())
    assert (done.status, done.json()["code"]) == (2, "usage.register")
    assert "no sha1: the quote has sha1, sha256, the log has sha256" in done.json()["detail"]


def test_a_tpm_into_which_nothing_was_measured_proves_no_log(tmp_path: Path) -> None:
    nothing = SoftwareTpm.create(Settings(banks=BANKS), at=AT).evidence(CHALLENGE)
    done = compared(tmp_path, nothing)
    assert (done.status, done.json()["code"]) == (4, "eventlog.unproven")


def test_of_azures_evidence_the_vtpms_quote_is_taken(tmp_path: Path) -> None:
    azure = SoftwareAzure(
        AzureSettings(), SoftwareTdx.create(TdxSettings(), at=AT), booted(key="RSA")
    )
    done = compared(tmp_path, azure.evidence(CHALLENGE))
    said = verdicts(done.json())
    assert (done.status, said["pcr9"], done.json()["bank"]) == (0, "matched", "sha256")
    azure.tpm.event(4, b"not in the log")
    done = compared(tmp_path, azure.evidence(CHALLENGE))
    assert (done.status, verdicts(done.json())["pcr4"]) == (4, "wrong")


def test_registers_that_were_not_quoted_are_not_compared(tmp_path: Path) -> None:
    evidence = booted((4, b"x")).evidence(CHALLENGE, (PcrSelection("sha256", (0, 9)),))
    done = compared(tmp_path, evidence)
    compared_to = {one: said for one, said in verdicts(done.json()).items() if said == "matched"}
    assert (done.status, set(compared_to)) == (0, {"pcr0", "pcr9"})


def test_a_quote_of_nothing_that_the_log_extends_is_no_comparison(tmp_path: Path) -> None:
    evidence = booted().evidence(CHALLENGE, (PcrSelection("sha256", (14,)),))
    done = compared(tmp_path, evidence)
    assert (done.status, done.json()["code"]) == (2, "usage.register")
    done = compared(tmp_path, booted().evidence(CHALLENGE), "--mapping", "rtmr")
    assert (done.status, done.json()["code"]) == (2, "usage.register")


def test_what_is_no_quote_is_malformed(tmp_path: Path) -> None:
    done = compared(tmp_path, b'{"kind": "tpm-quote"}')
    assert (done.status, done.json()["code"]) == (3, "json.type")
    done = compared(tmp_path, b'{"kind": "tpm-quote"')
    assert (done.status, done.json()["code"]) == (3, "json.syntax")


@pytest.mark.parametrize(("index", "status"), [(14, 0), (2, 4)])
def test_a_list_behind_firmwares_log_takes_nothing_from_what_is_due(
    index: int, status: int, tmp_path: Path
) -> None:
    fields = [b"sha256:\0" + bytes(32)]
    listed = ima_list([(b"ima-ng", [*fields, name]) for name in (b"/init\0", b"/bin/sh\0")])
    (tmp_path / "ima").write_bytes(build_ima_ascii(listed))
    tpm = booted((index, b"not in the log"))
    for digest in listed.extends("sha256").digests:
        tpm.extend(10, {"sha256": digest})
    done = compared(tmp_path, tpm.evidence(CHALLENGE), "--continued-by", str(tmp_path / "ima"))
    assert done.status == status
    said = verdicts(done.json())
    assert said["pcr10"] == "matched"
    assert set(said) >= {f"pcr{number}" for number in range(8)}
