# SPDX-License-Identifier: Apache-2.0
"""What is recalled of a signature section, and that nothing of it is taken for another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import OTHER, TEE, Given
from tests.refusals import refused
from tests.sgx import table as sgx
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.errors import TrothError
from troth.evidence.intel import SignatureSection
from troth.evidence.intel.signature import take_section
from troth.evidence.tdx import TdxQuote
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, Cache
from troth.verify.intel.seen import Terms, platform_key
from troth.wire.reader import Reader

SECTION: Final = TdxQuote.parse(tdx.QUOTE).section
CONTENT: Final = take_section(Reader(SECTION.build()))
FLAT: Final = take_section(Reader(SECTION.build_flat()))
SET: Final = parse_bundle(tdx.BUNDLE, "bundle")


def other_signature(content: bytes) -> bytes:
    return bytes(one ^ 0xFF for one in content[:64]) + content[64:]


@pytest.mark.parametrize(
    ("content", "parse"),
    [(CONTENT, SignatureSection.parse), (FLAT, SignatureSection.parse_flat)],
    ids=["nested", "flat"],
)
def test_a_section_recalled_is_the_one_that_would_be_read(
    content: bytes, parse: Callable[[bytes], SignatureSection]
) -> None:
    cache = Cache(most=2)
    first = cache.read_section(content, parse)
    again = cache.read_section(other_signature(content), parse)
    assert first == parse(content)
    assert again == parse(other_signature(content))
    assert again.signature != first.signature
    assert again.chain is first.chain
    assert len(cache.sections) == 1


def test_a_section_read_in_one_form_is_not_found_in_the_other() -> None:
    cache = Cache(most=4)
    cache.read_section(CONTENT, SignatureSection.parse)
    cache.read_section(FLAT, SignatureSection.parse_flat)
    with refused("quote.certification-type"):
        cache.read_section(FLAT, SignatureSection.parse)
    with pytest.raises(TrothError):
        cache.read_section(CONTENT, SignatureSection.parse_flat)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, -1])
def test_a_section_cut_short_is_not_found(size: int) -> None:
    cache = Cache(most=4)
    cache.read_section(CONTENT, SignatureSection.parse)
    for _ in range(2):
        with pytest.raises(TrothError):
            cache.read_section(CONTENT[:size], SignatureSection.parse)
    assert len(cache.sections) == 1


@pytest.mark.parametrize("at", [64, 127, 128, 134, 518, 582, 583, 700, -2])
def test_one_other_byte_behind_the_signature_and_nothing_is_found(at: int) -> None:
    cache = Cache(most=4)
    cache.read_section(CONTENT, SignatureSection.parse)
    changed = CONTENT[:at] + bytes((CONTENT[at] ^ 1,)) + CONTENT[at + 1 :]
    try:
        found = cache.read_section(changed, SignatureSection.parse)
    except TrothError:
        return
    assert found == SignatureSection.parse(changed) != SECTION


def test_a_section_made_from_another_has_read_nothing() -> None:
    """Else a forger's change of one part would leave the chain or report of the sound one."""
    section = replace(SECTION)
    for read in (section.report, section.chain, section.platform_sha256):
        assert read
    other = TdxQuote.parse(OTHER.quote(REPORT_DATA)).section
    changed = replace(
        section, qe_report=other.qe_report, certification_data=other.certification_data
    )
    assert changed.report == other.report != section.report
    assert changed.chain.pem_sha256 == other.chain.pem_sha256
    assert changed.platform_sha256 != section.platform_sha256


def test_each_part_of_a_section_but_the_signature_is_in_its_digest() -> None:
    other = TdxQuote.parse(OTHER.quote(REPORT_DATA)).section
    parts = ("attestation_key", "qe_report", "qe_report_signature", "certification_data")
    changed = [
        *(replace(SECTION, **{name: getattr(other, name)}) for name in parts),
        replace(SECTION, qe_auth_data=SECTION.qe_auth_data + b"\0"),
        SECTION,
    ]
    assert len({one.platform_sha256 for one in changed}) == len(changed)
    assert SECTION.under(bytes(64)).platform_sha256 == SECTION.platform_sha256


def test_each_input_of_a_platform_is_in_its_key() -> None:
    """A part that the appraisal takes one day has its line here."""
    quote, own = TdxQuote.parse(tdx.QUOTE), Certificate(TEE.pki.certificates["root"])
    other = TdxQuote.parse(OTHER.quote(REPORT_DATA))
    sound = Terms(Anchors([Anchor.of(own)]), 0, AT)
    both = Terms(Anchors([Anchor.of(own), INTEL_SGX_ROOT]), 0, AT)
    keys = [
        platform_key(quote, SET, sound, b"TDX"),
        platform_key(other, SET, sound, b"TDX"),
        platform_key(quote, parse_bundle(OTHER.bundle(), "bundle"), sound, b"TDX"),
        platform_key(quote, replace(SET, source="another file"), sound, b"TDX"),
        platform_key(quote, SET, both, b"TDX"),
        platform_key(quote, SET, replace(sound, floor=1), b"TDX"),
        platform_key(quote, SET, sound, b"SGX"),
    ]
    assert len(set(keys)) == len(keys)


def test_the_platform_of_a_quote_whose_signature_is_refused_is_not_kept() -> None:
    cache = Cache(most=8)
    forged = tdx.QUOTE[:700] + bytes((tdx.QUOTE[700] ^ 1,)) + tdx.QUOTE[701:]
    assert TdxQuote.parse(forged).section != SECTION
    with pytest.raises(TrothError):
        tdx.judged(Given(quote=forged, cache=cache))
    assert len(cache.platforms) == 0


def test_of_everything_so_many_are_held() -> None:
    cache = Cache(most=2)
    for tee in (TEE, TEE, TEE, OTHER, TEE):
        tdx.outcome(Given(quote=tee.quote(REPORT_DATA), cache=cache))
        sgx.outcome(sgx.Given(cache=cache))
    shelves = [getattr(cache, name) for name in Cache.__slots__]
    assert all(len(one) <= 2 for one in shelves)
    assert len(cache.sections) == len(cache.platforms) == 2
