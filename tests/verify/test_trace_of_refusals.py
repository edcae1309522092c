# SPDX-License-Identifier: Apache-2.0
"""A refusal is the last row of the trace, whichever rule of a quote or report it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.sgx import table as sgx
from tests.snp import table as snp
from tests.snp.world import anchors
from troth.crypto.x509 import Certificate
from troth.endorse.amd import parse_snp_bundle
from troth.endorse.intel import parse_bundle
from troth.errors import TrothError
from troth.verify import Anchor, Anchors, Trace
from troth.verify.sgx import verify_sgx
from troth.verify.snp import verify_snp
from troth.verify.tdx import verify_tdx

TABLES: Final = {
    "negative": (tdx, ("quote_format", "binding", "chain", "crl", "collateral", "qe", "tcb")),
    "sgx": (sgx, ("quote_format", "collateral", "signatures")),
    "snp": (snp, ("format_cases", "report_cases", "chain_cases", "endorsement_cases")),
}
GROUPS: Final = [(package, group) for package, (_, groups) in TABLES.items() for group in groups]


def intel(verify: Callable[..., object], signer: str, given: Any) -> Callable[[Trace], object]:
    """Return the judgement of a quote, its collateral read."""
    anchor = Anchor.of(Certificate(given.tee.pki.certificates["root"]))
    sets = given.bundles
    if not isinstance(sets, type):
        sets = [parse_bundle(one, "bundle") for one in sets]
    trusted = Anchors([replace(anchor, **{signer: getattr(given, SIGNERS[signer])})])
    return lambda trace: verify(
        given.quote,
        collateral=sets,
        anchors=trusted,
        at=given.at,
        report_data=given.report_data,
        evaluation_floor=given.floor,
        tail=given.tail,
        trace=trace,
    )


SIGNERS: Final = {"td_qe_mr_signer": "td_qe_mr_signer", "sgx_qe_mr_signer": "qe_mr_signer"}


def amd(given: snp.Given) -> Callable[[Trace], object]:
    sets = [parse_snp_bundle(one, "bundle") for one in given.bundles]
    trusted = anchors(given.root)
    return lambda trace: verify_snp(
        given.report,
        collateral=sets,
        anchors=trusted,
        at=given.at,
        report_data=given.report_data,
        revocation=given.revocation,
        chip=given.chip,
        trace=trace,
    )


def judgement(table: ModuleType, given: Any) -> Callable[[Trace], object]:
    """Return the judgement of a case, or raise what its collateral is refused with when read."""
    if table is snp:
        return amd(given)
    if table is sgx:
        return intel(verify_sgx, "sgx_qe_mr_signer", given)
    return intel(verify_tdx, "td_qe_mr_signer", given)


def check_last(judge: Callable[[Trace], object]) -> str | None:
    """Return the code of a refusal, which the last row says."""
    trace = Trace()
    error = refusal_of(judge, trace)
    if error is None:
        assert "failed" not in {one.verdict for one in trace}
        return None
    last = list(trace)[-1]
    assert last.verdict == "failed", f"{error.code}: {last}"
    assert error.detail in ("", last.got, f"expected {last.expected}, got {last.got}"), last
    return error.code


def refusal_of(judge: Callable[[Trace], object], trace: Trace) -> TrothError | None:
    try:
        judge(trace)
    except TrothError as error:
        return error
    return None


@pytest.mark.parametrize(("package", "group"), GROUPS)
def test_the_last_row_says_why(package: str, group: str) -> None:
    table, seen = TABLES[package][0], set()
    for make, _ in import_module(f"tests.{package}.test_{group}").CASES.values():
        try:
            judge = judgement(table, make())
        except TrothError:
            continue  # collateral that cannot be read is no judgement
        seen.add(check_last(judge))
    assert seen - {None}


@pytest.mark.parametrize("table", [tdx, sgx, snp])
def test_more_bytes_are_expected_than_there_are(table: Any) -> None:
    given = dataclasses.replace(table.Given(), report_data=bytes(65))
    code = check_last(judgement(table, given))
    assert (code or "").endswith(".report-data")
