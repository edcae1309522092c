# SPDX-License-Identifier: Apache-2.0
"""Parser and builder of SGX quotes: round trips, attributes, descriptions, hostile bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from tests.sgx.table import (
    PKI,
    QUOTE,
    TEE,
    VERSIONS,
    Given,
    judged,
    on,
)
from tests.tdx import REPORT_DATA
from troth.errors import TrothError
from troth.evidence.intel import EnclaveReport, QuoteHeader, SignatureSection
from troth.evidence.intel.layout import TEE_SGX
from troth.evidence.sgx import SgxAttributes, SgxQuote, describe_sgx, describe_sgx_pck
from troth.evidence.sgx.quote import signed_part
from troth.policy.sgx_template import policy_template_sgx
from troth.tsm.emulated.sgx import Enclave, SgxSettings
from troth.tsm.emulated.sgx.settings import QuoteVersion

UINT16: Final = st.integers(0, 0xFFFF)
REPORTS: Final = st.builds(
    EnclaveReport,
    st.binary(min_size=16, max_size=16),
    st.integers(0, 0xFFFF_FFFF),
    *(st.binary(min_size=n, max_size=n) for n in (12, 16, 16, 32, 32, 32, 32, 64)),
    UINT16,
    UINT16,
    UINT16,
    *(st.binary(min_size=n, max_size=n) for n in (42, 16, 64)),
)
HEADERS: Final = st.builds(
    QuoteHeader,
    version=st.sampled_from(VERSIONS),
    tee_type=st.just(TEE_SGX),
    qe_svn=UINT16,
    pce_svn=UINT16,
    user_data=st.binary(min_size=20, max_size=20),
)
SECTIONS: Final = st.builds(
    SignatureSection,
    *(st.binary(min_size=n, max_size=n) for n in (64, 64, 384, 64)),
    st.binary(max_size=64),
    st.just(5),
    st.binary(max_size=300),
)


@given(HEADERS, REPORTS, SECTIONS, st.binary(max_size=40))
def test_what_is_built_is_parsed_back(
    header: QuoteHeader, body: EnclaveReport, section: SignatureSection, tail: bytes
) -> None:
    signed = signed_part(header, body, described=header.version == 5)
    built = section.build_flat() if header.version == 3 else section.build()
    quote = SgxQuote.parse(signed + built + tail)
    assert (quote.header, quote.body, quote.section) == (header, body, section)
    assert (quote.signed, quote.tail) == (signed, tail)
    assert quote.body_type == (1 if header.version == 5 else None)
    assert quote.build() == signed + built


@given(REPORTS)
def test_an_enclave_report_round_trips(report: EnclaveReport) -> None:
    built = report.build()
    assert len(built) == 384
    assert EnclaveReport.parse(built) == report


def test_each_field_stands_where_the_layout_has_it() -> None:
    raw = bytes(n % 251 for n in range(384))
    report = EnclaveReport.parse(raw)
    assert report.isv_ext_prod_id == raw[32:48]
    assert report.attributes == raw[48:64]
    assert report.mr_enclave == raw[64:96]
    assert report.mr_signer == raw[128:160]
    assert report.config_id == raw[192:256]
    assert report.isv_prod_id == int.from_bytes(raw[256:258], "little")
    assert report.isv_svn == int.from_bytes(raw[258:260], "little")
    assert report.config_svn == int.from_bytes(raw[260:262], "little")
    assert report.family_id == raw[304:320]
    assert report.report_data == raw[320:384]
    assert len(astuple(report)) == 16


@given(st.binary(max_size=1200))
def test_nothing_but_our_own_errors_escapes(data: bytes) -> None:
    for start in (b"", QUOTE[:48], QUOTE[:432]):
        with suppress(TrothError):
            quote = SgxQuote.parse(start + data)
            describe_sgx(quote)
            policy_template_sgx(quote, "x")
            describe_sgx_pck(quote)


@given(st.integers(0, len(QUOTE) - 1), st.binary(min_size=1, max_size=8))
def test_a_quote_with_other_bytes_is_refused_or_the_same_bytes(at: int, content: bytes) -> None:
    changed = QUOTE[:at] + content + QUOTE[at + len(content) :]
    with suppress(TrothError):
        assert SgxQuote.parse(changed).build() + SgxQuote.parse(changed).tail == changed


@pytest.mark.parametrize(
    ("bit", "name"),
    [
        (0, "INIT"),
        (2, "MODE64BIT"),
        (3, "BIT_3"),
        (4, "PROVISIONKEY"),
        (5, "EINITTOKENKEY"),
        (6, "CET"),
        (7, "KSS"),
        (8, "BIT_8"),
        (10, "AEXNOTIFY"),
        (63, "BIT_63"),
    ],
)
def test_a_flag_has_a_name(bit: int, name: str) -> None:
    attributes = SgxAttributes((1 << bit).to_bytes(8, "little") + b"\xff" * 8)
    assert attributes.names == {name}
    assert attributes.xfrm == b"\xff" * 8
    assert not attributes.debug


def test_debug_has_no_name_and_xfrm_is_no_flag() -> None:
    attributes = SgxAttributes(b"\2" + bytes(7) + b"\3" + bytes(7))
    assert attributes.debug
    assert attributes.names == frozenset()
    assert not SgxAttributes(bytes(8) + b"\2" + bytes(7)).debug


@pytest.mark.parametrize("version", VERSIONS)
def test_a_description_names_every_field(version: QuoteVersion) -> None:
    enclave = Enclave(
        isv_prod_id=7, isv_svn=8, config_svn=9, family_id="11" * 16, config_id="22" * 64
    )
    quote = SgxQuote.parse(on(SgxSettings(enclave=enclave), version=version).quote)
    told = describe_sgx(quote)
    assert (told["version"], told["body_type"]) == (version, 1 if version == 5 else None)
    assert (told["isv_prod_id"], told["isv_svn"], told["config_svn"]) == (7, 8, 9)
    assert (told["family_id"], told["config_id"]) == ("11" * 16, "22" * 64)
    assert told["attributes_set"] == ["INIT", "MODE64BIT"]
    assert told["report_data"] == REPORT_DATA.hex()
    reserved = {"reserved1", "reserved2", "reserved3", "reserved4", "cpu_svn"}
    assert {*quote.body.__struct_fields__} - reserved <= told.keys()
    assert describe_sgx_pck(quote)["fmspc"] == TEE.settings.platform.fmspc
    assert not told.keys() & describe_sgx_pck(quote).keys()


def test_facts_are_those_of_the_quote() -> None:
    facts = judged(Given(quote=QUOTE + bytes(3)))
    assert facts.trailing_bytes == 3
    assert facts.body == SgxQuote.parse(QUOTE).body
    assert facts.quote.pck_chain.leaf.der == PKI.certificates["pck"]
    assert replace(facts, tcb=None).status == "unknown"
