# SPDX-License-Identifier: Apache-2.0
"""`troth emulate snp`, `cca` and `cove` as files: below a directory, and to a program."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.program import Outcome, troth
from tests.view.mounting import Mounted, kind_view, needs_fuse
from tests.view.test_kinds import KINDS
from troth.evidence.snp import SnpReport
from troth.tsm.configfs import ConfigfsDriver
from troth.tsm.driver import ServiceRequest, due_report_data, glance

pytestmark = needs_fuse

NONCE: Final = bytes(range(64))
REPORT: Final = "/sys/kernel/config/tsm/report"
OTHERS: Final = ("snp", "cca", "cove")
ANCHORS: Final = {"snp": "root.pem", "cca": "cpak.json", "cove": "roots.json"}
TRUST: Final = {
    "snp": ("--root", "root.pem", "--collateral", "collateral.json"),
    "cca": ("--cpak", "cpak.json"),
    "cove": ("--root", "roots.json"),
}
AT: Final = ("--at", "2026-11-01T12:00:00Z")


@pytest.fixture(scope="module", params=OTHERS)
def shown(
    request: pytest.FixtureRequest, tees: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Mounted]]:
    kind: str = request.param
    with kind_view(tmp_path_factory.mktemp("view"), kind, tees / kind) as view:
        yield kind, view


def inside(kind: str, script: str, *options: str, temporary: Path | None = None) -> Outcome:
    """Run a shell inside."""
    arguments = ("emulate", kind, *options, "--", "sh", "-c", script)
    return troth(*arguments) if temporary is None else troth(*arguments, TMPDIR=str(temporary))


def test_what_shows_and_how(shown: tuple[str, Mounted]) -> None:
    kind, view = shown
    looks = {one.name: one.stat() for one in view.entry("looks").iterdir()}
    assert set(looks) == KINDS[kind].shown
    written = {"inblob", "privlevel", "service_provider", "service_guid"}
    written |= {"service_manifest_version"}
    for name, look in looks.items():
        mode = 0o200 if name in written else 0o444
        assert (stat.S_IMODE(look.st_mode), look.st_uid) == (mode, 0)
        assert look.st_size == (0 if name.endswith("blob") else 4096)
    assert {one.name for one in view.root.iterdir()} == {"kernel"}


def test_a_report_over_the_inblob_is_genuine(
    shown: tuple[str, Mounted], tees: Path, tmp_path: Path
) -> None:
    kind, view = shown
    entry = view.entry("report")
    assert (entry / "provider").read_text() == f"{KINDS[kind].provider}\n"
    (entry / "inblob").write_bytes(NONCE)
    (tmp_path / "report").write_bytes((entry / "outblob").read_bytes())
    assert (entry / "generation").read_text() == "1\n"
    trust = (one if one.startswith("--") else tees / kind / one for one in TRUST[kind])
    due = ("--report-data", NONCE.hex())
    done = troth("verify", tmp_path / "report", *trust, *due, *AT, "--json").json()
    assert (done["verdict"], done["tee"]) == ("genuine", kind)


def test_the_driver_of_trothd_asks_it(shown: tuple[str, Mounted]) -> None:
    kind, view = shown
    driver = ConfigfsDriver(view.root)
    got = driver.report(NONCE)
    assert got.provider == driver.provider == KINDS[kind].provider
    assert glance(got).report_data == NONCE
    assert bool(got.auxblob) == (kind == "snp")


def test_the_driver_of_trothd_asks_an_svsm(tees: Path, tmp_path: Path) -> None:
    with kind_view(tmp_path, "snp", tees / "svsm") as view:
        driver = ConfigfsDriver(view.root)
        assert glance(driver.report(NONCE)).report_data == NONCE
        got = driver.report(NONCE, service=ServiceRequest())
        assert got.manifestblob
        assert SnpReport.parse(got.outblob).report_data == due_report_data(got, NONCE)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_program_finds_what_it_knows(kind: str, tees: Path, tmp_path: Path) -> None:
    variable = f"$TROTH_EMULATED_{kind.upper()}"
    done = inside(
        kind,
        f"mkdir {REPORT}/x && head -c 64 /dev/zero > {REPORT}/x/inblob && cat {REPORT}/x/outblob"
        f" > {tmp_path}/report && test -f {variable}/{ANCHORS[kind]} && echo {variable}",
        "--tee",
        str(tees / kind),
    )
    assert done.status == 0, done.err
    assert done.text == f"{tees / kind}\n"
    assert KINDS[kind].data((tmp_path / "report").read_bytes()) == bytes(64)


@pytest.mark.parametrize(
    ("kind", "options", "names"),
    [("snp", ("--svsm",), "service_guid"), ("cca", (), "manifestblob"), ("cove", (), "outblob")],
)
def test_without_a_tee_one_is_made_and_removed(
    kind: str, options: tuple[str, ...], names: str, tmp_path: Path
) -> None:
    variable = f"$TROTH_EMULATED_{kind.upper()}"
    script = f"mkdir {REPORT}/x && ls {REPORT}/x && ls {variable}"
    done = inside(kind, script, *options, temporary=tmp_path)
    assert done.status == 0, done.err
    assert {names, "tee.json", ANCHORS[kind]} <= set(done.text.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", OTHERS)
def test_troubles_on_request(kind: str, tees: Path, tmp_path: Path) -> None:
    options = ("--fail", "EBUSY", "--latency-ms", "10")
    with kind_view(tmp_path, kind, tees / kind, *options) as view:
        entry = view.entry()
        (entry / "inblob").write_bytes(NONCE)
        with pytest.raises(OSError, match="busy"):
            (entry / "outblob").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("snp", "--svsm", "--tee", ".", "--", "true"), "--svsm is for a new guest"),
        (("snp", "--svsm", "init", "guest"), "options of the view go without a command"),
        (("cca", "--kernel", "6.12", "--", "true"), "'6.12' is not"),
        (("cove", "--mount", "somewhere", "--", "true"), "choose one"),
        (("sgx", "--mount", "somewhere"), "no view of it: configfs-tsm has no provider of SGX"),
        (("sgx", "--mount=somewhere"), "no view of it"),
        (("sgx", "--", "true"), "no view of it"),
        (("tpm", "--tee", "tpm", "--", "true"), "no view of it: a TPM is /dev/tpmrm0"),
        (("azure", "--", "true"), "no view of it: the paravisor's report"),
    ],
)
def test_misuse(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = troth("emulate", *arguments, cwd=tmp_path)
    assert done.status == 2
    assert said in done.err
    assert list(tmp_path.iterdir()) == []


def test_another_kinds_directory_is_said(tees: Path) -> None:
    done = troth("emulate", "snp", "--tee", tees / "cca", "--", "true")
    assert done.status == 2
    assert "usage.file: " in done.err
    assert "a software TEE of kind cca, not snp" in done.err
    assert "software SNP of" not in done.err


@pytest.mark.parametrize("kind", OTHERS)
def test_alone_it_says_how_it_is_used(kind: str) -> None:
    done = troth("emulate", kind)
    assert done.status == 2
    assert f"troth emulate {kind} [OPTIONS] -- PROGRAM" in done.err
    assert f"$TROTH_EMULATED_{kind.upper()}" in done.err
