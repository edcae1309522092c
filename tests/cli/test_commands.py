# SPDX-License-Identifier: Apache-2.0
"""The other commands: inspect, policy, emulate, completion, and what --version and --help say."""

from __future__ import annotations

import platform
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import WHEN, Files
from tests.program import troth
from tests.tdx import REPORT_DATA
from troth import __version__
from troth.crypto.digest import sha384
from troth.evidence.detect import TEES
from troth.evidence.tdx import TdxQuote, describe_pck, describe_quote

# --- inspect --------------------------------------------------------------------------------------


def test_inspect_says_first_that_nothing_is_verified(files: Files) -> None:
    done = troth("inspect", files.quote)
    assert done.status == 0
    assert done.text.startswith("NOTHING VERIFIED  TDX quote; these are claims\n")
    assert REPORT_DATA.hex() in done.text
    assert "genuine" not in done.text.lower()


def test_inspect_shows_every_claim_as_json(files: Files) -> None:
    judged = troth("inspect", files.quote, "--json").json()
    quote = TdxQuote.parse(files.quote.read_bytes())
    assert judged == {
        "verified": False,
        "tee": "tdx",
        "facts": describe_quote(quote) | describe_pck(quote),
        "pck_chain_error": None,
        "trailing_bytes": 0,
        "trailing_zeros": True,
    }


@pytest.mark.parametrize("tail", [b"", bytes(7), bytes(6) + b"\1"], ids=["none", "zeros", "other"])
def test_inspect_says_what_stands_behind(files: Files, tail: bytes) -> None:
    data = files.quote.read_bytes() + tail
    judged = troth("inspect", "-", "--json", stdin=data).json()
    assert (judged["trailing_bytes"], judged["trailing_zeros"]) == (len(tail), not any(tail))
    text = troth("inspect", "-", stdin=data).text
    assert ("7 zero bytes stand" in text) == (tail == bytes(7))
    assert ("7 bytes, not all zero, stand" in text) == any(tail)


def test_inspect_shows_a_quote_without_a_readable_chain(files: Files) -> None:
    data = files.tee.quote(REPORT_DATA, chain=b"nothing")
    judged = troth("inspect", "-", "--json", stdin=data).json()
    assert judged["pck_chain_error"].startswith("wire.pem: ")
    assert judged["facts"]["report_data"] == REPORT_DATA.hex()
    assert "fmspc" not in judged["facts"]
    assert "the PCK chain cannot be read: wire.pem" in troth("inspect", "-", stdin=data).text


def test_inspect_refuses_what_is_no_quote(files: Files) -> None:
    data = files.quote.read_bytes()[:-1]
    done = troth("inspect", "-", "--json", stdin=data)
    assert (done.status, done.json()["code"]) == (3, "quote.signature-length")
    done = troth("inspect", "-", stdin=data)
    assert (done.status, done.out) == (3, b"")
    assert "quote.signature-length" in done.err


def test_inspect_every_real_quote(vectors: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v5-90c06f000000-d0010db6.quote"
    text = troth("inspect", path).text
    for heading in ("Trust domain", "Registers", "TDX module", "Platform", "Quote"):
        assert f"\n{heading}\n" in text
    assert "mr_service_td" in text


# --- policy ---------------------------------------------------------------------------------------


def test_policy_init_accepts_what_it_was_made_from(files: Files, tmp_path: Path) -> None:
    done = troth("policy", "init", "--from", files.quote)
    assert (done.status, done.err) == (0, "")
    path = tmp_path / "td.toml"
    path.write_bytes(done.out)
    assert troth("policy", "check", path).text == f"{path}: version 1, sections: tdx\n"
    assert troth(*files.sound, "--policy", path).status == 0


def test_policy_init_to_a_new_file_only(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "td.toml"
    done = troth("policy", "init", "--from", "-", "--output", path, stdin=files.quote.read_bytes())
    assert (done.status, done.out, done.err) == (0, b"", f"troth: wrote {path}\n")
    written = path.read_bytes()
    assert tomllib.loads(written.decode())["version"] == 1
    done = troth("policy", "init", "--from", files.quote, "--output", path)
    assert done.status == 2
    assert f"usage.file: {path}: File exists" in done.err
    assert path.read_bytes() == written


def test_policy_init_wants_evidence(files: Files) -> None:
    assert "evidence.unknown" in (done := troth("policy", "init", "--from", files.bundle)).err
    assert done.status == 3
    assert "Missing option '--from'" in troth("policy", "init").err


def test_policy_check_names_the_line(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "td.toml"
    text = files.policy.read_text(encoding="utf-8").replace("mr_owner =", "mr_owners =")
    path.write_text(text, encoding="utf-8")
    line = text[: text.index("mr_owners")].count("\n") + 1
    done = troth("policy", "check", path)
    assert done.status == 2
    assert f"usage.policy: {path}: tdx.mr_owners (line {line}) is unknown" in done.err


def test_policy_check_refuses_one_that_denies_everything(tmp_path: Path) -> None:
    path = tmp_path / "td.toml"
    path.write_text("version = 1\n", encoding="utf-8")
    done = troth("policy", "check", path)
    assert done.status == 2
    assert "no section; all evidence would be denied" in done.err


def test_a_policy_without_a_section_denies(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "td.toml"
    path.write_text("version = 1\n", encoding="utf-8")
    done = troth(*files.sound, "--policy", path, "--json")
    assert (done.status, done.json()["code"]) == (6, "policy.section")


# --- emulate --------------------------------------------------------------------------------------


def judged(folder: Path, *extra: object, quote: bytes | None = None) -> dict[str, Any]:
    """Verify a quote of the software TDX in `folder` under its own root."""
    if quote is None:
        quote = troth("emulate", "tdx", "quote", folder, "--report-data", "00ff").out
    own = ("--root", folder / "root.pem", "--collateral", folder / "collateral.json")
    return troth("verify", "-", *own, "--json", *extra, stdin=quote).json()


def test_emulate_from_the_manual(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    done = troth("emulate", "tdx", "init", folder)
    assert done.status == 0
    assert f"its root is {folder}/root.pem" in done.err
    written = [path for path in folder.rglob("*") if path.is_file()]
    keys = [path for path in written if b"PRIVATE KEY" in path.read_bytes()]
    assert keys
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    output = tmp_path / "quote.bin"
    arguments = ("emulate", "tdx", "quote", folder, "--report-data", "00ff", "--output", output)
    assert troth(*arguments).status == 0
    found = judged(folder, quote=output.read_bytes())
    assert found["verdict"] == "genuine"
    assert found["facts"]["report_data"] == "00ff" + "00" * 62
    assert found["anchor"].startswith("sha256:")
    again = troth(*arguments)
    assert again.status == 2
    assert f"usage.file: {output}: File exists" in again.err


def test_emulate_init_takes_a_new_folder_only(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = troth("emulate", "tdx", "init", tmp_path)
    assert done.status == 2
    assert f"usage.file: {tmp_path}: not empty" in done.err
    done = troth("emulate", "tdx", "init", tmp_path / "something")
    assert done.status == 2
    assert f"usage.file: {tmp_path / 'something'}: " in done.err


def test_emulate_init_options(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    options = ("--at", WHEN, "--mr-td", "ab" * 48, "--debug", "--status", "OutOfDate")
    shape = ("--ca", "processor", "--quote-version", "5")
    assert troth("emulate", "tdx", "init", folder, *options, *shape).status == 0
    found = judged(folder, "--at", WHEN)
    facts = found["facts"]
    assert found["tcb"]["status"] == "OutOfDate"
    assert facts["mr_td"] == "ab" * 48
    assert facts["debug"] is True
    assert facts["sept_ve_disable"] is True
    assert facts["pck_ca"] == "processor"
    assert facts["version"] == 5
    late = judged(folder, "--at", "2027-11-01")
    assert (late["verdict"], late["code"]) == ("stale", "crl.expired")


def test_emulate_revoked(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    assert troth("emulate", "tdx", "init", folder, "--status", "Revoked").status == 0
    assert judged(folder)["code"] == "tcb.revoked"


def test_emulate_extend(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    assert troth("emulate", "tdx", "init", folder).status == 0
    before = judged(folder)["facts"]
    value = bytes.fromhex(before["rtmr2"])
    for digest in (b"\1" * 48, b"\2" * 48):
        value = sha384(value + digest)
        arguments = ("extend", folder, "--index", "2", "--digest", digest.hex())
        assert troth("emulate", "tdx", *arguments).text == value.hex() + "\n"
    facts = judged(folder)["facts"]
    assert facts["rtmr2"] == value.hex()
    assert facts["rtmr1"] == before["rtmr1"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("extend", "--index", "4", "--digest", "00" * 48), 2, "usage.arguments"),
        (("extend", "--index", "0", "--digest", "00" * 47), 2, "usage.hex"),
        (("extend", "--index", "0", "--digest", "00" * 49), 2, "usage.hex"),
        (("quote", "--report-data", "00" * 65), 2, "usage.hex"),
        (("quote", "--report-data", ""), 2, "usage.hex"),
        (("quote",), 2, "Missing option '--report-data'"),
    ],
    ids=["index", "short-digest", "long-digest", "long-data", "no-data", "no-option"],
)
def test_emulate_refuses(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    folder = tmp_path / "td"
    assert troth("emulate", "tdx", "init", folder).status == 0
    command, *options = arguments
    done = troth("emulate", "tdx", command, folder, *options)
    assert (done.status, done.out) == (status, b"")
    assert said in done.err


def test_emulate_wants_a_software_tdx(tmp_path: Path) -> None:
    asked = ("emulate", "tdx", "quote", tmp_path, "--report-data", "00")
    done = troth(*asked)
    assert done.status == 2
    assert f"usage.file: {tmp_path}: no software TEE; make one with" in done.err
    (tmp_path / "tee.json").write_text('{"kind": "tdx"}')  # it was one, and is broken
    done = troth(*asked)
    assert done.status == 7
    assert "tsm.state" in done.err


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--mr-td", "zz", "usage.hex"),
        ("--mr-td", "00" * 49, "usage.hex"),
        ("--at", "soon", "usage.time"),
        ("--status", "Splendid", "usage.arguments"),
        ("--ca", "root", "usage.arguments"),
        ("--quote-version", "3", "usage.arguments"),
    ],
)
def test_emulate_init_refuses(tmp_path: Path, option: str, value: str, code: str) -> None:
    done = troth("emulate", "tdx", "init", tmp_path / "td", option, value)
    assert done.status == 2
    assert code in done.err
    assert not (tmp_path / "td").exists()


# --- the rest -------------------------------------------------------------------------------------


def test_version_says_what_this_is_made_of() -> None:
    done = troth("--version")
    assert done.status == 0
    first, second, third = done.text.splitlines()
    assert first == f"troth {__version__}"
    assert second.startswith(f"python {platform.python_version()} on ")
    assert third.startswith("cryptography ")
    assert " with OpenSSL " in third


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("verify",),
        ("inspect",),
        ("policy", "init"),
        ("policy", "check"),
        ("emulate", "tdx", "init"),
        ("emulate", "tdx", "quote"),
        ("emulate", "tdx", "extend"),
        ("emulate", "sgx", "init"),
        ("emulate", "sgx", "quote"),
        ("emulate", "snp"),
        ("emulate", "snp", "init"),
        ("emulate", "snp", "report"),
        ("emulate", "cca", "init"),
        ("emulate", "cca", "token"),
        ("emulate", "cca", "extend"),
        ("emulate", "cove"),
        ("emulate", "cove", "extend"),
        ("completion",),
    ],
    ids=" ".join,
)
def test_help_is_there_and_fits(command: tuple[str, ...]) -> None:
    done = troth(*command, "--help")
    assert done.status == 0
    assert done.text.startswith("Usage: " + " ".join(["troth", *command]))
    assert max(len(line) for line in done.text.splitlines()) <= 88
    assert troth(*command, "-h").out == done.out


def test_help_lists_every_exit_status() -> None:
    text = troth("--help").text
    assert [line.split()[0] for line in text.partition("Exit status:")[2].splitlines() if line] == [
        *map(str, range(8)),
        "70",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = troth("completion", shell)
    assert done.status == 0
    assert f"_TROTH_COMPLETE={shell}_complete" in done.text


def test_completion_for_no_such_shell() -> None:
    done = troth("completion", "tcsh")
    assert done.status == 2
    assert "usage.arguments" in done.err


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("troth ver", ["verify"]),
        ("troth emulate tdx ", ["extend", "init", "quote"]),
        ("troth verify --without", ["--without-collateral", "--without-crl"]),
        ("troth verify q --tee ", sorted(["auto", *TEES])),
    ],
)
def test_completion_completes(words: str, offered: list[str]) -> None:
    count = str(len(words.split(" ")) - 1)
    done = troth(_TROTH_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    assert done.status == 0
    assert sorted(line.partition(",")[2] for line in done.text.splitlines()) == offered
