# SPDX-License-Identifier: Apache-2.0
"""The real quotes of TDs, past what their MANIFEST states: the verifier itself, and building."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.manifests.intel import at_of, code_of, options_of, tail_of
from tests.refusals import refused
from tests.vectors import VectorCase, vector_params
from troth.evidence.tdx import TdxQuote, describe_quote
from troth.verify import INTEL_SGX_ROOT, Anchors, AnyValue
from troth.verify.tdx import verify_tdx

FOLDER: Final = "tdx-quote"


@pytest.mark.parametrize("case", vector_params(FOLDER))
def test_verifier_raises_or_returns_as_stated(case: VectorCase, vectors: Path) -> None:
    options = options_of(case, vectors)

    def verify() -> str:
        verified = verify_tdx(
            (vectors / case.file).read_bytes(),
            collateral=options.collateral,
            anchors=options.anchors,
            at=options.at,
            report_data=AnyValue,
            tail=options.tail,
        )
        assert verified.value.trailing_bytes == case.entry["trailing_bytes"]
        return verified.value.status

    code = code_of(case)
    if code is None:
        assert verify() == (case.expect["status"] if case.kind == "with_collateral" else "unknown")
    else:
        with refused(code):
            verify()


@pytest.mark.parametrize("case", vector_params(FOLDER, "without_collateral"))
def test_the_file_is_the_one_described_and_parses_as_stated(
    case: VectorCase, vectors: Path
) -> None:
    data = (vectors / case.file).read_bytes()
    quote = TdxQuote.parse(data)
    facts = describe_quote(quote)
    stated = case.entry["fields"]
    assert {key: facts[key] for key in stated if key in facts} == {
        key: value for key, value in stated.items() if key in facts
    }
    assert len(quote.tail) == case.entry["trailing_bytes"]
    assert quote.build() + quote.tail == data
    assert quote.body.build() == quote.signed[-len(quote.body.build()) :]
    assert quote.header.build() == quote.signed[:48]
    assert quote.qe_report.build() == quote.section.qe_report


@pytest.mark.parametrize("case", vector_params(FOLDER, "with_collateral"))
def test_missing_collateral_is_named(case: VectorCase, vectors: Path) -> None:
    evidence = (vectors / case.file).read_bytes()
    # A chain that is not valid yet is refused before collateral is looked for.
    early = code_of(case) == "chain.not-yet-valid"
    code = "chain.not-yet-valid" if early else "collateral.missing"
    with refused(code, "" if early else f"FMSPC {case.entry['fields']['fmspc']} and"):
        verify_tdx(
            evidence,
            collateral=(),
            anchors=Anchors([INTEL_SGX_ROOT]),
            at=at_of(case),
            report_data=AnyValue,
            tail=tail_of(case),
        )
