# SPDX-License-Identifier: Apache-2.0
"""What cannot be done as asked: exit status 2, one code, and words that say what to do."""

from __future__ import annotations

import resource
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import WHEN, Files
from tests.program import PROGRAM, environment, troth

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
MEMORY: Final = 512 * MIB  # of address space: several times what the program needs


def refused(code: str, *arguments: object, stdin: bytes = b"") -> str:
    """Run with and without --json, hold both to `code` and status 2; return the detail."""
    done = troth(*arguments, "--json", stdin=stdin)
    judged = done.json()
    assert (done.status, judged["verdict"], judged["class"]) == (2, "error", "UsageError")
    assert judged["code"] == code
    assert [judged[key] for key in ("facts", "tcb", "anchor", "judged_at")] == [None] * 4
    text = troth(*arguments, stdin=stdin)
    assert (text.status, text.out) == (2, b"")
    assert f"  {code}: " in text.err
    return str(judged["detail"])


@pytest.mark.parametrize("group", [(), ("policy",), ("emulate",), ("emulate", "tdx")])
def test_a_group_alone_shows_its_help(group: tuple[str, ...]) -> None:
    done = troth(*group)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(" ".join(["Usage: troth", *group]))
    assert done.err == troth(*group, "--help").text


def test_no_such_command() -> None:
    assert "No such command 'verfy'" in refused("usage.arguments", "verfy")
    assert "try: troth --help" in troth("verfy").err


def test_no_such_option(files: Files) -> None:
    assert "--colateral" in refused("usage.arguments", "verify", files.quote, "--colateral", "x")


def test_a_missing_argument() -> None:
    assert "Missing argument 'FILE'" in refused("usage.arguments", "verify")


def test_no_such_tee(files: Files) -> None:
    assert "'sev'" in refused("usage.arguments", "verify", files.quote, "--tee", "sev")


def test_collateral_with_and_without(files: Files) -> None:
    detail = refused("usage.arguments", *files.sound, "--without-collateral")
    assert "--collateral and --without-collateral" in detail


def test_a_policy_and_genuine_is_enough(files: Files) -> None:
    policy = ("--policy", str(files.policy))
    detail = refused("usage.arguments", *files.sound, *policy, "--genuine-is-enough")
    assert "--policy and --genuine-is-enough" in detail


@pytest.mark.parametrize(
    "when",
    [
        "yesterday",
        "",
        "-1",
        "2026-11-01T12:00:00",
        "2026-11-01T12:00:00+01:00",
        "2026-13-01",
        "2026-02-30",
        "999999999999",
        "١٢٣",
    ],
)
def test_no_instant(files: Files, when: str) -> None:
    assert "Unix seconds" in refused("usage.time", *files.sound[:-1], when)


@pytest.mark.parametrize(
    "given",
    ["", "0", "0x00", "zz", "00 00", "00" * 65],
    ids=["empty", "odd", "prefix", "letters", "space", "long"],
)
def test_no_report_data(files: Files, given: str) -> None:
    detail = refused("usage.hex", *files.sound, "--report-data", given)
    assert detail.startswith("--report-data: ")


@pytest.mark.parametrize("option", ["--collateral", "--policy", "--root"])
def test_a_file_that_is_not_there(files: Files, option: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    detail = refused("usage.file", "verify", files.quote, option, path)
    assert detail == f"{path}: No such file or directory"


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_evidence_that_cannot_be_read(command: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    assert refused("usage.file", command, path) == f"{path}: No such file or directory"
    assert refused("usage.file", command, tmp_path) == f"{tmp_path}: Is a directory"


def test_a_name_from_elsewhere_is_printed_escaped() -> None:
    done = troth("verify", "no\x1b[31m\nfile")
    assert "\x1b" not in done.err
    assert "no\\x1b[31m\\nfile: No such file" in done.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
    ids=["empty", "text", "no-certificate", "a-key"],
)
def test_no_trust_anchor(files: Files, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(content)
    detail = refused("usage.root", "verify", files.quote, "--root", path)
    assert detail.startswith(f"{path}: ")


def test_a_root_whose_key_cannot_be_used(files: Files, vectors: Path) -> None:
    path = vectors / "snp-certs" / "ask_ark_milan.pem"
    assert "not a P-256 key" in refused("usage.root", "verify", files.quote, "--root", path)


def test_too_many_roots_in_one_file(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(files.root.read_bytes() * 17)
    assert "more than 16" in refused("usage.root", "verify", files.quote, "--root", path)


def test_a_policy_that_is_none(files: Files) -> None:
    refused("usage.policy", *files.sound, "--policy", files.quote)


def test_a_closed_standard_input() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{PROGRAM}' verify - <&-"],
        capture_output=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 2
    assert b"usage.file: -: standard input is closed" in done.stderr


# --- sizes ----------------------------------------------------------------------------------------


def limited(*arguments: object) -> tuple[int, bytes]:
    """Run with little memory and return status and output."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        capture_output=True,
        check=False,
        env=environment(),
        preexec_fn=limit,
    )
    return done.returncode, done.stdout


def huge(path: Path, first: bytes = b"") -> Path:
    """Make a file of 16 GiB that takes no space, beginning with `first`."""
    with path.open("wb") as file:
        file.write(first)
        file.truncate(16 * GIB)
    return path


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_a_file_larger_than_memory_is_not_read(files: Files, command: str, tmp_path: Path) -> None:
    path = huge(tmp_path / "quote", files.quote.read_bytes())
    status, out = limited(command, path, "--json")
    assert (status, b'"wire.too-large"' in out) == (3, True)


@pytest.mark.parametrize(
    ("option", "code", "status"),
    [
        ("--collateral", b'"json.too-large"', 3),
        ("--policy", b'"usage.policy"', 2),
        ("--root", b'"usage.root"', 2),
    ],
)
def test_other_files_larger_than_memory_are_not_read(
    files: Files, tmp_path: Path, option: str, code: bytes, status: int
) -> None:
    path = huge(tmp_path / "file", b"#")
    got, out = limited("verify", files.quote, option, path, "--at", WHEN, "--json")
    assert (got, code in out) == (status, True)


def test_16_mib_on_standard_input() -> None:
    data = b"\4\0\2\0\x81\0\0\0" + bytes(16 * MIB)
    done = troth("verify", "-", "--json", stdin=data)
    assert (done.status, done.json()["code"]) == (3, "wire.too-large")


@pytest.mark.parametrize("size", [0, 1, 47, 48, 64 * KIB, 64 * KIB + 1])
def test_zeros_of_any_size_are_no_quote(size: int) -> None:
    done = troth("verify", "-", "--json", stdin=bytes(size))
    assert done.status == 3
    assert done.json()["code"] == "evidence.unknown"
