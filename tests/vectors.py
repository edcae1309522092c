# SPDX-License-Identifier: Apache-2.0
"""The real vectors: where they are, which cases they make, and which of the cases ran.

A vector folder holds files and a MANIFEST.json that says what must come out of each. The files are
read in place and never copied. One case is one outcome that a MANIFEST states; its id is
`FOLDER/FILE:KIND`. A test that settles a case is marked with that id:

    @pytest.mark.parametrize("case", vector_params("tdx-quote", "with_collateral"))
    def test_status(case: VectorCase, vectors: Path) -> None: ...

With TROTH_REQUIRE_VECTORS=1 a full run fails when a case of `COVERED` was settled by no test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
MISSING: Final = "the vectors are not here: set TROTH_VECTORS to their folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorCase:
    """One outcome that a MANIFEST states.

    Attributes:
        id: `FOLDER/FILE:KIND`, with `[N]` behind it where a file has several of a kind.
        kind: the key of `expect` that states the outcome.
        entry: the file's entry in the MANIFEST.
        expect: what must come out: the value of that key, or one element of it.
    """

    id: str
    kind: str
    entry: dict[str, Any]
    expect: Any

    @property
    def file(self) -> str:
        """The vector's path below the folder of vectors."""
        return self.id.partition(":")[0]


def vectors_root() -> Path:
    """Return the folder of vectors, whether it exists or not."""
    named = os.environ.get("TROTH_VECTORS")
    return Path(named) if named else ROOT.parent / "shared" / "vectors"


def required() -> bool:
    """Say whether missing vectors are a failure."""
    return os.environ.get("TROTH_REQUIRE_VECTORS") == "1"


def cases(folder: str) -> list[VectorCase]:
    """Return the cases of one folder, none when the vectors are not here.

    Raises:
        KeyError: no version of these tests covers that folder.
    """
    manifest = vectors_root() / folder / "MANIFEST.json"
    if not manifest.is_file():
        return []
    entries = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return [case for entry in entries for case in COVERED[folder](folder, entry)]


def vector_params(folder: str, *kinds: str) -> list[Any]:
    """Make pytest parameters of the cases of `folder`, each marked with its id.

    Args:
        folder: a key of `COVERED`.
        kinds: which kinds of case; all when none is named.
    """
    chosen = [case for case in cases(folder) if not kinds or case.kind in kinds]
    if not chosen:
        return [pytest.param(None, id="no-vectors", marks=pytest.mark.skip(reason=MISSING))]
    return [pytest.param(case, id=case.id, marks=pytest.mark.vector(case.id)) for case in chosen]


def _quote_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A quote has an outcome without collateral, one for each bundle, and perhaps a strict one."""
    expect = entry["expect"]
    name = f"{folder}/{entry['file']}"
    for kind in ("without_collateral", "strict"):
        if kind in expect:
            yield VectorCase(id=f"{name}:{kind}", kind=kind, entry=entry, expect=expect[kind])
    for index, stated in enumerate(expect["with_collateral"]):
        kind = "with_collateral"
        yield VectorCase(id=f"{name}:{kind}[{index}]", kind=kind, entry=entry, expect=stated)


def _snp_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A report has the fields that it parses to."""
    name = f"{folder}/{entry['file']}"
    yield VectorCase(id=f"{name}:fields", kind="fields", entry=entry, expect=entry["fields"])


def _log_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A log has the registers that it replays to, and perhaps a quote that it belongs to."""
    name = f"{folder}/{entry['file']}"
    if entry["what"].startswith("reject"):
        kind, expect = "reject", entry["what"]
    elif entry["what"].startswith("ACPI CCEL table"):
        kind, expect = "table", entry["what"]
    elif entry["what"].startswith("what the source project parses"):
        kind, expect = "reading", entry["what"]
    elif "replayed" in entry:
        kind, expect = "replayed", entry["replayed"]
    elif "replay_of_template_hashes" in entry:
        kind, expect = "hashes", entry["replay_of_template_hashes"]
    else:
        kind, expect = "unknown", None
    yield VectorCase(id=f"{name}:{kind}", kind=kind, entry=entry, expect=expect)
    for index, stated in enumerate(entry.get("matches_quote", ())):
        kind = "quote"
        yield VectorCase(id=f"{name}:{kind}[{index}]", kind=kind, entry=entry, expect=stated)


def _guest_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """Of a guest's files, the logs: they lead to the PCRs that were read there."""
    file = entry["file"].partition("/")[2]
    if file.startswith(("ima_ascii", "ima_binary", "binary_bios_measurements")):
        kind = "after-quote" if "_after_quote" in file else "pcrs"
        name = f"{folder}/{entry['file']}"
        yield VectorCase(id=f"{name}:{kind}", kind=kind, entry=entry, expect=None)


# The folders that this version covers, and how a MANIFEST entry of each becomes cases.
COVERED: Final[dict[str, Callable[[str, dict[str, Any]], Iterator[VectorCase]]]] = {
    "snp": _snp_cases,
    "eventlog-cc": _log_cases,
    "eventlog-tpm": _log_cases,
    "ima": _log_cases,
    "qemu-ima": _guest_cases,
    "tdx-quote": _quote_cases,
}


class VectorCount:
    """A pytest plugin that counts the settled cases and demands that none is left over.

    Reports carry the ids as properties, so that the count is right when the tests ran in several
    processes: only the process that gathers the reports counts.
    """

    def __init__(self, *, demand: bool) -> None:
        """Make a counter.

        Args:
            demand: whether a case that nothing settled fails the run.
        """
        self.demand = demand
        self.settled: set[str] = set()

    def expected(self) -> set[str]:
        """Return the ids of all cases of all covered folders."""
        return {case.id for folder in COVERED for case in cases(folder)}

    def unsettled(self) -> list[str]:
        """Return the ids that no passed test carried."""
        return sorted(self.expected() - self.settled)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the ids of a test that passed."""
        if report.when == "call" and report.passed:
            self.settled |= {str(value) for key, value in report.user_properties if key == "vector"}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that left a case over."""
        if self.demand and self.unsettled() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the number of settled cases, and the ids of the others where they are demanded."""
        expected = self.expected()
        write = terminalreporter.write_line
        write(f"vector cases: {len(self.settled & expected)} of {len(expected)} settled")
        if self.demand:
            for name in self.unsettled():
                write(f"vector case not settled: {name}", red=True)
