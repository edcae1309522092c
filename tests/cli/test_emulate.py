# SPDX-License-Identifier: Apache-2.0
"""`troth emulate`: what the kinds beside TDX take, and evidence of TPMs and of Azure's VMs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.program import troth
from troth.crypto.digest import sha256
from troth.evidence.cca import CcaToken
from troth.evidence.snp import SnpReport

KINDS = [("tpm", ()), ("azure", ("--hardware", "tdx")), ("azure", ("--hardware", "snp"))]
every_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=["tpm", "on-tdx", "on-snp"])


def trust(kind: str, folder: Path) -> tuple[object, ...]:
    if kind == "tpm":
        return ("--root", folder / "root.pem")
    under = folder if kind == "snp" else folder / "hardware"
    return ("--root", under / "root.pem", "--collateral", under / "collateral.json")


def judged(evidence: bytes, *options: object) -> dict[str, Any]:
    return troth("verify", "-", *options, "--json", stdin=evidence).json()


@every_kind
def test_evidence_is_genuine_for_the_very_bytes_that_were_given(
    kind: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / kind
    made = troth("emulate", kind, "init", folder, *options)
    assert (made.status, made.out) == (0, b"")
    assert f"trust it by {trust(kind, folder)[1]}" in made.err
    done = troth("emulate", kind, "evidence", folder, "--report-data", "00ff")
    assert (done.status, done.err, done.out[:1]) == (0, "", b"{")
    found = judged(done.out, *trust(kind, folder), "--report-data", "00ff")
    assert (found["verdict"], found["tee"]) == ("genuine", kind)
    padded = judged(done.out, *trust(kind, folder), "--report-data", "00ff00")
    assert padded["verdict"] == "untrusted"
    again = troth("emulate", kind, "init", folder, *options)
    assert (again.status, "not empty" in again.err) == (2, True)


@pytest.mark.parametrize("key", ["P-256", "P-384", "RSA"])
def test_keys_of_a_tpm(key: str, tmp_path: Path) -> None:
    folder = tmp_path / "tpm"
    assert troth("emulate", "tpm", "init", folder, "--key", key).status == 0
    done = troth("emulate", "tpm", "evidence", folder, "--report-data", "01")
    assert judged(done.out, *trust("tpm", folder))["verdict"] == "genuine"


@pytest.mark.parametrize(("kind", "options"), KINDS[:2], ids=["tpm", "azure"])
def test_a_pcr_is_extended(kind: str, options: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / kind
    assert troth("emulate", kind, "init", folder, *options).status == 0
    extend = ("emulate", kind, "extend", folder, "--index")
    digest = sha256(b"event")
    done = troth(*extend, 14, "--digest", digest.hex())
    assert done.text == f"{sha256(bytes(32) + digest).hex()}\n"
    evidence = troth("emulate", kind, "evidence", folder, "--report-data", "01").out
    assert done.text.strip().encode() in evidence
    assert judged(evidence, *trust(kind, folder))["verdict"] == "genuine"
    for index, data, status in ((24, "11" * 32, 2), (14, "11" * 31, 2)):
        assert troth(*extend, index, "--digest", data).status == status


def test_a_guest_under_an_svsm_reports_at_its_own_level(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    assert troth("emulate", "snp", "init", folder, "--svsm").status == 0
    done = troth("emulate", "snp", "report", folder, "--report-data", "00ff")
    assert done.status == 0, done.err
    assert SnpReport.parse(done.out).vmpl == 2


# --- mistakes of the user: status 2, and not that of a machine that fails -------------------------


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("tdx", "quote"),
        ("sgx", "quote"),
        ("snp", "report"),
        ("cove", "token"),
        ("tpm", "evidence"),
        ("azure", "evidence"),
    ],
)
def test_a_directory_of_another_kind_is_refused(kind: str, word: str, tmp_path: Path) -> None:
    folder = tmp_path / "realm"
    assert troth("emulate", "cca", "init", folder).status == 0
    asked: list[tuple[object, ...]] = [("emulate", kind, word, folder, "--report-data", "00")]
    if kind not in ("sgx", "snp"):
        asked.append(("emulate", kind, "extend", folder, "--index", "3", "--digest", "11" * 48))
    for arguments in asked:
        done = troth(*arguments)
        assert (done.status, done.out) == (2, b"")
        said = f"usage.file: {folder}: a software TEE of kind cca, not {kind}"
        assert said in " ".join(done.err.split())
    empty = troth("emulate", kind, word, tmp_path, "--report-data", "00")
    assert empty.status == 2
    assert f"make one with troth emulate {kind} init" in " ".join(empty.err.split())


@pytest.mark.parametrize(("kind", "due"), [("cove", 48), ("tpm", 32), ("tdx", 48)])
def test_a_digest_has_the_size_of_the_register(kind: str, due: int, tmp_path: Path) -> None:
    folder = tmp_path / kind
    assert troth("emulate", kind, "init", folder).status == 0
    extend = ("emulate", kind, "extend", folder, "--index", 3, "--digest")
    for size in (due - 1, due + 1):
        done = troth(*extend, "11" * size)
        assert (done.status, done.out) == (2, b"")
        assert f"usage.hex: --digest: {size} bytes, {due} are due" in done.err
    assert troth(*extend, "11" * due).status == 0


@pytest.mark.parametrize("version", ["2", "3", "4", "5"])
def test_reports_of_each_version(version: str, tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    assert troth("emulate", "snp", "init", folder, "--report-version", version).status == 0
    done = troth("emulate", "snp", "report", folder, "--report-data", "00ff")
    assert SnpReport.parse(done.out).version == int(version)
    found = judged(done.out, *trust("snp", folder), "--report-data", "00ff")
    assert found["verdict"] == "genuine"


def test_a_report_of_version_2_is_older_than_turin(tmp_path: Path) -> None:
    folder = tmp_path / "guest"
    given = ("--product", "Turin", "--report-version", "2")
    done = troth("emulate", "snp", "init", folder, *given)
    assert (done.status, folder.exists()) == (2, False)
    assert "usage.arguments: --report-version 2 is not of Turin" in done.err


@pytest.mark.parametrize(("profile", "is_named"), [("2023", True), ("legacy", False)])
def test_tokens_of_each_profile(profile: str, is_named: bool, tmp_path: Path) -> None:
    folder = tmp_path / "realm"
    assert troth("emulate", "cca", "init", folder, "--profile", profile).status == 0
    done = troth("emulate", "cca", "token", folder, "--report-data", "00ff")
    token = CcaToken.parse(done.out)
    assert (token.realm.profile is not None) is is_named
    found = judged(done.out, "--cpak", folder / "cpak.json", "--report-data", "00ff")
    assert (found["verdict"], found["facts"]["realm_profile"] != "legacy") == ("genuine", is_named)
