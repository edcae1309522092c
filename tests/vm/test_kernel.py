# SPDX-License-Identifier: Apache-2.0
"""What is ours against the kernel's own configfs-tsm, run inside a machine that boots it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.vm.inside.callers import CALLERS
from tests.vm.machine import logs
from tests.vm.places import say

RECORDING = Path(__file__).parent.parent / "conformance/kernel-6.12.jsonl"
FIGURES = "TROTH_VM_FIGURES"
TROTH = Path(sys.executable).parent / "troth"


def test_the_kernel_still_does_what_is_recorded_of_it(first_boot: Path) -> None:
    fresh = (first_boot / "operations.jsonl").read_text(encoding="ascii").splitlines()
    recorded = RECORDING.read_text(encoding="ascii").splitlines()
    assert len(recorded) >= 300
    for new, old in zip(fresh, recorded, strict=False):
        assert json.loads(new) == json.loads(old)
    assert len(fresh) == len(recorded)


def test_the_kernel_reports_no_fault_of_its_own(first_boot: Path) -> None:
    said = (first_boot / "dmesg").read_text(encoding="utf-8", errors="replace")
    assert "Linux version 6.12." in said
    for fault in ("BUG:", "WARNING:", "Oops", "Call Trace", "list_add corruption"):
        assert fault not in said


@pytest.mark.parametrize(("name", "at_least"), [("contract", 8), ("devices", 12), ("configfs", 16)])
def test_the_drivers_hold_their_contract_in_the_guest(
    first_boot: Path, name: str, at_least: int
) -> None:
    assert (first_boot / f"{name}.xml").is_file(), logs(first_boot)
    tree = ET.parse(first_boot / f"{name}.xml")  # noqa: S314 - written by our own pytest
    cases = list(tree.iter("testcase"))
    told = [
        f"{case.get('name')}: {trouble.text}"
        for case in cases
        for kind in ("failure", "error")
        for trouble in case.iter(kind)
    ]
    assert not told, "\n".join(told) + logs(first_boot)
    assert sum(case.find("skipped") is None for case in cases) >= at_least


def test_sixteen_callers_of_a_trothd_get_bundles_that_verify_here(
    first_boot: Path, tee: Path, tmp_path: Path
) -> None:
    bundles = sorted((first_boot / "bundles").iterdir())
    assert len(bundles) == CALLERS, logs(first_boot)
    policy = tmp_path / "policy.toml"
    written = troth("policy", "init", "--from", bundles[0])
    assert written.returncode == 0, written.stderr
    rooted = written.stdout.replace('emulated = "deny"', 'emulated = "accept"')
    policy.write_text(rooted)
    unrooted = verified(bundles[0], tee, policy, nonce=bundles[0].stem)
    assert unrooted["code"] == "binding.root-register"  # this kernel has no registers to root in
    policy.write_text(rooted.replace('register = "rtmr3"', 'register = "none"'))
    for bundle in bundles:
        judged = verified(bundle, tee, policy, nonce=bundle.stem)
        assert judged["verdict"] == "accepted", judged
    other = verified(bundles[0], tee, policy, nonce="00" * 32)
    assert other["code"] == "claims.nonce", other


def test_no_entry_of_ours_is_left(first_boot: Path) -> None:
    assert (first_boot / "left").read_text(encoding="utf-8") == "", logs(first_boot)


def test_reports_a_second_are_told(first_boot: Path) -> None:
    """The figures are there; with `TROTH_VM_FIGURES` they are kept in the file that it names."""
    measured = json.loads((first_boot / "cycles.json").read_text(encoding="ascii"))
    release = (first_boot / "release").read_text(encoding="ascii").strip()
    assert measured["kernel"] == release
    assert all(len(measured[key]) == 5 for key in ("raw_per_s", "driver_per_s"))
    assert isinstance(measured["overhead"], float)
    say(f"reports a second: {measured}")
    kept = os.environ.get(FIGURES)
    if kept:
        Path(kept).write_text(json.dumps(measured, indent=2) + "\n", encoding="ascii")


def verified(bundle: Path, tee: Path, policy: Path, *, nonce: str) -> dict[str, Any]:
    given = ("--root", tee / "root.pem", "--collateral", tee / "collateral.json")
    done = troth("verify", bundle, *given, "--policy", policy, "--nonce", nonce, "--json")
    judged: dict[str, Any] = json.loads(done.stdout)
    return judged


def troth(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [str(TROTH), *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False)
