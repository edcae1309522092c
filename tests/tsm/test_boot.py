# SPDX-License-Identifier: Apache-2.0
"""The boot of the software TDX: a log, and the registers that it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program import troth
from tests.tdx import AT
from troth.errors import DriverError
from troth.evidence.eventlog import MAPPINGS, parse_cc_log, replay
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import (
    Settings,
    SoftwareTdx,
    boot_log,
    booted,
    create_in,
    load,
    load_boot_log,
)
from troth.tsm.emulated.view import KERNELS, tdx_tree

TABLES = "/firmware/acpi/tables"


def test_the_log_replays_to_the_registers_of_the_quote() -> None:
    log = boot_log()
    tee = SoftwareTdx.create(booted(Settings(), log), at=AT)
    values = replay(parse_cc_log(log).extends("sha384"), MAPPINGS["cc"])
    due = (*(values[f"rtmr{n}"] for n in range(3)), bytes(48))
    assert TdxQuote.parse(tee.quote(bytes(64))).body.rtmrs == due
    assert len(set(due)) == 4


def test_nothing_is_odd_about_the_log() -> None:
    examined = parse_cc_log(boot_log()).examine("sha384")
    assert examined.findings == []


def test_another_command_line_is_another_rtmr2_alone() -> None:
    one, two = (booted(Settings(), boot_log(line)).td.rtmrs for line in ("quiet", "debug"))
    assert [a == b for a, b in zip(one, two, strict=True)] == [True, True, False, True]


def test_a_directory_keeps_the_log_and_the_registers_go_on_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    assert troth("emulate", "tdx", "init", folder).status == 0
    log = load_boot_log(folder)
    assert log == boot_log()
    assert load(folder).registers()[0].hex() == booted(Settings(), log).td.rtmrs[0]


def test_a_directory_without_a_log_loads_and_shows_none(tmp_path: Path) -> None:
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    assert load(tmp_path / "td").registers() == (bytes(48),) * 4
    assert load_boot_log(tmp_path / "td") is None
    tree = tdx_tree(tmp_path / "td", KERNELS["7.3"])
    with pytest.raises(FileNotFoundError):
        tree.node(f"{TABLES}/CCEL")


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT), boot_log=b"")
    (tmp_path / "td/boot.log").unlink()
    (tmp_path / "td/boot.log").mkdir()
    with pytest.raises(DriverError) as caught:
        load_boot_log(tmp_path / "td")
    assert caught.value.code == "tsm.state"
