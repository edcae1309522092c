# SPDX-License-Identifier: Apache-2.0
"""`troth doctor` says which driver is chosen, and why not each of the others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.tees import TEES
from tests.program import PROGRAM, environment
from tests.tsm import view
from troth.tsm.emulated.qgs import QuoteService


def doctor(*arguments: str | Path, status: int = 0) -> str:
    done = subprocess.run(
        [PROGRAM, "doctor", *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=60,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(*arguments: str | Path, status: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    found = json.loads(doctor(*arguments, "--json", status=status))
    return {one["about"]: one for one in found["findings"]}, found["tsm"]


def test_a_machine_without_a_tsm_is_no_fault(tmp_path: Path) -> None:
    findings, tsm = told("--sysfs", tmp_path)
    assert {findings[name]["verdict"] for name in ("configfs-tsm", "registers", "sysfs class")} == {
        "absent"
    }
    assert tsm["options"][0]["driver"] == "configfs"
    assert str(tmp_path) in tsm["options"][0]["why"]
    assert all(one["why"] for one in tsm["options"])
    text = doctor("--sysfs", tmp_path)
    assert "not emulated: a software TEE protects nothing" in text


def test_a_view_is_a_kernel_with_a_provider(tmp_path: Path) -> None:
    with view.mounted(tmp_path) as sysfs:
        findings, tsm = told("--sysfs", sysfs)
        assert (tsm["driver"], tsm["provider"]) == ("configfs", "tdx_guest")
        assert (tsm["root_register"], tsm["unrooted"]) == ("rtmr3", "")
        assert findings["configfs-tsm"]["verdict"] == findings["registers"]["verdict"] == "ok"
        text = doctor("--sysfs", sysfs)
        assert 'driver = "auto" is configfs, for tdx_guest' in text
        assert "not configfs" not in text
        assert 'root_register = "rtmr3"\n' in text
        assert list((sysfs / "kernel/config/tsm/report").iterdir()) == []


def test_a_kernel_without_tsm_mr_is_said_to_be_unrooted(tmp_path: Path) -> None:
    with view.mounted(tmp_path, kernel="6.12") as sysfs:
        assert "the boot is unrooted" in doctor("--sysfs", sysfs)


@pytest.mark.parametrize(
    ("kind", "provider", "why"),
    [
        ("snp", "sev_guest", "SEV-SNP has no runtime registers"),
        ("cca", "arm_cca_guest", "Linux has no call by which a guest extends a REM"),
        ("cove", "cove_guest", "no kernel has a call by which a TVM extends a register"),
    ],
)
def test_every_provider_is_chosen_and_why_it_is_unrooted_is_said(
    tmp_path: Path, kind: str, provider: str, why: str
) -> None:
    TEES[kind].create_in(tmp_path / "tee")
    (tmp_path / "view").mkdir()
    tee = str(tmp_path / "tee")
    with view.mounted(tmp_path / "view", provider=f"software-{kind}", tee=tee) as sysfs:
        _, tsm = told("--sysfs", sysfs)
        assert (tsm["driver"], tsm["provider"]) == ("configfs", provider)
        assert (tsm["root_register"], tsm["unrooted"]) == ("none", why)
        assert f'root_register = "none": {why}, the boot is unrooted' in doctor("--sysfs", sysfs)


def test_a_quote_service_that_is_named_has_to_answer(tmp_path: Path) -> None:
    path = tmp_path / "qgs.sock"
    named = ("--sysfs", tmp_path, "--quote-service", f"unix:{path}")
    findings, _ = told(*named, status=7)
    assert findings["quote service"]["verdict"] == "failed"
    with QuoteService(path, tmp_path):
        findings, _ = told(*named)
    assert findings["quote service"]["verdict"] == "ok"
    assert "usage.arguments" in doctor("--quote-service", "tcp:1", status=2)
