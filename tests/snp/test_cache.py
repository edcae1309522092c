# SPDX-License-Identifier: Apache-2.0
"""A cache changes no judgement of an SNP report."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import Final

import pytest

from tests.refusals import refused
from tests.snp.table import DAY, Accepted, Given, Refused, bundled, expected, outcome
from tests.snp.world import AT, REPORT_DATA, anchors, settings_of, snp
from troth.endorse.amd import parse_snp_bundle
from troth.errors import TrothError
from troth.verify import Cache, ChipId, NoCache, Revocation, Trace, TraceEntry
from troth.verify.snp import verify_snp

GROUPS: Final = ("sound", "report_cases", "chain_cases", "endorsement_cases", "policy_cases")


def warmed() -> Cache:
    """Return a cache that has seen the sound report, and used it."""
    cache = Cache(most=64)
    for _ in range(2):
        assert not isinstance(outcome(Given(cache=cache)), Refused)
    return cache


@pytest.mark.parametrize("group", GROUPS)
def test_each_case_of_the_tables_comes_out_the_same(group: str) -> None:
    warm, judged = warmed(), 0
    for make, due in import_module(f"tests.snp.test_{group}").CASES.values():
        one, wanted = make(), expected(due)
        for cache in (warm, warm, Cache(most=64)):
            assert outcome(dataclasses.replace(one, cache=cache)) == wanted
        assert not isinstance(outcome(Given(cache=warm)), Refused)
        judged += 1
    assert judged >= 3


def trace_of(cache: Cache | type[NoCache]) -> list[TraceEntry]:
    trace, one = Trace(), Given()
    verify_snp(
        one.report,
        collateral=[parse_snp_bundle(bundle, "a bundle") for bundle in one.bundles],
        anchors=anchors(one.root),
        at=AT,
        report_data=REPORT_DATA,
        revocation=Revocation.REQUIRED,
        chip=ChipId.NAMED,
        cache=cache,
        trace=trace,
    )
    return list(trace)


def test_the_trace_says_the_same_and_what_was_seen_before() -> None:
    def said(one: TraceEntry) -> tuple[str, ...]:
        return one.rule, one.expected, one.got, one.verdict

    cache = Cache(most=8)
    assert trace_of(cache) == trace_of(NoCache)
    seen = trace_of(cache)
    assert [said(one) for one in seen] == [said(one) for one in trace_of(NoCache)]
    marked = {one.rule for one in seen if one.source.endswith("; seen before")}
    assert marked == {"3.root-key", "3.role", "3.validity", "3.crl", "3.revoked"}


@pytest.mark.parametrize("days", [-36500, -400, 400, 36500])
def test_outside_the_window_nothing_is_found(days: int) -> None:
    one = Given(at=AT + days * DAY)
    wanted = outcome(one)
    assert isinstance(wanted, Refused)
    assert outcome(dataclasses.replace(one, cache=warmed())) == wanted


def test_other_anchors_are_heeded() -> None:
    stranger = snp().pki.certificates["ask"]
    wanted = outcome(Given(root=stranger))
    assert wanted == expected("chain.root")
    assert outcome(Given(root=stranger, cache=warmed())) == wanted


def test_a_list_that_is_due_is_missed_though_the_chain_was_seen_without_one() -> None:
    bundle = parse_snp_bundle(Given().bundles[0], "a bundle")

    def judge(revocation: Revocation) -> None:
        verify_snp(
            Given().report,
            collateral=[bundle_without],
            anchors=anchors(Given().root),
            at=AT,
            report_data=REPORT_DATA,
            revocation=revocation,
            chip=ChipId.NAMED,
            cache=cache,
        )

    cache = Cache(most=8)
    bundle_without = type(bundle)(
        source=bundle.source,
        leaf=bundle.leaf,
        intermediate=bundle.intermediate,
        root=bundle.root,
        crl=None,
    )
    judge(Revocation.ANY)
    with refused("crl.missing"):
        judge(Revocation.REQUIRED)


def test_a_list_that_was_seen_still_names_the_other_ca() -> None:
    """One list, under one root, is of both CAs: that the one is not on it says nothing else."""
    root = snp().pki.certificates["ark"]
    crl = snp().pki.crl(revoked=("asvk",))
    cache = Cache(most=8)
    assert outcome(dataclasses.replace(bundled(crl=crl), cache=cache)) == Accepted()
    vlek = bundled(snp(settings_of(signing_key="VLEK")), root=root, crl=crl)
    for _ in range(2):
        assert outcome(dataclasses.replace(vlek, cache=cache)) == expected("chain.revoked")


def test_a_refusal_is_not_kept() -> None:
    cache = Cache(most=8)
    with pytest.raises(TrothError):
        verify_snp(
            Given().report,
            collateral=[],
            anchors=anchors(Given().root),
            at=AT,
            report_data=REPORT_DATA,
            revocation=Revocation.REQUIRED,
            chip=ChipId.NAMED,
            cache=cache,
        )
    assert isinstance(outcome(Given(at=AT + 36500 * DAY, cache=cache)), Refused)
    assert len(cache.endorsed) == 0
