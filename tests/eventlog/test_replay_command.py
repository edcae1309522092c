# SPDX-License-Identifier: Apache-2.0
"""`troth replay`: verdict and exit status, and what cannot be compared as asked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from tests.eventlog.logs import BOOT, cc_log
from tests.kinds import example
from tests.program import Outcome, troth
from tests.tdx import AT, REPORT_DATA
from troth.evidence.detect import Tee
from troth.evidence.eventlog import MAPPINGS, build_cc_log, parse_cc_log, replay
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tdx.settings import Settings

VALUES: Final = replay(parse_cc_log(cc_log()).extends("sha384"), MAPPINGS["cc"])
GIVEN: Final = [f"--register={name}={value.hex()}" for name, value in VALUES.items()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "CCEL"
    path.write_bytes(build_cc_log(BOOT, area=4096))
    return path


def quote_with(**registers: bytes) -> bytes:
    """Return a quote of a TD whose RTMRs have these values, and zeros else."""
    settings = Settings()
    rtmrs = tuple(registers.get(f"rtmr{n}", bytes(48)).hex() for n in range(4))
    settings = replace(settings, td=replace(settings.td, rtmrs=rtmrs))
    return SoftwareTdx.create(settings, at=AT).quote(REPORT_DATA)


def test_all_registers_match(log: Path) -> None:
    done = troth("replay", log, *GIVEN)
    assert (done.status, done.err) == (0, "")
    assert done.text.startswith("MATCHED  ccel log of 6 entries, sha384")
    assert VALUES["rtmr0"].hex() in done.text
    assert troth("replay", "-", *GIVEN, stdin=cc_log()).status == 0


def test_without_a_register_nothing_is_said_to_match(log: Path) -> None:
    done = troth("replay", log)
    assert (done.status, done.text.split()[0]) == (1, "NOT-COMPARED")
    assert "no register was given" in done.err


def test_one_wrong_register_is_a_wrong_log(log: Path) -> None:
    done = troth("replay", log, *GIVEN[:2], f"--register=rtmr2={'11' * 48}", "--json")
    told = done.json()
    assert (done.status, told["verdict"], told["code"]) == (4, "wrong", "eventlog.wrong")
    assert [one["verdict"] for one in told["registers"]] == ["matched", "matched", "wrong"]
    text = troth("replay", log, f"--register=rtmr2={'11' * 48}").text
    assert text.startswith("WRONG  no prefix of the event log replays to the register")
    assert "cannot be told" in text


def test_registers_that_prove_no_entry_are_no_match(log: Path, tmp_path: Path) -> None:
    zeros = [f"--register=rtmr{n}={'00' * 48}" for n in range(3)]
    quote = tmp_path / "quote.bin"
    quote.write_bytes(quote_with())
    for given in (zeros, zeros[:1], ["--quote", quote]):
        done = troth("replay", log, *given, "--json")
        told = done.json()
        said = done.status, told["verdict"], told["code"]
        assert said == (4, "unproven", "eventlog.unproven")
    text = troth("replay", log, *zeros).text
    assert text.startswith("UNPROVEN  no register proves any entry of the event log")
    log.write_bytes(build_cc_log([]))  # and an empty log, of which there is nothing to prove
    assert troth("replay", log, "--quote", quote, "--json").json()["code"] == "eventlog.unproven"


@pytest.mark.parametrize(
    ("tee", "what"),
    [
        ("snp", "an SNP report"),
        ("sgx", "an SGX quote"),
        ("cca", "a CCA token"),
        ("cove", "a CoVE token"),
    ],
)
def test_a_quote_of_another_kind_is_told_to_be_one(
    log: Path, tmp_path: Path, tee: Tee, what: str
) -> None:
    given = tmp_path / "evidence"
    given.write_bytes(example(tee).evidence)
    done = troth("replay", log, "--quote", given)
    assert (done.status, done.out) == (2, b"")
    assert "usage.arguments" in done.err
    assert f"{what}; a TDX quote, a TPM's quote or Azure's evidence is taken" in done.err


def test_a_bundle_and_what_is_nothing_known_are_no_quote(log: Path, tmp_path: Path) -> None:
    given = tmp_path / "evidence"
    given.write_bytes(b"\xa5" + bytes(64))  # a map, as a bundle is
    done = troth("replay", log, "--quote", given)
    assert (done.status, "an evidence bundle" in done.err) == (2, True)
    given.write_bytes(b"nothing")
    done = troth("replay", log, "--quote", given, "--json")
    assert (done.status, done.json()["code"]) == (3, "evidence.unknown")


def test_entries_behind_the_match_are_marked(log: Path) -> None:
    first = build_cc_log(BOOT[:5])
    half = replay(parse_cc_log(first).extends("sha384"), MAPPINGS["cc"])["rtmr2"]
    given = [*GIVEN[:2], f"--register=rtmr2={half.hex()}"]
    done = troth("replay", log, *given, "--events", "--json")
    told = done.json()
    assert (done.status, told["registers"][2]["prefix"], told["registers"][2]["behind"]) == (
        0,
        5,
        1,
    )
    assert [one["proven"] for one in told["events"]] == [True] * 5 + [False]
    assert [one["data"] for one in told["events"]] == ["measured"] * 6
    text = troth("replay", log, *given, "--events").text
    assert "  -     5 rtmr2  measured      EV_IPL initrd" in text
    assert "1 behind it are no evidence" in text


def test_registers_in_a_file(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "registers"
    rows = [f"{name} {value.hex()}" for name, value in VALUES.items()]
    path.write_text("# of the report\n\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert troth("replay", log, "--registers", path).status == 0
    refuse(troth("replay", log, "--registers", path, GIVEN[0], "--json"), "usage.register")
    path.write_text("# nothing\n", encoding="utf-8")
    refuse(troth("replay", log, "--registers", path, "--json"), "usage.register")
    path.write_text("rtmr0: 00\n", encoding="utf-8")
    refuse(troth("replay", log, "--registers", path, "--json"), "usage.register")
    path.write_bytes(b"#" * (64 * 1024 + 1))
    refuse(troth("replay", log, "--registers", path, "--json"), "usage.file")
    refuse(troth("replay", log, "--registers", tmp_path / "none", "--json"), "usage.file")
    refuse(troth("replay", "-", "--registers", "-", "--json"), "usage.arguments")


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("--register=rtmr0", "usage.register"),
        ("--register=rtmr0=00", "usage.register"),
        ("--register=rtmr0=0", "usage.hex"),
        (f"--register=rtmr0={'00' * 65}", "usage.hex"),
        (f"--register=pcr0={'00' * 48}", "usage.register"),
        (f"--register=rtmr0={'00' * 32}", "usage.register"),  # of a bank that the log has not
        ("--bank=sha1", "usage.register"),
        ("--mapping=none", "usage.arguments"),
        ("--kind=none", "usage.arguments"),
        ("--bank=md5", "usage.arguments"),
    ],
)
def test_what_cannot_be_compared(log: Path, argument: str, code: str) -> None:
    refuse(troth("replay", log, argument, "--json"), code)


def refuse(done: Outcome, code: str) -> None:
    assert (done.status, done.json()["code"]) == (2, code)


def test_an_unusable_log(log: Path) -> None:
    done = troth("replay", log, "--kind", "ima", "--json")
    told = done.json()
    assert (done.status, told["verdict"], told["code"]) == (3, "malformed", "eventlog.ima")
    log.write_bytes(log.read_bytes()[:-1] + b"\0")
    done = troth("replay", log)
    assert (done.status, done.out) == (3, b"")
    assert "eventlog.trailing" in done.err


def test_a_quote_whose_registers_the_log_leads_to(log: Path, tmp_path: Path) -> None:
    quote = tmp_path / "quote.bin"
    quote.write_bytes(quote_with(**VALUES))
    done = troth("replay", log, "--quote", quote)
    assert (done.status, done.text.split()[0]) == (0, "MATCHED")
    assert "the quote was not verified" in done.err
    quote.write_bytes(quote_with(**VALUES, rtmr3=b"\1" * 48))  # the guest's own, not the firmware's
    assert troth("replay", log, "--quote", quote).status == 0
    quote.write_bytes(quote_with(**VALUES | {"rtmr1": b"\1" * 48}))
    assert troth("replay", log, "--quote", quote).status == 4
    refuse(troth("replay", log, "--quote", quote, GIVEN[0], "--json"), "usage.register")


def test_a_register_that_the_firmware_extended_and_the_log_left_out(
    log: Path, tmp_path: Path
) -> None:
    """A log without any entry for RTMR2 does not escape the comparison with it."""
    log.write_bytes(build_cc_log(BOOT[:4]))
    quote = tmp_path / "quote.bin"
    quote.write_bytes(quote_with(**VALUES))
    done = troth("replay", log, "--quote", quote, "--json")
    (wrong,) = [one for one in done.json()["registers"] if one["verdict"] == "wrong"]
    assert (done.status, wrong["register"]) == (4, "rtmr2")
    assert wrong["parted"] == "the register was extended, and the log has no entry for it"


def test_a_list_that_extends_no_rtmr(tmp_path: Path) -> None:
    quote, log = tmp_path / "quote.bin", tmp_path / "list"
    quote.write_bytes(quote_with(**VALUES))
    log.write_bytes(b"10 " + b"11" * 48 + b" ima-ng sha1:" + b"00" * 20 + b" /x\n")
    refuse(troth("replay", log, "--quote", quote, "--json"), "usage.register")
    done = troth("replay", log, "--quote", quote, "--mapping", "uefi", "--json")
    assert (done.status, done.json()["registers"][0]["register"]) == (4, "rtmr2")
