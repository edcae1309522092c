# SPDX-License-Identifier: Apache-2.0
"""Is anything left out? Folders, files, and what a MANIFEST states of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.manifests.walk import FOLDERS
from tests.vectors import COVERED, UNKNOWN, UNREAD

__all__ = ["problems"]

MANIFEST: Final = "MANIFEST.json"
UNLISTED: Final = {MANIFEST, "README.md"}
# What says where a file is from and what it is about: of these, nothing comes out.
DESCRIPTIVE: Final = frozenset(
    {"file", "sha256", "bytes", "what", "source", "licence", "also_at"}
    | {"cut", "parts_from", "closed_part"}
)
_QUOTE: Final = frozenset({"expect", "fields", "trailing_bytes"})
_LOG: Final = frozenset({"replayed", "algorithms", "events", "bytes_used"})
# What the readers of a folder hold the files to.
STATED: Final[Mapping[str, frozenset[str]]] = {
    "azure-vtpm": frozenset(),
    "binding": frozenset(),
    "cca": frozenset({"expect"}),
    "eventlog-cc": _LOG | {"matches_quote"},
    "eventlog-tpm": _LOG,
    "ima": frozenset({"replay_of_template_hashes", "rows"}),
    "intel-collateral": frozenset({"valid", "fmspc", "tcbEvaluationDataNumber", "id"}),
    "pcs-response": frozenset({"valid"}),
    "qemu-ima": frozenset(),
    "sgx-quote": _QUOTE,
    "snp": frozenset({"product", "fields", "expect"}),
    "snp-certs": frozenset(
        {
            "subject_cn",
            "issuer_cn",
            "serial",
            "not_before",
            "not_after",
            "extensions_after_1.3.6.1.4.1.3704.1",
            "expect",
            "tricky",
        }
    ),
    "tdx-quote": _QUOTE,
    "tsem": frozenset(),
}
# Likewise of an outcome with a bundle.
WITH_COLLATERAL: Final = frozenset(
    {"bundle", "at", "window", "status", "advisories", "parts", "reject", "class"}
    | {"dcap_qvl_0_7_0"}
)
EXPECTED: Final[Mapping[str, frozenset[str]]] = {
    "sgx-quote": frozenset({"without_collateral", "with_collateral", "strict", "class"}),
    "tdx-quote": frozenset({"without_collateral", "with_collateral", "strict", "class"}),
    "snp": frozenset(
        {
            "signature",
            "endorsement",
            "issuer",
            "genuine",
            "tcb_matches_certificate",
            "chip_id_matches_certificate",
            "verifies_between",
        }
    ),
    "snp-certs": frozenset({"signature_by_sev_milan", "hwid"}),
}


def problems(root: Path) -> Iterator[str]:
    """Name every folder, file and statement below a folder of vectors that nothing reads."""
    found = {path.parent.relative_to(root).as_posix() for path in root.rglob(MANIFEST)}
    for folder in sorted(found ^ set(FOLDERS)):
        yield f"{folder}: no reader" if folder in found else f"{folder}: no MANIFEST"
    for folder in sorted(found & set(FOLDERS)):
        yield from (f"{folder}/{one}" for one in _of_folder(root / folder, folder))
    yield from _idle(root, found & set(FOLDERS))


def _idle(root: Path, folders: set[str]) -> Iterator[str]:
    """Name the kinds that no file is of, in any of the folders that have the same reader."""
    used = {
        FOLDERS[folder].get(case.kind)
        for folder in folders
        for entry in _listed(root / folder)
        for case in COVERED[folder](folder, entry)
    }
    for folder in sorted(folders):
        for kind, reader in FOLDERS[folder].items():
            if reader not in used:
                yield f"{folder}: no case of kind {kind}"


def _listed(path: Path) -> list[dict[str, Any]]:
    listed = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["files"]
    assert isinstance(listed, list)
    return listed


def _of_folder(path: Path, folder: str) -> Iterator[str]:
    listed = _listed(path)
    there = {one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()}
    names = [entry["file"] for entry in listed]
    for name in sorted((there - UNLISTED) ^ set(names)):
        yield f"{name}: not listed" if name in there else f"{name}: not there"
    for entry in listed:
        yield from (f"{entry['file']}: {one}" for one in _of_entry(folder, entry))
    if len(set(names)) != len(names):
        yield ": listed twice"


def _of_entry(folder: str, entry: dict[str, Any]) -> Iterator[str]:
    kinds = {case.kind for case in COVERED[folder](folder, entry)}
    if not kinds:
        yield "no case"
    yield from (f"no reader of kind {kind}" for kind in sorted(kinds - set(FOLDERS[folder])))
    stated = set(entry) - DESCRIPTIVE
    yield from (f"{name} is not read" for name in sorted(stated - STATED[folder]))
    if kinds & {UNKNOWN, UNREAD}:
        return
    expect = entry.get("expect")
    if isinstance(expect, dict):
        yield from (f"expect.{one} is not read" for one in sorted(set(expect) - EXPECTED[folder]))
        for one in expect.get("with_collateral", ()):
            yield from (f"{name} is not read" for name in sorted(set(one) - WITH_COLLATERAL))
