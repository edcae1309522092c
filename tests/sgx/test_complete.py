# SPDX-License-Identifier: Apache-2.0
"""The SGX table is complete: every row of the project's notes has its cases, none is dropped.

A `*` stands for a family, with its size; chains and lists are those of the TDX table, row by row.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final

import pytest

from tests.negative.table import Accepted
from tests.sgx.table import (
    Table,
)
from troth.errors import CODES

ROWS: Final[dict[str, dict[str, str]]] = {
    "quote_format": {
        "version 0, 1, 2, 6, 1024": "v*-version-*:15",
        "TEE, by another's and unknown": "v*-tee-tdx:3 v*-tee-unknown:3 v*-tee-above-a-byte:3 "
        "a-quote-of-tdx a-quote-of-tdx-said-to-be-of-sgx",
        "key type": "v*-key-type-*:6",
        "vendor id": "v*-vendor-id*:6",
        "v5 type, size and TEE": "v5-type-0 v5-type-unknown v5-size-*:3 v5-body-of-a-td*:3",
        "body size beyond input": "body-size-beyond-input v?-read-as-v?:3",
        "signature length": "v*-signature-length-*:15",
        "type-6 length, slack, outer type, nesting": "v*-type-6-length-*:4 "
        "v*-slack-behind-the-chain:3 v*-outer-type-5:2 v*-type-6-inside:3",
        "certificate length": "v*-certificate-length-*:6 v*-auth-data-length-beyond:3",
        "types 1 to 4 and 7 unsupported": "v?-type-[1-47]:15",
        "trailing": "v*-trailing-*:12 trailing-second-quote trailing-zeros-to-64-kib",
        "empty, 64 KiB and more": "empty-input 64-kib-*:3 16-mib-chain",
    },
    "signatures": {
        "binding": "attestation-key-replaced other-key-vouched qe-report-data-*:2 auth-data-l* "
        "auth-data-changed",
        "key zero and off curve": "attestation-key-zero attestation-key-off-curve "
        "attestation-key-beside-the-curve",
        "signatures of zero and above n": "signature-*:9 qe-report-signature-*:9",
        "QE report": "qe-report-signed-by-*:3 qe-report-field-raised",
        "each field flipped": "header-*-flipped:3 v[345]-body-*-flipped:48",
        "chain": "chain-*:140",
        "lists": "list-*:64",
        "QE identity": "miscselect attributes debug mrsigner*:2 isvprodid-of-tdx",
        "auth data 0, 32, 1000": "auth-data-empty auth-data-32 auth-data-1000",
    },
    "collateral": {
        "either document": "tcb-info-[!ov]*:17 qe-identity-[!oc]*:17",
        "signer": "signer-*:11",
        "of TDX": "tdx-set-for-sgx tcb-info-of-tdx qe-identity-of-tdx qe-identity-called-td-qe",
        "QVE": "qve-identity",
        "v2": "tcb-info-version-2 tcb-info-in-the-layout-of-version-2",
        "FMSPC, PCEID, type": "fmspc-differs fmspc-lower-case pceid-differs tcb-type-1",
        "component lists": "components-*:4",
        "levels": "levels-in-another-order qe-levels-in-another-order duplicate-*:2",
        "status words": "status-word-*:5",
        "evaluation numbers": "evaluation-number-*:2 mixed-numbers*:2",
        "each status": "platform-*-qe-*:35",
        "components and PCESVN": "component-*-low:16 pcesvn-*:3 component-below-all",
        "QE level": "qe-old qe-below-all",
        "advisories union": "advisories-union",
    },
    "enclave_policy": {
        "SGX DEBUG": "debug debug-allowed-by-name",
        "attributes": "init-*:2 64-bit-* flag-*:21 xfrm-*:2 no-attribute-allowed",
        "each value": "*-another:10 any-*:7",
        "an empty allow-list allows nothing": "empty-*:10",
        "REPORTDATA": "report-data-*:6 policy-report-data*:2",
    },
}
# How many cases a group has in all; one that is dropped is missed here, if in no row.
SIZES: Final = {
    "sound": 20,
    "quote_format": 128,
    "signatures": 304,
    "collateral": 138,
    "enclave_policy": 89,
}
# Codes that these tables must end with, beside those of the rows of chains and lists.
CODES_DUE: Final = frozenset(
    [
        "sgx.trailing",
        "sgx.report-data",
        "qe.report-signature",
        "qe.binding",
        "qe.identity",
        "quote.tee-type",
        "quote.vendor-id",
        "quote.body-type",
        "quote.signature-length",
        "quote.certification-type",
        "quote.certification-length",
        "quote.key",
        "quote.signature",
        "tcb.no-level",
        "tcb.no-qe-level",
        "tcb.revoked",
        "tcb.status-word",
        "collateral.components",
        "collateral.levels",
        "collateral.tcb-type",
        "collateral.chain-shape",
        "collateral.signature",
        "collateral.role",
        "collateral.missing",
        "collateral.platform",
        "collateral.not-yet-valid",
        "collateral.expired",
        "collateral.below-floor",
        "unsupported.version",
        "unsupported.key-type",
        "unsupported.tee",
        "unsupported.certification-data",
        "policy.status",
        "policy.advisory",
        "policy.debug",
        "policy.attributes",
        "policy.measurement",
        "policy.evaluation-number",
        "policy.enclave-product",
        "policy.enclave-svn",
        "policy.report-data",
    ]
)


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.sgx.test_{group}").CASES
    return found


@pytest.mark.parametrize("group", ROWS)
def test_each_row_has_its_cases(group: str) -> None:
    names = cases(group)
    for row, covering in ROWS[group].items():
        for one in covering.split():
            pattern, _, due = one.partition(":")
            found = [name for name in names if fnmatchcase(name, pattern)]
            assert len(found) == int(due or 1), f"{row}: {one}"


def test_no_case_is_dropped() -> None:
    assert {group: len(cases(group)) for group in SIZES} == SIZES


def test_each_code_is_due_somewhere() -> None:
    due = {due for group in SIZES for _, due in cases(group).values() if isinstance(due, str)}
    assert sorted(CODES_DUE - due) == []
    assert due <= CODES.keys()


@pytest.mark.parametrize("group", SIZES)
def test_each_group_accepts_something_too(group: str) -> None:
    assert any(isinstance(due, Accepted) for _, due in cases(group).values())
