# SPDX-License-Identifier: Apache-2.0
"""A MANIFEST becomes cases, and a case that nothing settled is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.vectors import COVERED, VectorCount, cases, quote_of, vector_params

ENTRY = {
    "file": "a.quote",
    "expect": {
        "without_collateral": "genuine",
        "strict": "malformed",
        "with_collateral": [{"status": "UpToDate"}, {"reject": "too early", "class": "stale"}],
    },
}
IDS = {
    "tdx-quote/a.quote:without_collateral",
    "tdx-quote/a.quote:strict",
    "tdx-quote/a.quote:with_collateral[0]",
    "tdx-quote/a.quote:with_collateral[1]",
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of vectors with one file in it."""
    monkeypatch.setenv("TROTH_VECTORS", str(tmp_path))
    (tmp_path / "tdx-quote").mkdir()
    manifest = json.dumps({"files": [ENTRY]})
    (tmp_path / "tdx-quote" / "MANIFEST.json").write_text(manifest, encoding="utf-8")


def report(outcome: str, *names: str, when: str = "call") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="t",
        location=("t", 0, "t"),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]  # one of the three words, by the caller
        longrepr=None,
        when=when,  # type: ignore[arg-type]  # likewise
        user_properties=[("vector", name) for name in names],
    )


@pytest.mark.usefixtures("made")
def test_each_stated_outcome_is_a_case() -> None:
    found = cases("tdx-quote")
    assert {case.id for case in found} == IDS
    assert [c.expect for c in found if c.kind == "with_collateral"][1]["class"] == "stale"
    assert {case.file for case in found} == {"tdx-quote/a.quote"}


@pytest.mark.usefixtures("made")
def test_parameters_are_chosen_by_kind_and_carry_the_id() -> None:
    (param,) = vector_params("tdx-quote", "strict")
    assert param.id == "tdx-quote/a.quote:strict"
    assert [(mark.name, mark.args) for mark in param.marks] == [("vector", (param.id,))]


def test_without_vectors_there_is_one_skipped_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROTH_VECTORS", str(tmp_path / "nowhere"))
    (param,) = vector_params("tdx-quote")
    assert [mark.name for mark in param.marks] == ["skip"]


@pytest.mark.usefixtures("made")
def test_only_passed_tests_settle_a_case() -> None:
    count = VectorCount(demand=True)
    assert set(count.unsettled()) == IDS
    for name in IDS:
        count.pytest_runtest_logreport(report("failed", name))
        count.pytest_runtest_logreport(report("skipped", name))
        count.pytest_runtest_logreport(report("passed", name, when="setup"))
    assert set(count.unsettled()) == IDS
    count.pytest_runtest_logreport(report("passed", *IDS))
    assert count.unsettled() == []


def test_every_covered_folder_has_a_manifest(vectors: Path) -> None:
    for folder in COVERED:
        assert (vectors / folder / "MANIFEST.json").is_file()
        assert len({case.id for case in cases(folder)}) == len(cases(folder)) > 0


def test_a_case_that_states_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TROTH_VECTORS", str(tmp_path))
    entries = [{"file": "a", "what": "a log"}, {"file": "b", "what": "reject: none"}]
    (tmp_path / "ima").mkdir()
    manifest = json.dumps({"files": entries})
    (tmp_path / "ima/MANIFEST.json").write_text(manifest, encoding="utf-8")
    said: list[str] = []
    count = VectorCount(demand=False)
    count.pytest_runtest_logreport(report("passed", "ima/a:unknown", "ima/b:reject"))
    count.untaken.add("1 ima:unknown: why")
    count.pytest_terminal_summary(Lines(said))  # type: ignore[arg-type]  # of it, that method
    assert said == [
        "vector cases: 2 of 2 settled",
        "vector cases, of which no MANIFEST states an outcome: 1: ima/a:unknown",
        "vector cases without a command: 1 ima:unknown: why",
    ]


class Lines:
    """What the summary needs of a terminal."""

    def __init__(self, said: list[str]) -> None:
        self.write_line = said.append


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("a+b/c/quote.dat", "tdx-quote/a.quote"),
        ("d+e/f.bin", "tdx-quote/a.quote"),
        ("a+b/other.dat", None),
    ],
)
def test_a_quote_is_found_by_where_it_is_from(
    where: str, named: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TROTH_VECTORS", str(tmp_path))
    (tmp_path / "tdx-quote").mkdir()
    source = {"repo": "a/b", "path": "c/quote.dat"}
    entry = {"file": "a.quote", "source": source, "also_at": ["d+e/f.bin"]}
    manifest = json.dumps({"files": [entry]})
    (tmp_path / "tdx-quote/MANIFEST.json").write_text(manifest, encoding="utf-8")
    assert quote_of({"from": where}) == named
