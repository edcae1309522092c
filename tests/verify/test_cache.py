# SPDX-License-Identifier: Apache-2.0
"""A cache changes no answer: it is only faster to reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import DAY, OTHER, TEE, Given, Refused
from tests.refusals import refused
from tests.sgx import table as sgx
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.evidence.tdx import TdxQuote
from troth.verify import (
    INTEL_SGX_ROOT,
    Anchor,
    Anchors,
    Cache,
    NoCache,
    Trace,
    TraceEntry,
    WithoutCollateral,
)
from troth.verify.cache import Shelf
from troth.verify.tdx import verify_tdx

LATER: Final = AT + timedelta(hours=1)
NO_LEVEL: Final = bytes.fromhex("0b010100").ljust(16, b"\0")  # versions below every level
MOST_BYTES: Final = 256 * 1024  # of a case's input: the larger ones are about parsers
TDX_GROUPS: Final = ("sound", "binding", "chain", "crl", "collateral", "qe", "td_policy", "tcb")
SGX_GROUPS: Final = ("sound", "collateral", "signatures")


def warmed(table: ModuleType) -> Cache:
    """Return a cache that has seen the table's sound platform, and used it."""
    cache = Cache(most=64)
    for _ in range(2):
        table.judged(table.Given(cache=cache))
    return cache


def small_cases(package: str, groups: tuple[str, ...]) -> Iterator[Any]:
    for group in groups:
        cases = import_module(f"tests.{package}.test_{group}").CASES
        for make, due in cases.values():
            one = make()
            bundles = () if isinstance(one.bundles, type) else one.bundles
            if sum(map(len, (one.quote, *bundles))) < MOST_BYTES:
                yield one, due


@pytest.mark.parametrize(
    ("table", "package", "group"),
    [
        *((tdx, "negative", one) for one in TDX_GROUPS),
        *((sgx, "sgx", one) for one in SGX_GROUPS),
    ],
    ids=str,
)
def test_each_case_of_the_tables_comes_out_the_same(
    table: ModuleType, package: str, group: str
) -> None:
    warm, judged = warmed(table), 0
    for one, due in small_cases(package, (group,)):
        wanted = tdx.expected(due)
        for _ in range(2):  # the second time the case itself is what was seen before
            assert table.outcome(dataclasses.replace(one, cache=warm)) == wanted
        fresh = Cache(most=64)
        assert table.outcome(dataclasses.replace(one, cache=fresh)) == wanted
        for cache in (warm, fresh):  # and the other order: the fault is seen first
            table.judged(table.Given(cache=cache))
        judged += 1
    assert judged >= 3


def trace_of(cache: Cache | type[NoCache], at: datetime = AT) -> list[TraceEntry]:
    trace = Trace()
    verify_tdx(
        tdx.QUOTE,
        collateral=[parse_bundle(tdx.BUNDLE, "bundle")],
        anchors=own(),
        at=at,
        report_data=REPORT_DATA,
        cache=cache,
        trace=trace.nested("tdx."),
    )
    assert len(trace) == len(list(trace))
    return list(trace)


def own() -> Anchors:
    return Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))])


def test_the_trace_says_the_same_and_what_was_seen_before() -> None:
    cache = Cache(most=8)
    assert trace_of(cache) == trace_of(NoCache)
    without, seen = trace_of(NoCache, LATER), trace_of(cache, LATER)
    marked = {one.rule for one in seen if one.source.endswith("; seen before")}
    unmarked = [replace(one, source=one.source.removesuffix("; seen before")) for one in seen]
    assert unmarked == without
    live = {one.rule.removeprefix("tdx.") for one in seen if one.rule not in marked}
    assert live == {"1.format", "1.tail", "9.quote-signature", "11.report-data"}


def test_a_third_judgement_reads_like_the_second() -> None:
    """Rules that were noted again, and are then remembered within others."""
    cache = Cache(most=8)
    trace_of(cache)
    cache.platforms.clear()
    second, third = trace_of(cache, LATER), trace_of(cache, AT)
    assert [one.rule for one in second] == [one.rule for one in third]
    instants = [one.got for one in third if "validity" in one.rule]
    assert instants
    assert set(instants) == {"2026-11-01T12:00:00Z"}


def test_of_a_new_chain_the_cas_were_seen_before() -> None:
    cache = warmed(tdx)
    cache.chains.clear()
    chain = next(one for one in trace_of(cache) if one.rule == "tdx.2.chain")
    assert chain.source.endswith("CAs seen before")


@pytest.mark.parametrize("days", [-36500, -40, 40, 36500])
def test_outside_the_window_nothing_is_found(days: int) -> None:
    one = Given(at=AT + days * DAY)
    wanted = tdx.outcome(one)
    assert isinstance(wanted, Refused)
    assert wanted.kind == "StaleError"
    assert tdx.outcome(dataclasses.replace(one, cache=warmed(tdx))) == wanted


def test_every_limit_of_the_window_counts() -> None:
    """One second inside of each limit the answer is as without a cache, and one second outside."""
    bundle = parse_bundle(tdx.BUNDLE, "bundle")
    chain = tdx.judged(Given()).quote.pck_chain
    window, second = bundle.whole_window, timedelta(seconds=1)
    limits = (*chain.window, window.start, window.end)
    for at in [limit + step for limit in limits for step in (-second, timedelta(0), second)]:
        one = Given(at=at)
        assert tdx.outcome(dataclasses.replace(one, cache=warmed(tdx))) == tdx.outcome(one)


def test_under_other_anchors_nothing_is_found() -> None:
    cache = warmed(tdx)
    for anchors in (Anchors([]), Anchors([INTEL_SGX_ROOT])):
        with refused("chain.root"):
            verify_tdx(
                tdx.QUOTE,
                collateral=[parse_bundle(tdx.BUNDLE, "bundle 0")],
                anchors=anchors,
                at=AT,
                report_data=REPORT_DATA,
                cache=cache,
            )


def test_the_digest_of_anchors_is_of_every_field() -> None:
    anchor = Anchor("name", bytes(32))
    others = [
        Anchors([]),
        Anchors([anchor]),
        Anchors([anchor, Anchor("two", bytes(31) + b"\1")]),
        Anchors([replace(anchor, name="other")]),
        Anchors([replace(anchor, spki_sha256=bytes(31) + b"\1")]),
        Anchors([replace(anchor, td_qe_mr_signer=b"")]),
        Anchors([replace(anchor, td_qe_mr_signer=bytes(32))]),
        Anchors([replace(anchor, sgx_qe_mr_signer=bytes(32))]),
    ]
    assert len({one.sha256 for one in others}) == len(others)


def test_a_later_list_and_a_higher_floor_are_heeded() -> None:
    crl = import_module("tests.negative.test_crl").CASES
    cache = warmed(tdx)
    revoked = [make() for make, due in crl.values() if due == "pck.revoked"]
    assert revoked
    for one in revoked:
        with refused("pck.revoked"):
            tdx.judged(dataclasses.replace(one, cache=cache))
    with refused("collateral.below-floor"):
        tdx.judged(Given(floor=21, cache=cache))
    with refused("collateral.missing"):
        tdx.judged(Given(bundles=(), cache=cache))


def test_report_data_and_tail_are_looked_at_each_time() -> None:
    cache = warmed(tdx)
    with refused("tdx.report-data"):
        tdx.judged(Given(report_data=bytes(64), cache=cache))
    with refused("tdx.trailing"):
        tdx.judged(Given(quote=tdx.QUOTE + b"\1", cache=cache))


def test_without_collateral_nothing_of_it_is_found() -> None:
    cache = warmed(tdx)
    facts = tdx.judged(Given(bundles=WithoutCollateral, cache=cache))
    assert (facts.tcb, facts.collateral, facts.status) == (None, None, "unknown")


WARM: Final = warmed(tdx)


@given(st.integers(0, len(tdx.QUOTE) * 8 - 1))
@settings(max_examples=150, deadline=None)
def test_no_bit_may_flip_though_the_rest_was_seen(bit: int) -> None:
    bad = bytearray(tdx.QUOTE)
    bad[bit // 8] ^= 1 << bit % 8
    one = Given(quote=bytes(bad))
    seen = tdx.outcome(dataclasses.replace(one, cache=WARM))
    assert seen == tdx.outcome(one)
    assert isinstance(seen, Refused) or bit // 8 >= len(tdx.QUOTE)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("attestation_key", "qe.binding"),
        ("qe_report", "qe.report-signature"),
        ("qe_report_signature", "qe.report-signature"),
        ("qe_auth_data", "qe.binding"),
    ],
)
def test_each_part_of_the_section_counts(field: str, code: str) -> None:
    """Nothing is signed anew: under the key that was seen the quote's signature would hold."""
    quote, other = (TdxQuote.parse(one) for one in (tdx.QUOTE, OTHER.quote(REPORT_DATA)))
    old, new = (getattr(one.section, field) for one in (quote, other))
    changed = new if new != old else bytes((old[0] ^ 1,)) + old[1:]
    forged = quote.signed + replace(quote.section, **{field: changed}).build()
    with refused(code):
        tdx.judged(Given(quote=forged, cache=warmed(tdx)))


@pytest.mark.parametrize(
    ("version", "field", "value", "code"),
    [
        (4, "mr_signer_seam", b"\1" * 48, "tdx.module-signer"),
        (4, "seam_attributes", b"\1" * 8, "tdx.module-attributes"),
        (4, "tee_tcb_svn", NO_LEVEL, "tcb.no-level"),
        (5, "tee_tcb_svn", NO_LEVEL, "tcb.no-level"),
        (5, "tee_tcb_svn2", NO_LEVEL, "tcb.no-level"),
    ],
)
def test_each_part_of_the_body_that_the_platform_rests_on_counts(
    version: Literal[4, 5], field: str, value: bytes, code: str
) -> None:
    """The section is the one that was seen, but for the quote's own signature."""
    sound = TEE.quote(REPORT_DATA, version=version)
    signed = TdxQuote.parse(sound).section.qe_report_signature

    def of(**fields: bytes) -> Given:
        quote = TEE.quote(
            REPORT_DATA,
            version=version,
            body=lambda one: replace(one, **fields),
            section=lambda one: replace(one, qe_report_signature=signed),
        )
        return Given(quote=quote)

    cache = Cache(most=8)
    for seen in (Given(quote=sound), of(mr_td=bytes(48))):
        assert tdx.outcome(dataclasses.replace(seen, cache=cache)) == tdx.Accepted()
    assert len(cache.platforms) == 1, "of one platform, whatever else the body says"
    changed = of(**{field: value})
    assert tdx.outcome(changed) == tdx.expected(code)
    assert tdx.outcome(dataclasses.replace(changed, cache=cache)) == tdx.expected(code)


def test_lists_that_were_seen_are_looked_at_again_for_another_ca() -> None:
    """Of one name and key, so that collateral and leaf are those that were seen."""
    serial = tdx.PKI.serial("platform-ca") + 1
    bundles = tdx.endorsed(root_crl=tdx.crl("root", revoked=(serial,))).bundles
    cache = Cache(most=8)
    assert tdx.outcome(Given(bundles=bundles, cache=cache)) == tdx.Accepted()
    renewed = tdx.chained(intermediate=tdx.certificate("platform-ca", serial=serial))
    revoked = dataclasses.replace(renewed, bundles=bundles)
    assert tdx.outcome(renewed) == tdx.Accepted()
    assert tdx.outcome(revoked) == tdx.expected("chain.revoked")
    assert tdx.outcome(dataclasses.replace(revoked, cache=cache)) == tdx.expected("chain.revoked")


def test_a_refusal_is_not_kept() -> None:
    cache = Cache(most=8)
    with refused("chain.expired"):
        tdx.judged(Given(at=AT + 36500 * DAY, cache=cache))
    assert len(cache.chains) == len(cache.platforms) == 0


def test_what_was_not_used_longest_goes_first() -> None:
    shelf: Shelf[int] = Shelf(2)
    for n in range(2):
        shelf.keep((n,), n)
    assert shelf.find((0,), None) is not None
    shelf.keep((2,), 2)
    assert [shelf.find((n,), None) is not None for n in range(3)] == [True, False, True]
    assert len(shelf) == 2


def test_the_cache_is_emptied() -> None:
    cache = warmed(tdx)
    assert len(cache) > 0
    assert repr(cache) == f"Cache({len(cache)} values)"
    cache.clear()
    assert len(cache) == 0
    assert not any("seen before" in one.source for one in trace_of(cache))


def test_a_cache_of_nothing_holds_nothing() -> None:
    cache = Cache(most=0)
    for _ in range(2):
        tdx.judged(Given(cache=cache))
    assert len(cache) == 0


def test_threads_share_a_cache() -> None:
    """Sound and forged quotes in turn, with a cache so small that it forgets all the time."""
    cache = Cache(most=1)
    forged = Given(quote=OTHER.quote(REPORT_DATA), cache=cache)
    sound = Given(cache=cache)
    wanted = [tdx.outcome(dataclasses.replace(one, cache=NoCache)) for one in (sound, forged)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tdx.outcome, [sound, forged] * 50))
    assert found == wanted * 50
