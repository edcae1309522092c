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
    return [case for entry in entries(folder) for case in COVERED[folder](folder, entry)]


def entries(folder: str) -> list[dict[str, Any]]:
    """Return what the MANIFEST of one folder lists, nothing when the vectors are not here."""
    manifest = vectors_root() / folder / "MANIFEST.json"
    if not manifest.is_file():
        return []
    listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    assert isinstance(listed, list)
    return listed


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


def kind_of(id_: str) -> str:
    """Return the kind in a case's id."""
    return id_.rpartition(":")[2].partition("[")[0]


def _one(folder: str, entry: dict[str, Any], kind: str, expect: Any = None) -> VectorCase:
    """Return the one case of its kind that a file makes."""
    name = f"{folder}/{entry['file']}:{kind}"
    return VectorCase(id=name, kind=kind, entry=entry, expect=expect)


def _quote_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A quote has an outcome without collateral, one for each bundle, and perhaps a strict one."""
    expect = entry["expect"]
    name = f"{folder}/{entry['file']}"
    for kind in ("without_collateral", "strict"):
        if kind in expect:
            yield _one(folder, entry, kind, expect[kind])
    for index, stated in enumerate(expect["with_collateral"]):
        kind = "with_collateral"
        yield VectorCase(id=f"{name}:{kind}[{index}]", kind=kind, entry=entry, expect=stated)


def _token_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A token or its claims have a verdict; the rest are keys."""
    expect = entry["expect"]
    yield _one(folder, entry, "key" if expect is None else "verdict", expect)


def _snp_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A report has the fields that it parses to, and a verdict where its certificate is known."""
    expect = entry["expect"]
    yield _one(folder, entry, "fields", entry["fields"])
    yield _one(folder, entry, UNKNOWN if expect["genuine"] is None else "genuine", expect)


def _amd_certificate_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A certificate says what is stated, and hangs from its issuer or does not; a chain hangs."""
    kind = "certificate" if "subject_cn" in entry else "chain"
    yield _one(folder, entry, kind, entry.get("expect", {}))


def _azure_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """Whole evidence, reports and a quote; of the loose parts no verdict is stated."""
    kind = next((kind for end, kind in _AZURE.items() if entry["file"].endswith(end)), UNKNOWN)
    yield _one(folder, entry, kind, entry["what"])


def _log_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """A log has the registers that it replays to, and perhaps a quote that it belongs to."""
    what = entry["what"]
    if what.startswith("reject"):
        yield _one(folder, entry, "reject", what)
    elif what.startswith("ACPI CCEL table"):
        yield _one(folder, entry, "table", what)
    elif what.startswith("what the source project parses"):
        yield _one(folder, entry, "reading", what)
    elif "replayed" in entry:
        yield _one(folder, entry, "replayed", entry["replayed"])
    elif "replay_of_template_hashes" in entry:
        yield _one(folder, entry, "hashes", entry["replay_of_template_hashes"])
    else:
        yield _one(folder, entry, UNKNOWN)
    for index, stated in enumerate(entry.get("matches_quote", ())):
        kind = UNKNOWN if quote_of(stated) is None else "quote"
        name = f"{folder}/{entry['file']}:{kind}[{index}]"
        yield VectorCase(id=name, kind=kind, entry=entry, expect=stated)


def quote_of(stated: dict[str, Any]) -> str | None:
    """Return the vector that a log is stated to belong to, None where it is not among them.

    The log's MANIFEST names a quote by the file that it was found in, as the quote's own does; the
    hash there is of that file, which may have had more in it.
    """
    for entry in entries("tdx-quote"):
        source = entry["source"]
        origin = f"{source['repo'].replace('/', '+')}/{source['path']}"
        if stated["from"] in (origin, *entry["also_at"]):
            return f"tdx-quote/{entry['file']}"
    return None


def _guest_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """Of a guest's files, the quotes, the logs that lead to the PCRs, and what lies beside."""
    file = entry["file"].partition("/")[2]
    if file.endswith(".msg"):
        yield _one(folder, entry, "quote", "genuine")
    elif not file.startswith(("ima_ascii", "ima_binary", "binary_bios_measurements")):
        yield _one(folder, entry, "beside")
    else:
        yield _one(folder, entry, "after-quote" if "_after_quote" in file else "pcrs")


def _answer_cases(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
    """An answer of Intel's service, recorded whole or in parts; of some kinds nothing is read."""
    kind = next((kind for part, kind in _ANSWERS.items() if part in entry["file"]), UNKNOWN)
    yield _one(folder, entry, kind, entry["what"])


def _whole_cases(kind: str) -> Callable[[str, dict[str, Any]], Iterator[VectorCase]]:
    """Each file of the folder makes one case, of one kind."""

    def made(folder: str, entry: dict[str, Any]) -> Iterator[VectorCase]:
        yield _one(folder, entry, kind, entry["what"])

    return made


UNKNOWN: Final = "unknown"
"""The kind of a case whose outcome no MANIFEST states."""
UNREAD: Final = "unread"
"""The kind of a case that nothing in this version reads, such as answers about other enclaves."""

UNTAKEN: Final = "vector-untaken"
"""The property under which a test reports cases whose files the program does not take."""

_AZURE: Final = {"-hcl-report.bin": "report", ".json": "evidence", "snp-quote.bin": "quote"}
_ANSWERS: Final = {
    "fmspcs": UNREAD,
    "qae_identity": UNREAD,
    "tcb_eval_nums": UNREAD,
    "tdxtcbeval": UNREAD,
    "crl": "list",
    ".header": "chain",
    "sample_": "document",
    "sgx_": "recorded",
    "tdx_": "recorded",
}

OPEN: Final = {
    UNKNOWN: "of which no MANIFEST states an outcome",
    UNREAD: "of which this version reads nothing but size and hash",
}

# The folders that this version covers, and how a MANIFEST entry of each becomes cases.
COVERED: Final[dict[str, Callable[[str, dict[str, Any]], Iterator[VectorCase]]]] = {
    "binding": _whole_cases("ours"),
    "eventlog-cc": _log_cases,
    "eventlog-tpm": _log_cases,
    "ima": _log_cases,
    "intel-collateral": _whole_cases("bundle"),
    "pcs-response": _answer_cases,
    "qemu-ima": _guest_cases,
    "tdx-quote": _quote_cases,
    "sgx-quote": _quote_cases,
    "snp": _snp_cases,
    "snp-certs": _amd_certificate_cases,
    "cca": _token_cases,
    "azure-vtpm": _azure_cases,
    "tsem": _whole_cases(UNREAD),
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
        self.untaken: set[str] = set()

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
            self.untaken |= {str(value) for key, value in report.user_properties if key == UNTAKEN}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that left a case over."""
        if self.demand and self.unsettled() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the number of settled cases, the open ones, and the others where all are due."""
        expected = self.expected()
        write = terminalreporter.write_line
        settled = self.settled & expected
        write(f"vector cases: {len(settled)} of {len(expected)} settled")
        for kind, said in OPEN.items():
            found = sorted(id_ for id_ in settled if kind_of(id_) == kind)
            if found:
                write(f"vector cases, {said}: {len(found)}: {', '.join(found)}")
        for said in sorted(self.untaken):
            write(f"vector cases without a command: {said}")
        if self.demand:
            for name in self.unsettled():
                write(f"vector case not settled: {name}", red=True)
