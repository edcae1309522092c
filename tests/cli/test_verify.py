# SPDX-License-Identifier: Apache-2.0
"""`troth verify`: every option, every verdict, every exit status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import WHEN, Files
from tests.program import Outcome, troth
from tests.tdx import AT, REPORT_DATA
from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx import SoftwareTdx

NOTHING_CHECKED = "nothing about the workload was checked"


def verdict(done: Outcome) -> tuple[int, str, str | None]:
    judged = done.json()
    return done.status, judged["verdict"], judged["code"]


def evaluated(number: int) -> Callable[[dict[str, Any]], None]:
    """Return the change that gives a document another evaluation number."""
    return lambda document: document.update(tcbEvaluationDataNumber=number)


def test_accepted_is_0(files: Files) -> None:
    done = troth(*files.sound, "--policy", files.policy)
    assert done.status == 0
    assert done.text.startswith("ACCEPTED  TDX evidence under sha256:")
    assert "TCB status UpToDate" in done.text
    assert "no report data was expected" in done.err


def test_accepted_for_a_nonce_needs_no_remark(files: Files) -> None:
    expected = ("--report-data", REPORT_DATA.hex())
    done = troth(*files.sound, "--policy", files.policy, *expected)
    assert (done.status, done.err) == (0, "")


def test_accepted_in_json(files: Files) -> None:
    done = troth(*files.sound, "--policy", files.policy, "--json")
    judged = done.json()
    assert verdict(done) == (0, "accepted", None)
    assert judged["appraised"] is True
    assert judged["judged_at"] == WHEN
    assert judged["facts"]["report_data"] == REPORT_DATA.hex()
    assert judged["collateral"]["source"] == str(files.bundle)
    assert {row["verdict"] for row in judged["trace"]} == {"held", "skipped"}
    assert [row["rule"] for row in judged["trace"] if row["verdict"] == "skipped"] == [
        "11.report-data"
    ]


def test_genuine_is_1_and_says_what_was_not_checked(files: Files) -> None:
    done = troth(*files.sound)
    assert done.status == 1
    assert done.text.startswith("GENUINE  TDX evidence under sha256:")
    assert NOTHING_CHECKED in done.err
    done = troth(*files.sound, "--json")
    assert verdict(done) == (1, "genuine", None)
    assert done.json()["appraised"] is False
    assert NOTHING_CHECKED in done.err


def test_genuine_is_enough_by_name(files: Files) -> None:
    done = troth(*files.sound, "--genuine-is-enough", "--json")
    assert verdict(done) == (0, "genuine", None)
    assert done.json()["appraised"] is False
    assert NOTHING_CHECKED in done.err


def test_enough_is_for_genuine_alone(files: Files) -> None:
    arguments = ("verify", files.quote, "--genuine-is-enough", "--at", WHEN, "--json")
    assert verdict(troth(*arguments, "--without-collateral")) == (4, "untrusted", "chain.root")
    assert verdict(troth(*arguments, "--root", files.root)) == (5, "stale", "collateral.missing")


def test_denied_is_6_and_shows_the_facts(files: Files, tmp_path: Path) -> None:
    policy = tmp_path / "strict.toml"
    text = files.policy.read_text(encoding="utf-8")
    policy.write_text(text.replace('status = ["UpToDate"]', "status = []"), encoding="utf-8")
    done = troth(*files.sound, "--policy", policy, "--json")
    assert verdict(done) == (6, "denied", "policy.status")
    judged = done.json()
    assert judged["appraised"] is True
    assert judged["class"] == "DeniedError"
    assert judged["facts"]["debug"] is False
    assert judged["tcb"]["status"] == "UpToDate"
    failed = [row for row in judged["trace"] if row["verdict"] == "failed"]
    assert [(row["rule"], row["expected"], row["got"]) for row in failed] == [
        ("policy.status", "nothing", "UpToDate")
    ]
    assert failed[0]["source"] == f"{policy}: tdx.status"
    text = troth(*files.sound, "--policy", policy).text
    assert text.startswith("DENIED  the TCB status is not accepted; TDX evidence under sha256:")


def test_malformed_is_3(files: Files) -> None:
    done = troth("verify", "-", "--json", stdin=b"not a quote")
    assert verdict(done) == (3, "malformed", "evidence.unknown")
    assert troth("verify", files.bundle, "--without-collateral").status == 3


def test_untrusted_is_4_and_shows_no_facts(files: Files) -> None:
    done = troth("verify", files.quote, "--collateral", files.bundle, "--at", WHEN)
    assert done.status == 4
    assert done.text.startswith("UNTRUSTED  the chain does not end in a trust anchor\n")
    assert "chain.root: sha256:" in done.text
    assert REPORT_DATA.hex() not in done.text


def test_stale_is_5_and_names_what_is_wanted(files: Files) -> None:
    done = troth("verify", files.quote, "--root", files.root, "--at", WHEN)
    assert done.status == 5
    assert "collateral.missing: wanted: TDX collateral for FMSPC e00000000000" in done.text
    assert "--without-collateral" in done.text


def test_without_collateral_the_status_is_unknown(files: Files) -> None:
    arguments = ("verify", files.quote, "--root", files.root, "--at", WHEN)
    done = troth(*arguments, "--without-collateral", "--json")
    assert verdict(done) == (1, "genuine", None)
    judged = done.json()
    assert judged["tcb"]["status"] == "unknown"
    assert judged["collateral"] is None
    done = troth(*arguments, "--without-collateral")
    assert "not checked: no collateral, by the caller's word" in done.text


def test_trace_lists_every_rule(files: Files) -> None:
    short, whole = troth(*files.sound).text, troth(*files.sound, "--trace").text
    assert "(--trace lists all)" in short
    assert "2.root-key" not in short
    assert "+ 2.root-key" in whole
    assert "(--trace lists all)" not in whole
    rows = [row["rule"] for row in troth(*files.sound, "--json").json()["trace"]]
    assert all(rule in whole for rule in rows)
    assert len(rows) > 20


@pytest.mark.parametrize("kind", ["auto", "tdx"])
def test_tee_by_name_or_by_first_bytes(files: Files, kind: str) -> None:
    assert troth(*files.sound, "--tee", kind).status == 1


def test_tee_by_name_does_not_look_at_the_first_bytes() -> None:
    data = bytes(64)
    assert troth("verify", "-", "--tee", "auto", "--json", stdin=data).json()["tee"] is None
    done = troth("verify", "-", "--tee", "tdx", "--json", stdin=data)
    assert verdict(done) == (3, "malformed", "unsupported.version")
    assert done.json()["tee"] == "tdx"


@pytest.mark.parametrize("when", [WHEN, "2026-11-01", str(int(AT.timestamp()))])
def test_an_instant_has_three_spellings(files: Files, when: str) -> None:
    assert troth(*files.sound[:-1], when).status == 1


def test_the_instant_decides(files: Files) -> None:
    soon = str(int((AT - timedelta(days=2)).timestamp()))
    late = str(int((AT + timedelta(days=60)).timestamp()))
    assert verdict(troth(*files.sound[:-1], soon, "--json")) == (5, "stale", "chain.not-yet-valid")
    assert verdict(troth(*files.sound[:-1], late, "--json")) == (5, "stale", "crl.expired")


def test_without_an_instant_it_is_now(tmp_path: Path) -> None:
    at = AT.replace(year=2001)
    tee = SoftwareTdx.create(at=at)
    (tmp_path / "quote").write_bytes(tee.quote(REPORT_DATA))
    (tmp_path / "root").write_bytes(tee.root_pem)
    arguments = ("verify", tmp_path / "quote", "--root", tmp_path / "root", "--without-collateral")
    assert verdict(troth(*arguments, "--json")) == (5, "stale", "chain.expired")


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (REPORT_DATA.hex(), (1, "genuine", None)),
        (REPORT_DATA.hex().upper(), (1, "genuine", None)),
        (REPORT_DATA[:32].hex(), (4, "untrusted", "tdx.report-data")),
        (bytes(64).hex(), (4, "untrusted", "tdx.report-data")),
    ],
    ids=["equal", "upper-case", "prefix", "other"],
)
def test_report_data_is_compared_whole(
    files: Files, given: str, outcome: tuple[int, str, str | None]
) -> None:
    assert verdict(troth(*files.sound, "--report-data", given, "--json")) == outcome


def test_short_report_data_demands_zeros(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "quote.bin"
    path.write_bytes(files.tee.quote(b"\1" * 32 + bytes(32)))
    arguments = ("verify", path, *files.sound[2:], "--report-data", "01" * 32)
    assert troth(*arguments).status == 1


def test_a_tail_of_zeros_is_counted(files: Files) -> None:
    arguments = ("verify", "-", *files.sound[2:], "--json")
    done = troth(*arguments, stdin=files.quote.read_bytes() + bytes(70))
    assert verdict(done) == (1, "genuine", None)
    assert done.json()["trailing_bytes"] == 70


def test_any_other_tail_is_refused_unless_allowed(files: Files) -> None:
    arguments = ("verify", "-", *files.sound[2:], "--json")
    data = files.quote.read_bytes() + bytes(69) + b"\1"
    assert verdict(troth(*arguments, stdin=data)) == (3, "malformed", "tdx.trailing")
    done = troth(*arguments, "--allow-trailing", stdin=data)
    assert verdict(done) == (1, "genuine", None)
    assert done.json()["trailing_bytes"] == 70


def test_standard_input_is_a_dash(files: Files) -> None:
    data = files.quote.read_bytes()
    assert troth("verify", "-", *files.sound[2:], stdin=data).status == 1


def test_several_sets_the_best_is_chosen(files: Files, tmp_path: Path) -> None:
    numbers = {}
    for number in (18, 19):
        path = tmp_path / f"{number}.json"
        change = evaluated(number)
        bundle = files.tee.collateral(tcb_info=change, qe_identity=change)
        path.write_bytes(bundle.json())
        numbers[number] = ("--collateral", str(path))
    arguments = ("verify", files.quote, "--root", files.root, "--at", WHEN, "--json")
    done = troth(*arguments, *numbers[19], *numbers[18])
    assert done.json()["collateral"]["source"] == str(tmp_path / "19.json")
    done = troth(*arguments, *numbers[18], "--collateral", files.bundle, *numbers[19])
    assert done.json()["collateral"]["evaluation_number"] == 20


def test_a_folder_of_sets_and_what_else_is_in_it(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a-list.json").write_text("[1, 2]", encoding="utf-8")
    (tmp_path / "MANIFEST.json").write_text('{"files": []}', encoding="utf-8")
    (tmp_path / "README.txt").write_text("no JSON", encoding="utf-8")
    (tmp_path / "set.json").write_bytes(files.bundle.read_bytes())
    arguments = ("verify", files.quote, "--root", files.root, "--at", WHEN, "--json")
    done = troth(*arguments, "--collateral", tmp_path)
    assert verdict(done) == (1, "genuine", None)
    assert done.json()["collateral"]["source"] == str(tmp_path / "set.json")
    left_out = [line for line in done.err.splitlines() if "left out" in line]
    assert left_out == [
        f"troth: {tmp_path / name}: not a collateral bundle, left out"
        for name in ("MANIFEST.json", "a-list.json")
    ]


def test_a_folder_without_sets_is_no_collateral(files: Files, tmp_path: Path) -> None:
    arguments = ("verify", files.quote, "--root", files.root, "--at", WHEN, "--json")
    done = troth(*arguments, "--collateral", tmp_path)
    assert verdict(done) == (5, "stale", "collateral.missing")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "json.syntax"),
        (b'{"tcb_info": "{}"}', "json.type"),
        (b'{"tcb_info": 1, "tcb_info": 2}', "json.duplicate"),
    ],
    ids=["cut", "member-missing", "duplicate"],
)
def test_a_broken_set_is_malformed_and_named(
    files: Files, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    arguments = ("verify", files.quote, "--root", files.root, "--at", WHEN, "--json")
    for given in (path, tmp_path):
        done = troth(*arguments, "--collateral", given)
        assert verdict(done) == (3, "malformed", code)
        assert done.json()["detail"].startswith(f"{path}: ")
        assert done.json()["judged_at"] == WHEN


def test_several_roots_in_files_and_in_one_file(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(SoftwareTdx.create(at=AT).root_pem)
    both = tmp_path / "both.pem"
    both.write_bytes(other.read_bytes() + files.root.read_bytes())
    arguments = ("verify", files.quote, "--collateral", files.bundle, "--at", WHEN, "--json")
    assert verdict(troth(*arguments, "--root", other)) == (4, "untrusted", "chain.root")
    assert troth(*arguments, "--root", other, "--root", files.root).status == 1
    assert troth(*arguments, "--root", both).status == 1


def test_a_root_replaces_the_vendors(files: Files, vectors: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote"
    arguments = ("verify", path, "--without-collateral", "--at", "2026-03-31", "--json")
    assert troth(*arguments).json()["anchor"] == "intel-sgx-root"
    done = troth(*arguments, "--root", files.root)
    assert verdict(done) == (4, "untrusted", "chain.root")


def test_a_vendors_root_by_file_has_its_name(vectors: Path, tmp_path: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote"
    chain = path.read_bytes().partition(b"-----BEGIN")[2].split(b"-----BEGIN CERTIFICATE-----\n")
    root = tmp_path / "root.pem"
    root.write_bytes(b"-----BEGIN CERTIFICATE-----\n" + chain[-1].rstrip(b"\0"))
    arguments = ("verify", path, "--without-collateral", "--at", "2026-03-31", "--json")
    assert troth(*arguments, "--root", root).json()["anchor"] == "intel-sgx-root"


def test_a_forgery_is_refused(files: Files) -> None:
    forged = files.tee.quote(REPORT_DATA, attestation_key=PrivateKey.generate())
    done = troth("verify", "-", *files.sound[2:], "--json", stdin=forged)
    assert verdict(done) == (4, "untrusted", "qe.binding")
    assert done.json()["trace"][-1]["rule"] == "7.attestation-key"
