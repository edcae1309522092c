# SPDX-License-Identifier: Apache-2.0
"""What holds of any input: no bit may flip, and nothing but our own errors escapes a parser."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tdx import AT, REPORT_DATA
from troth.crypto import der
from troth.crypto.crl import Crl
from troth.crypto.p256 import PublicKey
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.endorse.intel import QeIdentity, TcbInfo, is_bundle, parse_bundle, pcs_document
from troth.errors import TrothError, UsageError
from troth.evidence.detect import detect_tee
from troth.evidence.intel.pck import SGX_EXTENSION, PckChain, PckExtension
from troth.evidence.tdx import TdxQuote, describe_pck, describe_quote
from troth.policy import JudgeOptions, judge, parse_policy, policy_template
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, AnyValue, WithoutCollateral
from troth.verify.tdx import verify_tdx
from troth.wire.text import parse_hex, parse_instant, pem_blocks

# The library warns of names and serial numbers that it reads all the same.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]

TEE: Final = SoftwareTdx.create(at=AT)
OWN: Final = Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))])
V4: Final = TEE.quote(REPORT_DATA, version=4)
V5: Final = TEE.quote(REPORT_DATA, version=5)
BUNDLE: Final = TEE.bundle()
SET: Final = parse_bundle(BUNDLE, "own")


def flipped(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes((data[bit // 8] ^ 1 << bit % 8,)) + data[bit // 8 + 1 :]


def code_of(data: bytes, anchors: Anchors = OWN, at: datetime = AT) -> str | None:
    """Return the code that a quote is refused with, None if it is genuine."""
    try:
        verify_tdx(data, collateral=WithoutCollateral, anchors=anchors, at=at, report_data=AnyValue)
    except TrothError as error:
        return error.code
    return None


# --- no bit may flip ------------------------------------------------------------------------------


def codes_of_every_bit(data: bytes, anchors: Anchors, at: datetime) -> dict[str | None, int]:
    """Flip each bit that the attestation key signed, and count what comes out."""
    assert code_of(data, anchors, at) is None
    counts: dict[str | None, int] = {}
    for bit in range(len(TdxQuote.parse(data).signed) * 8):
        code = code_of(flipped(data, bit), anchors, at)
        counts[code] = counts.get(code, 0) + 1
    return counts


# In the header, a flipped bit makes another format of it; 48 bytes are 384 bits, of which those
# of the SVNs and the user data are the signature's to defend.
FORMATS: Final = frozenset(
    {
        "unsupported.version",
        "unsupported.key-type",
        "unsupported.tee",
        "quote.tee-type",
        "quote.vendor-id",
        "quote.body-type",
        "unsupported.body-type",
        "wire.truncated",
        "quote.signature-length",
        "quote.certification-type",
        "quote.certification-length",
    }
)


def test_every_signed_bit_of_a_software_quote() -> None:
    counts = codes_of_every_bit(V5, OWN, AT)
    assert None not in counts
    assert set(counts) - FORMATS == {"quote.signature"}
    assert counts["quote.signature"] == (648 + 24) * 8


def test_every_signed_bit_of_a_real_quote(vectors: Path) -> None:
    path = vectors / "tdx-quote" / "tdx-v4-90c06f000000-cbdb5b2f.quote"
    at = datetime(2026, 3, 31, tzinfo=UTC)
    counts = codes_of_every_bit(path.read_bytes(), Anchors([INTEL_SGX_ROOT]), at)
    assert None not in counts
    assert set(counts) - FORMATS == {"quote.signature"}
    assert counts["quote.signature"] == (584 + 24) * 8


# All of a quote is signed by somebody, or is a length, or a signature; only the byte of zero behind
# the chain may be another white space.
LAST: Final = len(V4) - 1


@settings(max_examples=400)
@given(st.integers(0, LAST * 8 - 1))
def test_any_bit_of_a_software_quote(bit: int) -> None:
    assert code_of(flipped(V4, bit)) is not None


@settings(max_examples=400)
@given(data=st.data())
def test_any_bit_of_a_real_quote(vectors: Path, data: st.DataObject) -> None:
    path = vectors / "tdx-quote" / "tdx-v5-90c06f000000-d0010db6.quote"
    quote = path.read_bytes()
    at = datetime(2026, 3, 31, tzinfo=UTC)
    bit = data.draw(st.integers(0, (TdxQuote.parse(quote).size - 1) * 8 - 1))
    assert code_of(flipped(quote, bit), Anchors([INTEL_SGX_ROOT]), at) is not None


# What the judgement rests on: the two documents, the two lists, the signatures.
MEMBERS: Final = {
    name: text.encode()
    for name, text in (
        ("tcb_info", SET.tcb_info.signed.decode().replace('"', '\\"')),
        ("qe_identity", SET.qe_identity.signed.decode().replace('"', '\\"')),
        ("pck_crl", SET.pck_crl.der.hex()),
        ("root_crl", SET.root_crl.der.hex()),
        ("tcb_info_signature", SET.tcb_info.signature.hex()),
    )
}


@pytest.mark.parametrize("name", MEMBERS)
@given(data=st.data())
def test_any_bit_of_a_bundle_that_counts(name: str, data: st.DataObject) -> None:
    start = BUNDLE.index(MEMBERS[name])
    offset = start + data.draw(st.integers(0, len(MEMBERS[name]) - 1))
    bit = offset * 8 + data.draw(st.integers(0, 7))
    changed = flipped(BUNDLE, bit)
    # The case of a hex digit says nothing, and is the only thing that may change.
    same = changed[offset : offset + 1].lower() == BUNDLE[offset : offset + 1].lower()
    hexadecimal = name not in {"tcb_info", "qe_identity"}
    try:
        sets = [parse_bundle(changed, "changed")]
        verify_tdx(V4, collateral=sets, anchors=OWN, at=AT, report_data=AnyValue)
    except TrothError:
        return
    assert same
    assert hexadecimal


# --- nothing else escapes -------------------------------------------------------------------------


@dataclass(frozen=True)
class Parser:
    """A parser, sound inputs for it, and the base of what it may raise."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    raises: type[Exception] = TrothError


def described(data: bytes) -> object:
    quote = TdxQuote.parse(data)
    return describe_quote(quote), quote.qe_report, describe_pck(quote)


def certificate(data: bytes) -> object:
    one = Certificate(data)
    parts = (one.subject, one.issuer, one.common_name, one.serial, one.ca, one.key_usage)
    one.check_issued_by(one)
    return parts, one.unknown_critical, one.spki_sha256, repr(one)


def revocations(data: bytes) -> object:
    one = Crl(data)
    root = Certificate(TEE.pki.certificates["root"])
    one.check_current(AT)
    one.check_signed_by(root)
    return one.revokes(root), repr(one)


def text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """Return a parser of bytes that reads any byte as a character."""
    return lambda data: parse(data.decode("latin-1"))


LEAF: Final = TEE.pki.certificates["pck"]
EXTENSION: Final = Certificate(LEAF).extension(SGX_EXTENSION) or b""
POLICY: Final = policy_template(TdxQuote.parse(V5), "q").encode()
ANSWER: Final = b'{"tcbInfo":' + SET.tcb_info.signed + b',"signature":"' + b"00" * 64 + b'"}'

PARSERS: Final = {
    "quote": Parser(described, (V4, V5)),
    "detect": Parser(detect_tee, (V4, V5)),
    "bundle": Parser(lambda data: parse_bundle(data, "x").sha256, (BUNDLE,)),
    "is-bundle": Parser(is_bundle, (BUNDLE,)),
    "answer": Parser(pcs_document, (ANSWER,)),
    "pck-chain": Parser(lambda data: PckChain.parse(data).extension, (TEE.pki.pck_chain(),)),
    "pck-extension": Parser(PckExtension.parse, (EXTENSION,)),
    "certificate": Parser(certificate, tuple(TEE.pki.certificates.values())),
    "certificates": Parser(
        lambda data: certificates_from_pem(data, most=3), (TEE.pki.pem("root", "pck"),)
    ),
    "pem": Parser(
        lambda data: pem_blocks(data, "CERTIFICATE", most=3), (TEE.pki.pem("root", "pck"),)
    ),
    "crl": Parser(revocations, (TEE.pki.crl("root", revoked=(1, 2)),)),
    "attributes": Parser(lambda data: der.attributes(data, "pck.extension"), (EXTENSION,)),
    "tcb-info": Parser(TcbInfo.parse, (SET.tcb_info.signed,)),
    "qe-identity": Parser(QeIdentity.parse, (SET.qe_identity.signed,)),
    "point": Parser(
        lambda data: PublicKey.from_raw(data, "quote.key"), (TEE.attestation_key.public.raw,)
    ),
    "policy": Parser(lambda data: parse_policy(data, "x"), (POLICY,), UsageError),
    "instant": Parser(text(parse_instant), (b"2026-11-01T12:00:00.25Z",)),
    "hex": Parser(text(parse_hex), (b"00ffAB",)),
}

# A change is a place (as a fraction), how many bytes go, and what comes.
CHANGES: Final = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=4
)


def changed(seed: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, gone, put in changes:
        at = int(where * len(seed))
        seed = seed[:at] + put + seed[at + gone :]
    return seed


@pytest.mark.parametrize("name", PARSERS)
def test_the_seeds_are_sound(name: str) -> None:
    parser = PARSERS[name]
    for seed in parser.seeds[:1] if name == "certificate" else parser.seeds:
        parser.parse(seed)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=256))
def test_arbitrary_bytes_raise_nothing_else(name: str, data: bytes) -> None:
    parser = PARSERS[name]
    with suppress(parser.raises):
        parser.parse(data)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=300)
@given(data=st.data())
def test_a_flipped_bit_raises_nothing_else(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    seed = data.draw(st.sampled_from(parser.seeds))
    with suppress(parser.raises):
        parser.parse(flipped(seed, data.draw(st.integers(0, len(seed) * 8 - 1))))


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_nearly_sound_bytes_raise_nothing_else(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    seed = data.draw(st.sampled_from(parser.seeds))
    with suppress(parser.raises):
        parser.parse(changed(seed, data.draw(CHANGES)))


@given(st.sampled_from([V4, V5]), CHANGES)
def test_a_judgement_never_raises(seed: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    options = JudgeOptions(
        collateral=(SET,), anchors=OWN, at=AT, report_data=REPORT_DATA, policy=None
    )
    data = changed(seed, changes)
    judged = judge(data, options)
    if judged.verdict == "genuine":
        # Nothing that is signed has changed: the changes undid each other, or are behind it.
        assert TdxQuote.parse(data).signed == TdxQuote.parse(seed).signed
    else:
        assert judged.code is not None
        assert judged.facts is None
