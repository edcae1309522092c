# SPDX-License-Identifier: Apache-2.0
"""Every entry of every MANIFEST comes out as stated: by the library, and from the command line.

No folder, no file and no statement is left out: one that nothing reads fails here. What each kind
of file must come to is in `tests/manifests`, one module a kind of evidence.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.manifests.complete import problems
from tests.manifests.reader import check_told, in_process
from tests.manifests.walk import FOLDERS, reader_of
from tests.program import troth
from tests.vectors import UNTAKEN, VectorCase, cases, vector_params
from troth.errors import TrothError


def has_commands(case: VectorCase) -> bool:
    return not isinstance(reader_of(case).commands, str)


ALL: Final[list[Any]] = [param for folder in FOLDERS for param in vector_params(folder)]
TAKEN: Final = [one for one in ALL if one.values[0] is not None and has_commands(one.values[0])]
# One case of each folder in a process of its own, as a user starts it.
STARTED: Final = {one.id.partition("/")[0]: one for one in reversed(TAKEN)}
MOST: Final = 2  # commands of one case


@pytest.mark.parametrize("case", ALL)
def test_every_entry_comes_out_as_stated(case: VectorCase, vectors: Path) -> None:
    reader_of(case).library(case, vectors)


@pytest.mark.parametrize("case", TAKEN)
def test_every_entry_from_the_command_line(case: VectorCase, vectors: Path, tmp_path: Path) -> None:
    commands = reader_of(case).commands
    assert not isinstance(commands, str)
    for command in commands(case, vectors, tmp_path):
        check_told(command, in_process(command))


@pytest.mark.parametrize("case", STARTED.values())
def test_a_process_says_the_same(case: VectorCase, vectors: Path, tmp_path: Path) -> None:
    commands = reader_of(case).commands
    assert not isinstance(commands, str)
    for command in commands(case, vectors, tmp_path)[:MOST]:
        done = troth(*command.arguments, "--json", stdin=command.stdin)
        check_told(command, done)
        assert in_process(command) == done


def test_what_the_program_takes_no_file_of_has_a_reason(
    vectors: Path, record_property: Callable[[str, object], None]
) -> None:
    found = [case for folder in FOLDERS for case in cases(folder) if not has_commands(case)]
    reasons = Counter(
        (case.file.partition("/")[0], case.kind, str(reader_of(case).commands)) for case in found
    )
    assert all(reason for _, _, reason in reasons)
    assert 0 < sum(reasons.values()) < len(ALL) / 2
    for (folder, kind, reason), count in sorted(reasons.items()):
        record_property(UNTAKEN, f"{count} {folder}:{kind}: {reason}")
    assert vectors.is_dir()


def test_nothing_is_left_out(vectors: Path) -> None:
    assert list(problems(vectors)) == []


# --- what does not hold fails ---------------------------------------------------------------------

# A statement of the first case of a folder and kind that has it, and what it is not.
WRONG: Final[list[tuple[str, str, tuple[str, ...], Any]]] = [
    ("tdx-quote", "with_collateral", ("expect", "status"), "Revoked"),
    ("tdx-quote", "with_collateral", ("expect", "advisories"), ["INTEL-SA-00000"]),
    ("tdx-quote", "without_collateral", ("entry", "fields", "mr_td"), "00" * 48),
    ("tdx-quote", "without_collateral", ("entry", "trailing_bytes"), 1),
    ("sgx-quote", "with_collateral", ("expect", "status"), "Revoked"),
    ("sgx-quote", "without_collateral", ("entry", "fields", "isv_svn"), 60_000),
    ("snp", "fields", ("expect", "guest_svn"), 60_000),
    ("snp", "genuine", ("expect", "verifies_between"), ["2020-01-01T00:00Z", "2021-01-01T00:00Z"]),
    ("snp-certs", "certificate", ("entry", "serial"), 1),
    ("snp-certs", "certificate", ("entry", "issuer_cn"), "ARK-Genoa"),
    ("cca", "verdict", ("expect",), "reject: nonce-invalid"),
    ("eventlog-cc", "replayed", ("expect", "sha384"), {"0": "00" * 48}),
    ("eventlog-tpm", "replayed", ("entry", "events"), 1),
    ("eventlog-cc", "quote", ("expect", "rtmrs_that_match"), [0]),
    ("ima", "hashes", ("expect", "pcr_after"), {"sha1": "00" * 20}),
    ("intel-collateral", "bundle", ("entry", "fmspc"), "000000000000"),
    ("intel-collateral", "bundle", ("entry", "tcbEvaluationDataNumber"), 1),
    ("pcs-response", "recorded", ("entry", "valid"), ["2020-01-01", "2020-02-01"]),
    ("qemu-ima", "quote", ("entry", "sha256"), "00" * 32),
    ("binding", "ours", ("entry", "bytes"), 1),
]


# Of the file itself, and of collateral that is refused, the program says nothing.
UNSEEN: Final = {"sha256", "bytes", "fmspc", "tcbEvaluationDataNumber"}


def altered(folder: str, kind: str, path: tuple[str, ...], value: Any) -> VectorCase:
    """Return a case with one statement altered."""
    holder, *inner = path
    for case in copy.deepcopy(cases(folder)):
        if not inner and case.kind == kind:
            return dataclasses.replace(case, expect=value)
        place = getattr(case, holder)
        for name in inner[:-1]:
            place = place.get(name, {})
        if case.kind == kind and inner[-1] in place:
            place[inner[-1]] = value
            return case
    raise LookupError(path)


@pytest.mark.parametrize(("folder", "kind", "path", "value"), WRONG)
def test_a_statement_that_does_not_hold_fails(
    folder: str, kind: str, path: tuple[str, ...], value: Any, vectors: Path, tmp_path: Path
) -> None:
    case = altered(folder, kind, path, value)
    failure = (AssertionError, pytest.fail.Exception, TrothError)
    with pytest.raises(failure):
        reader_of(case).library(case, vectors)
    commands = reader_of(case).commands
    if path[-1] in UNSEEN or isinstance(commands, str):
        return
    with pytest.raises(failure):  # noqa: PT012 - the case's commands are one thing
        for command in commands(case, vectors, tmp_path):
            check_told(command, in_process(command))


# --- what is left out is found --------------------------------------------------------------------


@pytest.fixture
def copied(vectors: Path, tmp_path: Path) -> Path:
    """A folder with every MANIFEST and empty files."""
    for path in vectors.rglob("*"):
        there = tmp_path / path.relative_to(vectors)
        if path.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "MANIFEST.json":
                shutil.copyfile(path, there)
            else:
                there.touch()
    assert list(problems(tmp_path)) == []
    return tmp_path


def changed(manifest: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    document = json.loads(manifest.read_text(encoding="utf-8"))
    change(document["files"])
    manifest.write_text(json.dumps(document), encoding="utf-8")


def test_a_new_folder_is_found(copied: Path) -> None:
    (copied / "new/inner").mkdir(parents=True)
    (copied / "new/inner/MANIFEST.json").write_text('{"files": []}', encoding="utf-8")
    assert list(problems(copied)) == ["new/inner: no reader"]


def test_a_folder_that_is_gone_is_found(copied: Path) -> None:
    shutil.rmtree(copied / "cca")
    assert list(problems(copied)) == ["cca: no MANIFEST"]


def test_files_that_are_not_listed_or_not_there_are_found(copied: Path) -> None:
    (copied / "snp/new.report").touch()
    (copied / "cca/cpak.json").unlink()
    assert list(problems(copied)) == ["cca/cpak.json: not there", "snp/new.report: not listed"]


@pytest.mark.parametrize(
    ("folder", "change", "problem"),
    [
        ("cca", lambda files: files[0].update(hash="a"), "tf-rmm-cca_token.cbor: hash is not read"),
        ("cca", lambda files: files.append(files[0]), ": listed twice"),
        (
            "snp",
            lambda files: files[1]["expect"].update(vmpl=1),
            "snp-v3-milan-vcek-ec43daae.report: expect.vmpl is not read",
        ),
    ],
)
def test_a_statement_that_nothing_reads_is_found(
    folder: str, change: Callable[[list[dict[str, Any]]], None], problem: str, copied: Path
) -> None:
    changed(copied / folder / "MANIFEST.json", change)
    assert list(problems(copied)) == [f"{folder}/{problem}"]


def test_a_kind_that_no_file_is_of_is_found(copied: Path) -> None:
    def without_evidence(files: list[dict[str, Any]]) -> None:
        for one in [one for one in files if one["file"].endswith("-hcl-report.bin")]:
            files.remove(one)
            (copied / "azure-vtpm" / one["file"]).unlink()

    changed(copied / "azure-vtpm/MANIFEST.json", without_evidence)
    assert list(problems(copied)) == ["azure-vtpm: no case of kind report"]
