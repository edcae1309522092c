# SPDX-License-Identifier: Apache-2.0
"""The real quotes of enclaves, past what their MANIFEST states: building, and flipped bits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.manifests.intel import at_of, code_of
from tests.refusals import refused
from tests.vectors import VectorCase, vector_params
from troth.errors import TrothError
from troth.evidence.intel import EnclaveReport
from troth.evidence.sgx import SgxQuote
from troth.verify import INTEL_SGX_ROOT, Anchors, AnyValue, WithoutCollateral
from troth.verify.sgx import verify_sgx

FOLDER: Final = "sgx-quote"
FORMATS: Final = frozenset(
    {
        "unsupported.version",
        "unsupported.key-type",
        "quote.tee-type",
        "quote.vendor-id",
        "quote.body-type",
        "quote.certification-type",  # read as format 4 or 5
    }
)


@pytest.mark.parametrize("case", vector_params(FOLDER, "without_collateral"))
def test_the_file_is_the_one_described_and_parses_as_stated(
    case: VectorCase, vectors: Path
) -> None:
    data = (vectors / case.file).read_bytes()
    # Of the quote that is refused, header and body can be read all the same.
    body, stated = EnclaveReport.parse(data[48:432]), case.entry["fields"]
    assert body.mr_enclave.hex() == stated["mr_enclave"]
    assert body.mr_signer.hex() == stated["mr_signer"]
    assert body.attributes.hex() == stated["attributes"]
    assert body.report_data.hex() == stated["report_data"]
    assert (body.isv_prod_id, body.isv_svn) == (stated["isv_prod_id"], stated["isv_svn"])
    if code_of(case) is None:
        quote = SgxQuote.parse(data)
        assert quote.build() + quote.tail == data
        assert quote.header.build() + quote.body.build() == quote.signed
        assert quote.qe_report.build() == quote.section.qe_report


@pytest.mark.parametrize("case", vector_params(FOLDER, "with_collateral"))
def test_missing_collateral_is_named(case: VectorCase, vectors: Path) -> None:
    early = code_of(case) == "chain.not-yet-valid"
    code = "chain.not-yet-valid" if early else "collateral.missing"
    with refused(
        code, "" if early else f"SGX collateral for FMSPC {case.entry['fields']['fmspc']}"
    ):
        verify_sgx(
            (vectors / case.file).read_bytes(),
            collateral=(),
            anchors=Anchors([INTEL_SGX_ROOT]),
            at=at_of(case),
            report_data=AnyValue,
        )


def flipped_code(data: bytes, bit: int) -> str:
    """Return the code that a quote with one bit flipped is refused with."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TrothError) as caught:
        verify_sgx(
            bytes(changed),
            collateral=WithoutCollateral,
            anchors=Anchors([INTEL_SGX_ROOT]),
            at=datetime(2025, 8, 30, tzinfo=UTC),
            report_data=AnyValue,
        )
    return caught.value.code


def test_no_signed_bit_of_a_real_quote_may_flip(vectors: Path) -> None:
    """A flipped bit makes another format of the header, or a signature that does not hold."""
    data = (vectors / FOLDER / "sgx-v3-00606a000000-c81a90ee.quote").read_bytes()
    defended = {*range(8, 12), *range(28, 432)}  # SVNs, user data and body: not the format's
    for bit in range(432 * 8):
        code = flipped_code(data, bit)
        if bit // 8 in defended:
            assert code == "quote.signature", bit
        else:
            assert code in FORMATS, bit
