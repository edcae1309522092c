# SPDX-License-Identifier: Apache-2.0
"""go-configfs-tsm 0.3.3 and the crate configfs-tsm 0.0.2, unmodified, on views of other kinds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from tests.program import Outcome, troth
from tests.snp import world
from troth.endorse.amd import parse_table
from troth.evidence.cca import CcaToken
from troth.evidence.cove import CoveToken
from troth.evidence.snp import SnpReport
from troth.infra.clock import now
from troth.tsm.emulated import cca, cove, snp
from troth.tsm.emulated.snp.svsm import bound_report_data

REPORT_DATA: Final = bytes(range(64))
PROVIDERS: Final = {"snp": "sev_guest", "cca": "arm_cca_guest", "cove": "cove_guest"}
VTPM: Final = UUID("c476f1eb-0123-45a5-9641-b4e7dde5bfe3")
every_kind = pytest.mark.parametrize("kind", PROVIDERS)


@dataclass(frozen=True)
class Answer:
    """What go-configfs-tsm read."""

    provider: str
    outblob: bytes
    auxblob: bytes
    manifestblob: bytes

    @classmethod
    def of(cls, done: Outcome) -> Answer:
        assert done.status == 0, done.err
        read = json.loads(done.out)
        blobs = {name: bytes.fromhex(read[name]) for name in ("outblob", "auxblob", "manifestblob")}
        return cls(provider=read["provider"], **blobs)


@pytest.fixture(scope="session")
def tees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A software TEE of each kind, and `svsm`, an SNP under one."""
    folder, at = tmp_path_factory.mktemp("tees"), now()
    for name, settings in (("snp", snp.Settings()), ("svsm", snp.Settings.under_svsm())):
        snp.create_in(folder / name, snp.SoftwareSnp.create(settings, at=at, keys=world.keys()))
    cca.create_in(folder / "cca", cca.SoftwareCca.create(at=at))
    cove.create_in(folder / "cove", cove.SoftwareCove.create(at=at))
    return folder


def shown(tees: Path, name: str, *command: object) -> Outcome:
    """Run a command where the kernel's paths show a software TEE."""
    kind = "snp" if name == "svsm" else name
    return troth("emulate", kind, "--tee", tees / name, "--", *command)


def data_of(kind: str, outblob: bytes) -> bytes:
    if kind == "snp":
        return SnpReport.parse(outblob).report_data
    if kind == "cca":
        return CcaToken.parse(outblob).realm.challenge
    return CoveToken.parse(outblob).tvm.challenge


@every_kind
def test_go_configfs_tsm_gets_a_report(kind: str, go: Path, tees: Path) -> None:
    got = Answer.of(shown(tees, kind, go / "report", REPORT_DATA.hex()))
    assert got.provider == f"{PROVIDERS[kind]}\n"
    assert data_of(kind, got.outblob) == REPORT_DATA


@every_kind
def test_the_rust_crate_reads_that_it_is_not_tdx(kind: str, rust: Path, tees: Path) -> None:
    done = shown(tees, kind, rust, REPORT_DATA.hex())
    assert (done.status, done.out) == (1, b"")
    assert f'BadProvider(\\"{PROVIDERS[kind]}\\")' in done.err


@every_kind
def test_go_configfs_tsm_hears_which_sizes_are_taken(kind: str, go: Path, tees: Path) -> None:
    for size in (31, 32):
        done = shown(tees, kind, go / "report", REPORT_DATA[:size].hex())
        if kind == "cca" and size == 32:
            challenge = REPORT_DATA[:size].ljust(64, b"\0")
            assert data_of(kind, Answer.of(done).outblob) == challenge
        else:
            assert done.status == 1
            assert "outblob: invalid argument" in done.err


@pytest.mark.parametrize("guid", [(), (VTPM,)], ids=["all", "vtpm"])
def test_go_configfs_tsm_asks_the_svsm(guid: tuple[UUID, ...], go: Path, tees: Path) -> None:
    command = (go / "report", REPORT_DATA.hex(), "svsm", *guid)
    got = Answer.of(shown(tees, "svsm", *command))
    report = SnpReport.parse(got.outblob)
    assert report.vmpl == 0
    assert report.report_data == bound_report_data(REPORT_DATA, got.manifestblob)
    assert parse_table(got.auxblob, "auxblob")


def test_go_configfs_tsm_hears_that_there_is_no_such_service(go: Path, tees: Path) -> None:
    for command in (("another",), ("svsm", UUID(int=1))):
        done = shown(tees, "svsm", go / "report", REPORT_DATA.hex(), *command)
        assert done.status == 1
        assert "invalid argument" in done.err
