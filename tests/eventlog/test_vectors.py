# SPDX-License-Identifier: Apache-2.0
"""Real logs, past what their MANIFESTs state: where twins part."""

from __future__ import annotations

from pathlib import Path

from tests.program import troth
from troth.evidence.eventlog import MAPPINGS, parse_log, replay


def test_twins_part_where_the_second_separator_is(vectors: Path) -> None:
    """The registers of one boot, the log of another: where they part, a reference tells."""
    good = vectors / "eventlog-cc/cos-113-intel-tdx.bin"
    odd = vectors / "eventlog-cc/cos-113-intel-tdx-dupe-separator.bin"
    wanted = replay(parse_log(good.read_bytes()).extends("sha384"), MAPPINGS["cc"])
    stated = [f"--register={name}={value.hex()}" for name, value in wanted.items()]
    done = troth("replay", odd, "--reference", good, "--json", *stated)
    told = {one["register"]: one for one in done.json()["registers"]}
    assert (done.status, done.json()["code"]) == (4, "eventlog.wrong")
    assert [told[f"rtmr{n}"]["verdict"] for n in range(3)] == ["wrong", "wrong", "matched"]
    assert [told[f"rtmr{n}"]["parted_at"] for n in range(2)] == [1, 16]
    assert told["rtmr1"]["parted"] == "entry 16 is not that of the reference, its entry 15"
    second, missing = done.json()["findings"]
    assert (second["index"], second["finding"]) == (15, "second-separator")
    assert missing["finding"] == "no-separator"
