# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote, unmodified, at the paths that they have built in.

go-configfs-tsm 0.3.3, go-tdx-guest 0.3.1 and the crate configfs-tsm 0.0.2 cannot tell the FUSE
view of a software TDX from the kernel; and go-tdx-guest judges our quotes under our root. SNP is in
`test_snp_clients.py`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Machine
from troth.evidence.tdx import TdxQuote
from troth.infra.clock import now
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, create_in

REPORT_DATA = bytes(range(64))


def judged(go: Path, *arguments: object) -> tuple[bool, str]:
    """Return whether go-tdx-guest holds a quote for genuine, and what it said."""
    done = subprocess.run(
        [go / "verify", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def quote(go: Path, machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quote that go-tdx-guest's client fetched."""
    done = machine.run(go / "quote", REPORT_DATA.hex())
    assert done.status == 0, done.err
    path = tmp_path_factory.mktemp("quote") / "quote.bin"
    path.write_bytes(done.out)
    return path


def test_go_configfs_tsm_gets_a_report(go: Path, machine: Machine) -> None:
    done = machine.run(go / "report", REPORT_DATA.hex())
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    assert answer["provider"] == "tdx_guest\n"
    assert TdxQuote.parse(bytes.fromhex(answer["outblob"])).body.report_data == REPORT_DATA


@pytest.mark.parametrize("length", [1, 63])
def test_go_configfs_tsm_hears_that_tdx_wants_64_bytes(
    go: Path, machine: Machine, length: int
) -> None:
    done = machine.run(go / "report", REPORT_DATA[:length].hex())
    assert done.status == 1
    assert "invalid argument" in done.err


def test_go_tdx_guest_gets_a_quote(quote: Path) -> None:
    assert TdxQuote.parse(quote.read_bytes()).body.report_data == REPORT_DATA


def test_the_rust_crate_gets_a_quote(rust: Path, machine: Machine) -> None:
    done = machine.run(rust, REPORT_DATA.hex())
    assert done.status == 0, done.err
    assert TdxQuote.parse(done.out).body.report_data == REPORT_DATA


def test_the_rust_crate_asks_twice_and_gets_each_its_own(rust: Path, machine: Machine) -> None:
    for report_data in (REPORT_DATA, bytes(64)):
        done = machine.run(rust, report_data.hex())
        assert done.status == 0, done.err
        assert TdxQuote.parse(done.out).body.report_data == report_data


def test_go_tdx_guest_verifies_the_quote_under_our_root(
    go: Path, machine: Machine, quote: Path
) -> None:
    assert judged(go, quote, machine.root) == (True, "genuine\n")


def test_go_tdx_guest_verifies_the_quote_with_our_collateral(
    go: Path, machine: Machine, quote: Path
) -> None:
    assert judged(go, quote, machine.root, machine.answers) == (True, "genuine\n")


@pytest.mark.parametrize("at", [200, 700], ids=["body", "signature"])
def test_go_tdx_guest_refuses_a_changed_quote(
    go: Path, machine: Machine, quote: Path, tmp_path: Path, at: int
) -> None:
    changed = bytearray(quote.read_bytes())
    changed[at] ^= 1
    (tmp_path / "changed.bin").write_bytes(changed)
    held, _ = judged(go, tmp_path / "changed.bin", machine.root)
    assert not held


def test_go_tdx_guest_refuses_another_root(go: Path, quote: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create_in(other, SoftwareTdx.create(Settings(), at=now()))
    held, said = judged(go, quote, other / "root.pem")
    assert not held
    assert "unknown authority" in said
