# SPDX-License-Identifier: Apache-2.0
"""Builds the programs around clients that others wrote, with the toolchains that are here.

Nothing of theirs is kept here or shipped: go-configfs-tsm, go-tdx-guest and go-sev-guest are under
Apache-2.0, the crate under AGPL-3.0. Go checks modules against go.sum. Cargo's lock file holds a
registry's address, so none is kept: the one that it writes is compared with the checksum below.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
REQUIRED: Final = os.environ.get("TROTH_REQUIRE_CLIENTS") == "1"

CRATE: Final = ("configfs-tsm", "0.0.2")
CRATE_SHA256: Final = "187437900921c8172f33316ad51a3267df588e99a2aebfa5ca1a2ed44df9e703"

_BUILD_S: Final = 600
_LOCKED: Final = re.compile(
    rf'name = "{CRATE[0]}"\nversion = "{CRATE[1]}"\nsource = "[^"]+"\nchecksum = "([0-9a-f]+)"'
)


def go_programs(target: Path) -> Path:
    """Build the Go programs; return the directory in which they lie."""
    go = _tool("go", "Go")
    _run([go, "build", "-mod=readonly", "-trimpath", "-o", f"{target}/", "./..."], HERE / "go")
    return target


def rust_program(target: Path) -> Path:
    """Build the Rust program; return its path."""
    cargo = _tool("cargo", "Rust")
    source = target / "source"
    shutil.copytree(HERE / "rust", source)
    _run([cargo, "build", "--quiet", "--target-dir", str(target / "made")], source)
    found = _LOCKED.search((source / "Cargo.lock").read_text())
    assert found, f"{'-'.join(CRATE)} is not what cargo took"
    assert found[1] == CRATE_SHA256
    return target / "made" / "debug" / "troth-client"


def _tool(name: str, language: str) -> str:
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"no {language} toolchain here ({name} is not on PATH); make system-deps-clients"
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def _run(command: list[str], where: Path) -> None:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, check=False, timeout=_BUILD_S
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr}"
