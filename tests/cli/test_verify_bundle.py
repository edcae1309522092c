# SPDX-License-Identifier: Apache-2.0
"""`troth verify BUNDLE` and `troth policy init --from BUNDLE`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import Machine

NONCE = bytes(range(32))
AT = "2026-11-01T12:00:00Z"
PROGRAM = (sys.executable, "-c", "from troth.cli import main; main()")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    machine, path = Machine.boot(), tmp_path_factory.mktemp("f")
    (path / "root.pem").write_bytes(machine.tee.root_pem)
    (path / "c.json").write_bytes(machine.tee.bundle())
    (path / "q.bin").write_bytes(machine.tee.quote(bytes(64)))
    anchor = machine.fresh(bytes(32))
    (path / "b.cbor").write_bytes(machine.fresh(NONCE).encoded)
    (path / "d.cbor").write_bytes(machine.delegated(anchor, NONCE).encoded)
    (path / "p.toml").write_text(machine.policy_text())
    (path / "any.toml").write_text(machine.policy_text(images='"any"'))
    (path / "q.toml").write_text(machine.policy_text().partition("[boot]")[0])
    return path


def troth(files: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, cwd=files, check=False
    )


def verify(files: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    common = ("--root", "root.pem", "--collateral", "c.json", "--at", AT, "--json")
    done = troth(files, "verify", *arguments, *common)
    return done.returncode, json.loads(done.stdout)


def test_accepted(files: Path) -> None:
    status, said = verify(files, "b.cbor", "--policy", "p.toml", "--nonce", NONCE.hex())
    assert (status, said["verdict"], said.get("step")) == (0, "accepted", None)
    assert said["bundle"]["status"]["namespace"] == "affirming"
    status, said = verify(files, "b.cbor", "--policy", "p.toml", "--any-nonce")
    assert (status, said["verdict"]) == (0, "accepted")


def test_another_nonce(files: Path) -> None:
    status, said = verify(files, "b.cbor", "--policy", "p.toml", "--nonce", "00" * 32)
    assert (status, said["code"], said.get("step")) == (6, "claims.nonce", 11)
    sources = ("--root", "root.pem", "--collateral", "c.json", "--at", AT)
    held_to = ("--policy", "p.toml", "--nonce", "00" * 32)
    text = troth(files, "verify", "b.cbor", *held_to, *sources)
    assert "claims.nonce (step 11)" in text.stdout


def test_delegated_evidence_cannot_be_dated_offline(files: Path) -> None:
    status, said = verify(files, "d.cbor", "--policy", "p.toml", "--nonce", NONCE.hex())
    assert (status, said["code"], said.get("step")) == (5, "challenge.unknown", 10)
    status, said = verify(files, "d.cbor", "--policy", "p.toml", "--any-nonce")
    assert (status, said["bundle"]["mode"]) == (0, "delegated")


def test_no_reference_values_is_genuine(files: Path) -> None:
    status, said = verify(files, "b.cbor", "--policy", "any.toml", "--any-nonce")
    assert (status, said["verdict"]) == (1, "genuine")


def test_a_policy_for_quotes_denies_bundles(files: Path) -> None:
    status, said = verify(files, "b.cbor", "--policy", "q.toml", "--any-nonce")
    assert (status, said["code"]) == (6, "policy.section")
    status, said = verify(files, "q.bin", "--policy", "q.toml")
    assert (status, said["verdict"]) == (0, "accepted")


@pytest.mark.parametrize(
    "arguments",
    [
        ("b.cbor", "--policy", "p.toml"),
        ("b.cbor", "--any-nonce"),
        ("b.cbor", "--policy", "p.toml", "--any-nonce", "--nonce", "00" * 16),
        ("b.cbor", "--policy", "p.toml", "--any-nonce", "--report-data", "00"),
        ("b.cbor", "--policy", "p.toml", "--any-nonce", "--allow-trailing"),
        ("b.cbor", "--policy", "p.toml", "--nonce", "00" * 15),
        ("b.cbor", "--policy", "p.toml", "--nonce", "00" * 65),
        ("q.bin", "--nonce", "00" * 16),
    ],
)
def test_options_that_do_not_suit(files: Path, arguments: tuple[str, ...]) -> None:
    assert troth(files, "verify", *arguments).returncode == 2


def test_policy_init_and_check(files: Path) -> None:
    made = troth(files, "policy", "init", "--from", "b.cbor")
    assert made.returncode == 0
    (files / "made.toml").write_text(made.stdout)
    checked = troth(files, "policy", "check", "made.toml")
    assert checked.stdout.strip().endswith(
        "sections: tdx boot root orchestrator namespace delegation claims"
    )
