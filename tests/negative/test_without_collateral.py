# SPDX-License-Identifier: Apache-2.0
"""What is demanded of a quote even where the caller does without collateral, by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    EVIL,
    OTHER,
    TEE,
    Accepted,
    Change,
    Given,
    Table,
    settle,
)
from tests.tdx import AT, REPORT_DATA
from troth.verify import WithoutCollateral

SIGNER: Final = bytes.fromhex(TEE.settings.qe.mr_signer)
GENUINE: Final = Accepted("unknown", (), 0, None)


def alone(*, pinned: bool = True, **changes: Change) -> Given:
    """Return a quote that is judged without collateral, under an anchor that fixes the QE."""
    quote = TEE.quote(REPORT_DATA, **changes)
    return Given(quote=quote, bundles=WithoutCollateral, td_qe_mr_signer=SIGNER if pinned else None)


def enclave(**fields: Change) -> Given:
    return alone(qe_report=lambda report: replace(report, **fields))


def body(**fields: Change) -> Given:
    return alone(body=lambda report: replace(report, **fields))


CASES: Final[Table] = {
    "sound": (alone, GENUINE),
    "sound-without-a-pin": (lambda: alone(pinned=False), GENUINE),
    "version-5": (lambda: alone(version=5), GENUINE),
    "root": (
        lambda: Given(quote=OTHER.quote(REPORT_DATA), bundles=WithoutCollateral),
        "chain.root",
    ),
    "pck-expired": (
        lambda: Given(bundles=WithoutCollateral, at=AT + timedelta(days=3000)),
        "chain.expired",
    ),
    "attestation-key": (lambda: alone(attestation_key=EVIL), "qe.binding"),
    "qe-report-signature": (lambda: alone(pck_key=EVIL), "qe.report-signature"),
    "quote-signature": (
        lambda: alone(section=lambda one: replace(one, signature=bytes(64))),
        "quote.signature",
    ),
    "qe-under-debug": (lambda: enclave(attributes=b"\x07" + bytes(15)), "qe.identity"),
    "qe-of-another-signer": (lambda: enclave(mr_signer=b"\xee" * 32), "qe.identity"),
    "qe-of-another-product": (lambda: enclave(isv_prod_id=1), "qe.identity"),
    "module-signer": (lambda: body(mr_signer_seam=b"\xaa" * 48), "tdx.module-signer"),
    "module-attributes": (lambda: body(seam_attributes=b"\1" + bytes(7)), "tdx.module-attributes"),
    "report-data": (
        lambda: Given(quote=TEE.quote(bytes(64)), bundles=WithoutCollateral),
        "tdx.report-data",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_without_collateral(name: str) -> None:
    settle(CASES[name])
