# SPDX-License-Identifier: Apache-2.0
"""The emulated driver over each software TEE: the contract of drivers, levels, services, faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.orchestrator.tees import TEES, verified
from tests.refusals import refused
from tests.tsm.contract import CHECKS, Subject
from troth.crypto.digest import digest_by_name
from troth.endorse.amd import parse_table
from troth.tsm.driver import (
    PROVIDERS,
    ServiceRequest,
    due_report_data,
    glance,
    settled,
)
from troth.tsm.emulated.driver import EmulatedDriver, Fault, Injection
from troth.tsm.emulated.machines import MACHINES
from troth.tsm.emulated.sgx import SoftwareSgx
from troth.tsm.emulated.sgx import create_in as sgx_in
from troth.tsm.emulated.snp.settings import Service

REPORT_DATA: Final = bytes(range(64))
SVSM: Final = ServiceRequest()
OF_TDX: Final = {"has_registers": True, "no_digests": (0, 47, 49, 96)}
OF_SNP: Final = {"has_registers": False, "has_levels": True}
OF_CCA: Final = {"no_digests": (0, 65, 96)}  # RSI_MEASUREMENT_EXTEND takes 1 to 64 bytes
SUBJECTS: Final[dict[str, dict[str, Any]]] = {
    "tdx": {"algorithm": "sha-384"} | OF_TDX,
    "snp": OF_SNP,
    "snp-vlek-level-2": OF_SNP,
    "svsm": OF_SNP,
    "cca": {"algorithm": "sha-512"} | OF_CCA,
    "cca-256": {"algorithm": "sha-256"} | OF_CCA,
    "cca-384": {"algorithm": "sha-384"} | OF_CCA,
    "cove": {"algorithm": "sha-384"},
    "cove-sha3": {"algorithm": "sha3-384"},
    "cove-512": {"algorithm": "sha-512", "no_digests": (0, 48, 63, 65)},
}
ROOTED: Final = [name for name in SUBJECTS if TEES[name].register != "none"]


def made(directory: Path, kind: str) -> Path:
    TEES[kind].create_in(directory / "tee")
    return directory / "tee"


def software(directory: Path, kind: str) -> Any:
    return TEES[kind].module.load(directory)


@pytest.fixture(params=SUBJECTS, scope="module")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    directory = made(tmp_path_factory.mktemp("contract"), request.param)
    service = SVSM if request.param == "svsm" else None
    return Subject(
        make=lambda: EmulatedDriver(directory, service=service), **SUBJECTS[request.param]
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(subject: Subject, check: Callable[[Subject], None]) -> None:
    check(subject)


@pytest.mark.parametrize("kind", SUBJECTS)
def test_a_report_is_genuine_and_names_the_kernels_provider(tmp_path: Path, kind: str) -> None:
    driver = EmulatedDriver(made(tmp_path, kind), service=SVSM if kind == "svsm" else None)
    report = driver.report(REPORT_DATA)
    assert settled(report, REPORT_DATA) == report
    found = verified(
        report.outblob, software(tmp_path / "tee", kind), due_report_data(report, REPORT_DATA)
    )
    assert found.registers == glance(report).registers
    assert report.provider == driver.provider
    assert report.provider in PROVIDERS
    if found.registers:
        assert driver.registers() == found.registers
        assert driver.register_hash() == found.algorithm


def test_every_provider_that_can_be_read_can_be_emulated() -> None:
    assert {one.provider for one in MACHINES.values()} == PROVIDERS


# --- SNP: levels, certificates, the SVSM ----------------------------------------------------------


def test_the_lowest_level_that_is_accepted_is_the_default(tmp_path: Path) -> None:
    directory = made(tmp_path, "snp-vlek-level-2")
    tee = software(directory, "snp")
    driver = EmulatedDriver(directory)
    assert verified(driver.report(REPORT_DATA).outblob, tee, REPORT_DATA).vmpl == 2
    report = driver.report(REPORT_DATA, privlevel=3)
    assert verified(report.outblob, tee, REPORT_DATA).vmpl == 3
    with refused("tsm.argument", "privilege level 1; 2 to 3 are"):
        driver.report(REPORT_DATA, privlevel=1)
    own = EmulatedDriver(directory, privlevel=3).report(REPORT_DATA)
    assert verified(own.outblob, tee, REPORT_DATA).vmpl == 3


def test_the_hosts_certificates_come_as_auxblob(tmp_path: Path) -> None:
    report = EmulatedDriver(made(tmp_path, "snp")).report(REPORT_DATA)
    assert report.auxblob == software(tmp_path / "tee", "snp").certificate_table()
    assert len(parse_table(report.auxblob or b"", "table")) == 1
    assert (report.manifestblob, report.service_provider) == (None, None)


@pytest.mark.parametrize("kind", ["tdx", "cca", "cove"])
def test_other_kinds_have_no_auxblob(tmp_path: Path, kind: str) -> None:
    report = EmulatedDriver(made(tmp_path, kind)).report(REPORT_DATA)
    assert (report.auxblob, report.manifestblob, report.service_provider) == (None, None, None)


def test_an_svsm_makes_the_report_over_its_manifest(tmp_path: Path) -> None:
    driver = EmulatedDriver(made(tmp_path, "svsm"))
    plain = driver.report(REPORT_DATA)
    assert glance(plain).report_data == REPORT_DATA
    report = driver.report(REPORT_DATA, service=SVSM)
    assert report.service_provider == "svsm"
    assert report.manifestblob
    assert glance(report).report_data == due_report_data(report, REPORT_DATA) != REPORT_DATA
    tee = software(tmp_path / "tee", "snp")
    assert verified(report.outblob, tee, due_report_data(report, REPORT_DATA)).vmpl == 0
    with refused("tsm.manifest"):
        settled(report, bytes(64))


def test_one_service_is_attested_by_its_guid(tmp_path: Path) -> None:
    one = ServiceRequest(guid=UUID(Service().guid), manifest_version=0)
    driver = EmulatedDriver(made(tmp_path, "svsm"), service=one)
    assert driver.report(REPORT_DATA).manifestblob == bytes.fromhex(Service().data)
    for other in (
        ServiceRequest(guid=UUID(int=1)),
        ServiceRequest(guid=UUID(Service().guid), manifest_version=1),
    ):
        with refused("tsm.argument"):
            driver.report(REPORT_DATA, service=other)


# --- what is wanted and not there -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tdx", "cca", "cove"])
@pytest.mark.parametrize("wanted", [{"privlevel": 0}, {"service": SVSM}])
def test_a_level_or_a_service_is_refused_when_the_driver_is_made(
    tmp_path: Path, kind: str, wanted: dict[str, Any]
) -> None:
    with refused("tsm.argument", "neither privilege levels nor services"):
        EmulatedDriver(made(tmp_path, kind), **wanted)


def test_a_guest_without_an_svsm_cannot_ask_it(tmp_path: Path) -> None:
    directory = made(tmp_path, "snp")
    for wanted in ({"service": SVSM}, {"privlevel": 4}, {"service": ServiceRequest(provider="x")}):
        with refused("tsm.argument"):
            EmulatedDriver(directory, **wanted)


def test_the_directory_alone_says_the_kind(tmp_path: Path) -> None:
    sgx_in(tmp_path / "sgx", SoftwareSgx.create(at=TEES["tdx"].make().at))
    with refused("tsm.state", "'sgx' comes in no bundle"):
        EmulatedDriver(tmp_path / "sgx")
    with refused("tsm.state", "No such file"):
        EmulatedDriver(tmp_path / "none")
    directory = made(tmp_path, "cca")
    text = (directory / "tee.json").read_text()
    for wrong in ("", "{}", '{"kind": 1}', text.replace('"cca"', '"cove"')):
        (directory / "tee.json").write_text(wrong)
        with refused("tsm.state"):
            EmulatedDriver(directory)


def test_a_directory_that_becomes_another_is_not_served(tmp_path: Path) -> None:
    directory = made(tmp_path, "cca")
    driver = EmulatedDriver(directory)
    state = json.loads((directory / "tee.json").read_text())
    (directory / "tee.json").write_text(json.dumps(state | {"kind": "tdx"}))
    for call in (driver.registers, driver.register_hash, lambda: driver.report(REPORT_DATA)):
        with refused("tsm.state"):
            call()


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tdx", "snp", "svsm", "cca", "cove"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.FAIL, "tsm.failed"),
        (Fault.EMPTY, "tsm.report-empty"),
        (Fault.REPORT_DATA, "tsm.report-other"),
    ],
)
def test_faults_come_where_they_are_wanted(
    tmp_path: Path, kind: str, fault: Fault, code: str
) -> None:
    service = SVSM if kind == "svsm" else None
    if service is not None and fault is Fault.REPORT_DATA:
        code = "tsm.manifest"
    inject = [Injection(fault, report=2)]
    driver = EmulatedDriver(made(tmp_path, kind), inject=inject, service=service)
    settled(driver.report(REPORT_DATA), REPORT_DATA)
    with refused(code):
        settled(driver.report(REPORT_DATA), REPORT_DATA)
    settled(driver.report(REPORT_DATA), REPORT_DATA)


@pytest.mark.parametrize("kind", ["tdx", "snp", "cca", "cove"])
def test_another_writer_of_the_entry_shows_in_the_generation(tmp_path: Path, kind: str) -> None:
    driver = EmulatedDriver(made(tmp_path, kind), inject=[Injection(Fault.GENERATION, report=2)])
    assert [driver.report(REPORT_DATA).generation for _ in range(3)] == [1, 3, 4]


@pytest.mark.parametrize("kind", ROOTED)
def test_a_foreign_extend_is_in_the_report(tmp_path: Path, kind: str) -> None:
    directory = made(tmp_path, kind)
    driver = EmulatedDriver(directory, inject=[Injection(Fault.FOREIGN_EXTEND)])
    algorithm = driver.register_hash()
    digest = digest_by_name(algorithm, b"troth emulated foreign writer")
    due = digest_by_name(algorithm, bytes(len(digest)) + digest)
    found = glance(driver.report(REPORT_DATA)).registers
    assert found[3] == due
    assert found == EmulatedDriver(directory).registers()


def test_a_foreign_extend_is_refused_where_there_is_no_root_register(tmp_path: Path) -> None:
    inject = [Injection(Fault.FOREIGN_EXTEND, report=7)]
    with refused("tsm.no-registers"):
        EmulatedDriver(made(tmp_path, "snp"), inject=inject)


@pytest.mark.parametrize("count", [0, 3])
def test_a_tvm_with_few_registers_has_no_root(tmp_path: Path, count: int) -> None:
    directory = made(tmp_path, "cove")
    state = json.loads((directory / "tee.json").read_text())
    few = ["00" * 48] * count
    state["registers"] = state["settings"]["tvm"]["runtime"] = few
    (directory / "tee.json").write_text(json.dumps(state))
    driver = EmulatedDriver(directory)
    driver.report(REPORT_DATA)
    with refused("tsm.no-registers"):
        EmulatedDriver(directory, inject=[Injection(Fault.FOREIGN_EXTEND)])
    if count:
        assert len(driver.registers()) == count
        return
    for call in (driver.registers, driver.register_hash, lambda: driver.extend(0, bytes(48))):
        with refused("tsm.no-registers"):
            call()
