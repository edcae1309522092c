# SPDX-License-Identifier: Apache-2.0
"""Quotes are parsed whole or refused, and built back to the same bytes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, Literal

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.errors import MalformedError, TrothError
from troth.evidence.detect import detect_tee
from troth.evidence.intel import EnclaveReport
from troth.evidence.intel.layout import QUOTE_MAX_BYTES
from troth.evidence.tdx import (
    QuoteHeader,
    TdAttributes,
    TdReportBody,
    TdxQuote,
    describe_pck,
    describe_quote,
)
from troth.tsm.emulated.tdx import SoftwareTdx

TEE: Final = SoftwareTdx.create(at=AT)
V4: Final = TEE.quote(REPORT_DATA, version=4)
V5: Final = TEE.quote(REPORT_DATA, version=5)
V5_OLD_BODY: Final = TEE.quote(REPORT_DATA, version=5, body_version="1.0")
QUOTES: Final = {"v4": V4, "v5-1.0": V5_OLD_BODY, "v5-1.5": V5}
# Where the signature section begins: header, descriptor, body.
SECTION: Final = {"v4": 48 + 584, "v5-1.0": 48 + 6 + 584, "v5-1.5": 48 + 6 + 648}


def at(data: bytes, offset: int, value: bytes) -> bytes:
    """Return `data` with `value` in place of what stands at `offset`."""
    return data[:offset] + value + data[offset + len(value) :]


def u16(value: int) -> bytes:
    return struct.pack("<H", value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


@pytest.mark.parametrize("name", QUOTES)
def test_a_quote_is_built_back_to_the_same_bytes(name: str) -> None:
    data = QUOTES[name]
    quote = TdxQuote.parse(data + b"tail")
    assert quote.build() == data
    assert quote.tail == b"tail"
    assert quote.size == len(data)
    assert quote.signed == data[: SECTION[name]]
    assert quote.header.build() == data[:48]
    assert quote.body.build() == quote.signed[-len(quote.body.build()) :]
    assert quote.section.build() == data[SECTION[name] :]
    assert quote.body.report_data == REPORT_DATA
    assert (quote.body.tee_tcb_svn2 is None) == (name != "v5-1.5")
    assert quote.body.rtmrs == TEE.registers()


def test_the_parts_are_where_the_documents_say() -> None:
    quote = TdxQuote.parse(V5)
    assert quote.header.version == int.from_bytes(V5[0:2], "little") == 5
    assert quote.body.mr_td == V5[54 + 136 : 54 + 184]
    assert quote.body.td_attributes == V5[54 + 120 : 54 + 128]
    assert quote.body.rtmr3 == V5[54 + 472 : 54 + 520]
    assert quote.body.report_data == V5[54 + 520 : 54 + 584]
    assert quote.body.tee_tcb_svn2 == V5[54 + 584 : 54 + 600]
    assert quote.body.mr_service_td == V5[54 + 600 : 54 + 648]
    start = SECTION["v5-1.5"] + 4
    assert quote.section.attestation_key == V5[start + 64 : start + 128]
    assert quote.section.qe_report == V5[start + 134 : start + 518]
    assert quote.qe_report.isv_svn == int.from_bytes(quote.section.qe_report[258:260], "little")
    assert quote.qe_report.mr_signer == quote.section.qe_report[128:160]


def test_a_real_quote_cut_short_at_any_byte_is_malformed(vectors: Path) -> None:
    for name in ("tdx-v4-90c06f000000-cbdb5b2f.quote", "tdx-v5-90c06f000000-d0010db6.quote"):
        data = (vectors / "tdx-quote" / name).read_bytes()
        whole = TdxQuote.parse(data).size
        for size in range(whole):
            with pytest.raises(MalformedError) as caught:
                TdxQuote.parse(data[:size])
            assert caught.value.code in {"wire.truncated", "quote.signature-length"}
        assert TdxQuote.parse(data[:whole]).tail == b""


def test_the_chain_cut_short_at_any_byte_is_refused(vectors: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote"
    chain = TdxQuote.parse(path.read_bytes()).section.certification_data
    last = chain.rindex(b"-----END CERTIFICATE-----") + len(b"-----END CERTIFICATE-----")
    quote = TdxQuote.parse(V4)
    first = chain.index(b"-----END CERTIFICATE-----") + len(b"-----END CERTIFICATE-----")
    codes = set()
    for size in (*range(0, last, 7), first):
        section = replace(quote.section, certification_data=chain[:size])
        with pytest.raises(TrothError) as caught:
            _ = replace(quote, section=section).pck_chain
        codes.add(caught.value.code)
    assert codes == {"wire.pem", "pck.chain-shape"}


@pytest.mark.parametrize(
    ("offset", "value", "code"),
    [
        (0, u16(0), "unsupported.version"),
        (0, u16(3), "unsupported.version"),
        (0, u16(6), "unsupported.version"),
        (0, u16(0x0400), "unsupported.version"),
        (2, u16(0), "unsupported.key-type"),
        (2, u16(3), "unsupported.key-type"),
        (4, u32(0), "unsupported.tee"),
        (4, u32(1), "quote.tee-type"),
        (4, u32(0x8100), "quote.tee-type"),
        (12, bytes(16), "quote.vendor-id"),
    ],
)
@pytest.mark.parametrize("name", QUOTES)
def test_a_header_that_is_no_tdx_quotes(name: str, offset: int, value: bytes, code: str) -> None:
    with refused(code):
        TdxQuote.parse(at(QUOTES[name], offset, value))


@pytest.mark.parametrize(
    ("kind", "size", "code"),
    [
        (0, 584, "quote.body-type"),
        (1, 384, "quote.body-type"),
        (2, 648, "quote.body-type"),
        (3, 584, "quote.body-type"),
        (3, 0, "quote.body-type"),
        (3, 0xFFFFFFFF, "quote.body-type"),
        (4, 885, "unsupported.body-type"),
        (4, 648, "quote.body-type"),
        (5, 648, "quote.body-type"),
        (0xFFFF, 648, "quote.body-type"),
    ],
)
def test_body_type_and_size_go_together(kind: int, size: int, code: str) -> None:
    with refused(code):
        TdxQuote.parse(at(V5, 48, u16(kind) + u32(size)))


HEAD: Final = SECTION["v4"]
LENGTH: Final = int.from_bytes(V4[HEAD : HEAD + 4], "little")
OUTER: Final = HEAD + 4 + 128  # certification data type of the outer block
INNER: Final = OUTER + 6 + 384 + 64  # length of the QE's authentication data
CHAIN: Final = INNER + 2 + 32  # certification data type of the inner block
BLOCK: Final = int.from_bytes(V4[OUTER + 2 : OUTER + 6], "little")
PEM: Final = int.from_bytes(V4[CHAIN + 2 : CHAIN + 6], "little")


LENGTHS: Final = {
    "section-longer": (HEAD, u32(LENGTH + 1), "quote.signature-length"),
    "section-endless": (HEAD, u32(0xFFFFFFFF), "quote.signature-length"),
    "section-shorter": (HEAD, u32(LENGTH - 1), "quote.certification-length"),
    "section-empty": (HEAD, u32(0), "wire.truncated"),
    "section-without-key": (HEAD, u32(127), "wire.truncated"),
    "section-without-block": (HEAD, u32(133), "wire.truncated"),
    "outer-type-5": (OUTER, u16(5), "quote.certification-type"),
    "outer-type-0": (OUTER, u16(0), "quote.certification-type"),
    "block-longer": (OUTER + 2, u32(BLOCK + 1), "quote.certification-length"),
    "block-shorter": (OUTER + 2, u32(BLOCK - 1), "quote.signature-length"),
    "block-empty": (OUTER + 2, u32(0), "quote.signature-length"),
    "block-endless": (OUTER + 2, u32(0xFFFFFFFF), "quote.certification-length"),
    "auth-data-endless": (INNER, u16(0xFFFF), "wire.truncated"),
    "inner-type-0": (CHAIN, u16(0), "quote.certification-type"),
    "inner-type-6": (CHAIN, u16(6), "quote.certification-type"),
    "inner-type-8": (CHAIN, u16(8), "quote.certification-type"),
    "inner-type-1": (CHAIN, u16(1), "unsupported.certification-data"),
    "inner-type-2": (CHAIN, u16(2), "unsupported.certification-data"),
    "inner-type-3": (CHAIN, u16(3), "unsupported.certification-data"),
    "inner-type-4": (CHAIN, u16(4), "unsupported.certification-data"),
    "inner-type-7": (CHAIN, u16(7), "unsupported.certification-data"),
    "chain-longer": (CHAIN + 2, u32(PEM + 1), "quote.certification-length"),
    "chain-shorter": (CHAIN + 2, u32(PEM - 1), "quote.certification-length"),
    "chain-endless": (CHAIN + 2, u32(0xFFFFFFFF), "quote.certification-length"),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_and_types_are_exact(name: str) -> None:
    offset, value, code = LENGTHS[name]
    with refused(code):
        TdxQuote.parse(at(V4, offset, value))


def test_bytes_between_the_blocks_are_refused() -> None:
    longer = at(V4 + b"\0", HEAD, u32(LENGTH + 1))
    with refused("quote.signature-length", "1 bytes left over"):
        TdxQuote.parse(longer)
    both = at(longer, OUTER + 2, u32(BLOCK + 1))
    with refused("quote.certification-length", "1 bytes left over"):
        TdxQuote.parse(both)
    # And where every length says so, the byte is the chain's.
    assert TdxQuote.parse(at(both, CHAIN + 2, u32(PEM + 1))).tail == b""


@pytest.mark.parametrize("size", [0, 32, 1000, 40_000])
def test_authentication_data_of_any_length(size: int) -> None:
    data = TEE.quote(REPORT_DATA, auth_data=bytes(size))
    quote = TdxQuote.parse(data)
    assert quote.section.qe_auth_data == bytes(size)
    assert quote.build() == data


def test_an_input_that_is_too_large() -> None:
    assert len(TdxQuote.parse(V4.ljust(QUOTE_MAX_BYTES, b"\0")).tail) == QUOTE_MAX_BYTES - len(V4)
    with refused("wire.too-large"):
        TdxQuote.parse(V4.ljust(QUOTE_MAX_BYTES + 1, b"\0"))


def test_a_quote_is_a_value() -> None:
    quote = TdxQuote.parse(V4)
    assert quote == TdxQuote.parse(V4)
    assert quote != TdxQuote.parse(V5)
    assert quote.pck_chain is quote.pck_chain
    assert quote.qe_report is quote.qe_report
    with pytest.raises(AttributeError):
        quote.tail = b""  # type: ignore[misc]  # that it cannot is the test


def test_bodies_and_reports_of_any_bits_are_built_back() -> None:
    for size in (584, 648):
        data = bytes(one % 251 for one in range(size))
        assert TdReportBody.parse(data).build() == data
    data = bytes(one % 251 for one in range(384))
    assert EnclaveReport.parse(data).build() == data
    assert QuoteHeader(version=4).build()[:2] == u16(4)


# --- which kind of evidence -----------------------------------------------------------------------


@pytest.mark.parametrize("name", QUOTES)
def test_a_tdx_quote_is_known_by_its_first_bytes(name: str) -> None:
    assert detect_tee(QUOTES[name]) == "tdx"
    assert detect_tee(QUOTES[name][:48]) == "tdx"


@pytest.mark.parametrize(
    "data",
    [b"", V4[:47], bytes(64), b"{}", at(V4, 4, u32(2))],
    ids=["empty", "header-cut", "zeros", "json", "tee-2"],
)
def test_anything_else_is_unknown(data: bytes) -> None:
    with refused("evidence.unknown"):
        detect_tee(data)


# --- attributes and descriptions ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bit", "name"),
    [
        (8, "BIT_8"),
        (27, "BIT_27"),
        (28, "SEPT_VE_DISABLE"),
        (29, "MIGRATABLE"),
        (30, "PKS"),
        (31, "KL"),
        (32, "BIT_32"),
        (63, "PERFMON"),
    ],
)
def test_an_attribute_has_a_name(bit: int, name: str) -> None:
    attributes = TdAttributes((1 << bit).to_bytes(8, "little"))
    assert attributes.names == {name}
    assert attributes.sept_ve_disable == (bit == 28)
    assert (attributes.debug, attributes.under_debug) == (False, False)


@pytest.mark.parametrize("bit", range(8))
def test_the_debug_group_has_no_names(bit: int) -> None:
    attributes = TdAttributes(bytes((1 << bit, 0, 0, 0, 0, 0, 0, 0)))
    assert attributes.names == frozenset()
    assert attributes.under_debug
    assert attributes.debug == (bit == 0)


@pytest.mark.parametrize("version", [4, 5])
def test_a_description_names_every_field(version: Literal[4, 5]) -> None:
    quote = TdxQuote.parse(TEE.quote(REPORT_DATA, version=version))
    told = describe_quote(quote)
    present = {name for name in quote.body.__struct_fields__ if getattr(quote.body, name)}
    assert present <= told.keys()
    assert told["report_data"] == REPORT_DATA.hex()
    assert (told["version"], told["body_type"]) == (version, 3 if version == 5 else None)
    assert ("mr_service_td" in told) == (version == 5)
    assert told["attributes_set"] == ["SEPT_VE_DISABLE"]
    assert describe_pck(quote)["fmspc"] == TEE.settings.platform.fmspc


def test_a_ca_of_no_known_name_is_unknown() -> None:
    chain = TdxQuote.parse(V4).pck_chain
    assert chain.ca == "platform"
    assert replace(chain, intermediate=chain.root).ca == "unknown"
