# SPDX-License-Identifier: Apache-2.0
"""go-sev-guest 0.15.0, unmodified, on the view of a software SNP and over its reports.

It fetches reports at the paths that it has built in, and judges them under our ARK, with the
certificates that auxblob carried and our ARK's revocation list. It does not know the certificates
of Turin, whose TCB has one part more: that refusal is asserted, so that the day it ends is noticed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from tests.program import Outcome, troth
from tests.snp import world
from troth.endorse.amd import parse_table
from troth.evidence.snp import SnpReport
from troth.evidence.snp.layout import REPORT_BYTES
from troth.infra.clock import now
from troth.tsm.emulated.snp import Settings, SnpKeys, SoftwareSnp, create_in

REPORT_DATA = bytes(range(64))

Product = Literal["Milan", "Genoa", "Turin"]
Key = Literal["VCEK", "VLEK"]
Version = Literal[2, 3, 4, 5]
Made = Callable[..., Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make a software SNP in a directory, once for each kind, all under the same keys."""

    @cache
    def make(product: Product = "Milan", key: Key = "VCEK", version: Version = 5) -> Path:
        settings = world.settings_of(product, key, version)
        return saved(settings, tmp_path_factory.mktemp("snp"))

    return make


@pytest.fixture(scope="session")
def svsm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(Settings.under_svsm(), tmp_path_factory.mktemp("svsm"))


def saved(settings: Settings, directory: Path, keys: SnpKeys | None = None) -> Path:
    tee = SoftwareSnp.create(settings, at=now(), keys=keys or world.keys())
    create_in(directory, tee)
    return directory


def asked(go: Path, directory: Path, *arguments: object) -> Outcome:
    """Have go-sev-guest's client ask where the kernel's paths show a software SNP."""
    program = go / "snpreport"
    return troth("emulate", "snp", "--tee", directory, "--", program, REPORT_DATA.hex(), *arguments)


def judged(go: Path, report: Path, product: str, directory: Path) -> tuple[bool, str]:
    """Return whether go-sev-guest holds a report for genuine, and what it said."""
    command = [str(go / "snpverify"), str(report), product, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def fetched(go: Path, directory: Path, folder: Path) -> Path:
    done = asked(go, directory)
    assert done.status == 0, done.err
    path = folder / "report.bin"
    path.write_bytes(done.out)
    return path


def test_it_reads_a_report_and_the_hosts_certificates(go: Path, made: Made) -> None:
    done = asked(go, made())
    assert done.status == 0, done.err
    report = SnpReport.parse(done.out[:REPORT_BYTES])
    assert (report.report_data, report.vmpl) == (REPORT_DATA, 0)
    assert len(done.out) > REPORT_BYTES


@pytest.mark.parametrize("level", range(4))
def test_it_reads_a_report_at_each_level(go: Path, made: Made, level: int) -> None:
    done = asked(go, made(), level)
    assert done.status == 0, done.err
    assert SnpReport.parse(done.out[:REPORT_BYTES]).vmpl == level


def test_under_an_svsm_it_hears_that_it_has_to_name_its_level(go: Path, svsm: Path) -> None:
    for arguments, said in (
        ((), "auxblob: invalid argument"),
        ((1,), "privlevel: invalid argument"),
    ):
        done = asked(go, svsm, *arguments)
        assert done.status == 1
        assert said in done.err
    done = asked(go, svsm, 2)
    assert done.status == 0, done.err
    assert SnpReport.parse(done.out[:REPORT_BYTES]).vmpl == 2


@pytest.mark.parametrize("key", ["VCEK", "VLEK"])
@pytest.mark.parametrize("product", ["Milan", "Genoa"])
def test_it_verifies_a_report_under_our_root(
    go: Path, made: Made, product: Product, key: Key, tmp_path: Path
) -> None:
    directory = made(product, key)
    report = fetched(go, directory, tmp_path)
    assert judged(go, report, product, directory) == (True, "genuine\n")


@pytest.mark.parametrize("version", [2, 3, 4])
def test_it_verifies_older_reports(go: Path, made: Made, version: Version, tmp_path: Path) -> None:
    directory = made("Milan", "VCEK", version)
    report = fetched(go, directory, tmp_path)
    assert SnpReport.parse(report.read_bytes()[:REPORT_BYTES]).version == version
    assert judged(go, report, "Milan", directory) == (True, "genuine\n")


@pytest.mark.parametrize("key", ["VCEK", "VLEK"])
def test_it_does_not_know_the_certificates_of_turin(
    go: Path, made: Made, key: Key, tmp_path: Path
) -> None:
    directory = made("Turin", key)
    held, said = judged(go, fetched(go, directory, tmp_path), "Turin", directory)
    assert not held
    assert "1.3.6.1.4.1.3704.1.3.9" in said


@pytest.mark.parametrize(
    ("at", "said"),
    [(0x90, "report signature verification"), (0x2A0, "report signature verification")],
    ids=["measurement", "signature"],
)
def test_it_refuses_a_changed_report(
    go: Path, made: Made, tmp_path: Path, at: int, said: str
) -> None:
    report = fetched(go, made(), tmp_path)
    changed = bytearray(report.read_bytes())
    changed[at] ^= 1
    report.write_bytes(changed)
    held, why = judged(go, report, "Milan", made())
    assert not held
    assert said in why


def test_it_refuses_another_root(go: Path, made: Made, tmp_path: Path) -> None:
    report = fetched(go, made(), tmp_path)
    own = world.keys()
    other = SnpKeys({**own.authorities, "ark": world.evil(), "ask": world.evil()}, own.leaves)
    elsewhere = saved(world.settings_of(), tmp_path / "other", other)
    held, said = judged(go, report, "Milan", elsewhere)
    assert not held
    assert "could not be verified by any trusted roots" in said


def test_it_refuses_a_revoked_ask(go: Path, tmp_path: Path) -> None:
    directory = tmp_path / "snp"
    tee = SoftwareSnp.create(world.settings_of(), at=now(), keys=world.keys())
    create_in(directory, tee)
    report = fetched(go, directory, tmp_path)
    assert judged(go, report, "Milan", directory) == (True, "genuine\n")
    (directory / "crl.der").write_bytes(tee.pki.crl(revoked=("ask",)))
    held, said = judged(go, report, "Milan", directory)
    assert not held
    assert "ASK was revoked" in said


def test_the_certificates_are_those_of_auxblob(go: Path, made: Made) -> None:
    table = asked(go, made()).out[REPORT_BYTES:]
    (one,) = parse_table(table, "auxblob")
    assert one.leaf.chip_id == bytes.fromhex(world.CHIP)
