# SPDX-License-Identifier: Apache-2.0
"""The demo shows what it claims: it passes, and it fails by name when troth has a defect."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[2] / "demo" / "demo.py"
TROTH = Path(sys.executable).with_name("troth")

# What is taken out of the command that the demo starts, and the step that must notice.
DEFECTS = {
    "attestation key not bound": (
        "import troth.verify.intel.enclave as m; m.same = lambda one, other: True",
        "another attestation key",
    ),
    "report data not compared": (
        "import troth.verify.tdx.quote as m; m.same = lambda one, other: True",
        "somebody else's nonce",
    ),
    "revocation ignored": (
        "from troth.crypto.crl import Crl; Crl.revokes = lambda self, certificate: False",
        "PCK certificate is revoked",
    ),
    "every root trusted": (
        (
            "from troth.verify import Anchor, Anchors; Anchors.match = lambda self, root: "
            "Anchor.of(root)"
        ),
        "names its root",
    ),
    "policy accepts all": (
        "import troth.policy.rules as m; m.Rules.decide = lambda self: None",
        "now denies it",
    ),
    "genuine exits with 0": (
        "import troth.cli._verify as m; m._EXIT['genuine'] = 0",
        "not yet a yes",
    ),
}


def run_demo(troth: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo with the command `troth`; it is done in a few seconds."""
    return subprocess.run(
        [sys.executable, str(DEMO), "--troth", troth],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_every_step_holds(vectors: Path) -> None:
    done = run_demo(shlex.quote(str(TROTH)), TROTH_VECTORS=str(vectors))
    assert done.returncode == 0, done.stderr
    assert "All 11 steps held" in done.stdout


def test_without_vectors_it_says_so(tmp_path: Path) -> None:
    done = run_demo(shlex.quote(str(TROTH)), TROTH_VECTORS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Intel's real quotes are NOT judged" in done.stdout
    assert "All 8 steps held" in done.stdout


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_fails_the_demo_by_name(defect: str, tmp_path: Path) -> None:
    code, step = DEFECTS[defect]
    program = tmp_path / "defective.py"
    program.write_text(f"{code}\nfrom troth.cli import main\nmain()\n")
    done = run_demo(shlex.join([sys.executable, str(program)]), TROTH_VECTORS=str(tmp_path))
    assert done.returncode == 1
    assert "DEMO FAILED at step" in done.stderr
    assert step in done.stderr
