# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted; and judging by name without collateral."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import Accepted
from tests.sgx.table import (
    BUNDLE,
    EVIL,
    OTHER,
    QUOTE,
    SOUND,
    TEE,
    VERSIONS,
    Given,
    Table,
    body,
    enclave,
    on,
    quoted,
    settle,
    unsigned,
)
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, AnyValue, Trace, WithoutCollateral
from troth.verify.sgx import verify_sgx

GENUINE: Final = Accepted("unknown", (), 0, None)
SIGNER: Final = bytes.fromhex(SOUND.qe.mr_signer)


def alone(given: Given) -> Given:
    """Judge without collateral, under an anchor that fixes the quoting enclave's signer."""
    return dataclasses.replace(given, bundles=WithoutCollateral, qe_mr_signer=SIGNER)


CASES: Final[Table] = {
    **{f"v{n}": (partial(quoted, version=n), Accepted()) for n in VERSIONS},
    "processor-ca": (
        lambda: on(replace(SOUND, platform=replace(SOUND.platform, ca="processor"))),
        Accepted(),
    ),
    "any-report-data": (lambda: Given(report_data=AnyValue), Accepted()),
    "several-bundles": (lambda: Given(bundles=(BUNDLE,) * 2), Accepted()),
    "tdx-set-beside": (lambda: Given(bundles=(tdx.BUNDLE, BUNDLE)), Accepted()),
    "tdx-set-alone": (lambda: Given(bundles=(tdx.BUNDLE,)), "collateral.missing"),
    "alone": (lambda: alone(Given()), GENUINE),
    "alone-without-a-pin": (lambda: Given(bundles=WithoutCollateral), GENUINE),
    "alone-root": (lambda: alone(Given(quote=OTHER.quote(REPORT_DATA))), "chain.root"),
    "alone-pck-expired": (
        lambda: dataclasses.replace(alone(Given()), at=AT + timedelta(days=3000)),
        "chain.expired",
    ),
    "alone-attestation-key": (lambda: alone(quoted(attestation_key=EVIL)), "qe.binding"),
    "alone-qe-report-signature": (lambda: alone(quoted(pck_key=EVIL)), "qe.report-signature"),
    "alone-quote-signature": (lambda: alone(unsigned(signature=bytes(64))), "quote.signature"),
    "alone-qe-under-debug": (
        lambda: alone(enclave(attributes=b"\x07" + bytes(15))),
        "qe.identity",
    ),
    "alone-qe-of-another-signer": (lambda: alone(enclave(mr_signer=b"\xee" * 32)), "qe.identity"),
    "alone-qe-of-tdx": (lambda: alone(enclave(isv_prod_id=2)), "qe.identity"),
    "alone-report-data": (lambda: alone(body(report_data=bytes(64))), "sgx.report-data"),
    "alone-debug-is-policys-matter": (
        lambda: alone(body(attributes=b"\x07" + bytes(15))),
        GENUINE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_each_step_is_in_the_trace_in_order() -> None:
    trace = Trace()
    root = Certificate(TEE.pki.certificates["root"])
    verify_sgx(
        QUOTE,
        collateral=(parse_bundle(BUNDLE, "own"),),
        anchors=Anchors([Anchor.of(root)]),
        at=AT,
        report_data=REPORT_DATA,
        trace=trace,
    )
    rows = list(trace)
    assert {row.verdict for row in rows} == {"held"}
    first = list(dict.fromkeys(row.rule.partition(".")[0] for row in rows))
    assert [one for one in first if one in {"1", "6", "7", "8", "9", "10", "11"}] == [
        "1",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
    ]
    assert {"2", "3", "4"} <= set(first)


def test_without_collateral_what_is_not_checked_is_named() -> None:
    trace = Trace()
    root = Certificate(TEE.pki.certificates["root"])
    verify_sgx(
        QUOTE,
        collateral=WithoutCollateral,
        anchors=Anchors([Anchor.of(root)]),
        at=AT,
        report_data=AnyValue,
        trace=trace,
    )
    assert {row.rule for row in trace if row.verdict == "skipped"} == {
        "2.revocation",
        "3.collateral",
        "4.platform",
        "8.qe-identity",
        "8.qe-mrsigner",
        "10.tcb",
        "11.report-data",
    }


def test_intels_anchor_fixes_the_signers_of_both_quoting_enclaves() -> None:
    assert INTEL_SGX_ROOT.sgx_qe_mr_signer is not None
    assert len(INTEL_SGX_ROOT.sgx_qe_mr_signer) == 32
    assert INTEL_SGX_ROOT.sgx_qe_mr_signer != INTEL_SGX_ROOT.td_qe_mr_signer


def test_none_is_neither_an_expectation_nor_collateral() -> None:
    nothing: Any = None
    sound: dict[str, Any] = {
        "collateral": (parse_bundle(BUNDLE, "sound"),),
        "anchors": Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))]),
        "at": AT,
        "report_data": REPORT_DATA,
    }
    verify_sgx(QUOTE, **sound)
    for name in ("collateral", "anchors", "at", "report_data"):
        with pytest.raises((TypeError, AttributeError)):
            verify_sgx(QUOTE, **(sound | {name: nothing}))
