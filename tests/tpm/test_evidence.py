# SPDX-License-Identifier: Apache-2.0
"""Structures of TPMs: whatever is built is read back, and nothing but our errors comes out."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.tpm.table import CHALLENGE, EVIDENCE, RSA, TPM, Accepted, Given, Refused, outcome, quoted
from troth.crypto.signing_key import SigningKey
from troth.crypto.tpm_key import TpmKey
from troth.crypto.tpm_signer import TpmSigner
from troth.errors import MalformedError, TrothError
from troth.evidence.tpm import (
    ClockInfo,
    PcrSelection,
    TpmEvidence,
    TpmPublic,
    TpmQuote,
    TpmSignature,
    describe_tpm,
)
from troth.evidence.tpm.layout import BANKS
from troth.verify.tpm import PinnedKeys

NAMES: Final = [name for name, _ in BANKS.values()]
U32: Final = st.integers(0, 2**32 - 1)
U64: Final = st.integers(0, 2**64 - 1)
SELECTIONS: Final = st.lists(
    st.builds(
        PcrSelection,
        st.sampled_from(NAMES),
        st.sets(st.integers(0, 23), min_size=1).map(lambda one: tuple(sorted(one))),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda one: one.bank,
).map(tuple)
QUOTES: Final = st.builds(
    TpmQuote,
    qualified_signer=st.sampled_from([b"", bytes(4), b"\0\x0b" + bytes(32), b"\0\x0c" + bytes(48)]),
    extra_data=st.binary(max_size=66),
    clock=st.builds(ClockInfo, U64, U32, U32, st.booleans()),
    firmware_version=U64,
    selections=SELECTIONS,
    pcr_digest=st.binary(min_size=32, max_size=32) | st.binary(min_size=48, max_size=48),
)
SIGNATURES: Final = st.one_of(
    st.builds(
        TpmSignature,
        st.just("RSASSA"),
        st.sampled_from(["sha256", "sha384"]),
        st.binary(max_size=512),
    ),
    st.builds(
        TpmSignature,
        st.just("ECDSA"),
        st.sampled_from(["sha256", "sha384"]),
        st.binary(min_size=64, max_size=64) | st.binary(min_size=96, max_size=96),
    ),
)
MESSAGE: Final = TPM.quote(CHALLENGE)[0]
AREAS: Final = {"ecc": TPM.public().build(), "rsa": RSA.public().build()}


@given(QUOTES)
def test_a_quote_that_is_built_is_read_back(quote: TpmQuote) -> None:
    assert TpmQuote.parse(quote.build()) == quote


@given(SIGNATURES)
def test_a_signature_that_is_built_is_read_back(signature: TpmSignature) -> None:
    assert TpmSignature.parse(signature.build()) == signature


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384"])
def test_a_signer_is_read_back_and_signs_for_its_key(kind: str) -> None:
    key = TpmSigner.generate(kind)  # type: ignore[arg-type]  # one of the three, as listed
    again = TpmSigner.from_pem(key.pem())
    assert again.public == key.public
    assert "RSA" in repr(key) or "P-" in repr(key)
    key.public.verify("sha256", again.sign("sha256", b"m"), b"m", "tpm.signature")
    assert "PRIVATE" not in repr(key)


def test_a_private_key_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="neither RSA"):
        TpmSigner.from_pem(SigningKey.generate("Ed25519").pem())
    with refused("tpm.key"):
        TpmSigner(ec.generate_private_key(ec.SECP521R1()))


def test_keys_are_told_apart_by_what_they_are() -> None:
    one, other = TPM.key.public, RSA.key.public
    assert one == TpmKey.from_pem(one.pem())
    assert len({one, TpmKey.from_pem(one.pem()), other}) == 2
    assert one != other
    assert one != one.spki
    assert one.spki_sha256.hex() in repr(one)
    assert one.spki_sha256.hex() in repr(PinnedKeys([one.spki_sha256]))
    assert other not in PinnedKeys([one.spki_sha256])


def test_keys_are_of_bounded_size_and_kept_as_they_came() -> None:
    odd = 1 << 4095 | 1
    assert TpmKey.from_rsa(odd.to_bytes(512, "big")).raw == odd.to_bytes(512, "big")
    with refused("tpm.key"):
        TpmKey.from_rsa((odd << 1 | 1).to_bytes(513, "big"))
    point = TPM.key.public.raw
    half = len(point) // 2
    assert TpmKey.from_point("P-256", point[:half], point[half:]).raw == point
    assert half == 32


@given(st.data())
def test_only_our_errors_leave_the_readers(data: st.DataObject) -> None:
    for parse, sound in (
        (TpmQuote.parse, MESSAGE),
        (TpmPublic.parse, AREAS["ecc"]),
        (TpmPublic.parse, AREAS["rsa"]),
        (TpmSignature.parse, bytes.fromhex(json.loads(EVIDENCE)["signature"])),
    ):
        raw = bytearray(sound)
        for _ in range(data.draw(st.integers(1, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
        for one in (bytes(raw), cut):
            try:
                read = parse(one)
            except MalformedError:
                continue
            if isinstance(read, TpmPublic):
                with suppress(MalformedError):
                    _ = read.key


@given(st.integers(0, len(MESSAGE) * 8 - 1))
def test_no_bit_of_a_quote_may_flip(bit: int) -> None:
    raw = bytearray(MESSAGE)
    raw[bit // 8] ^= 1 << bit % 8
    document = json.loads(EVIDENCE) | {"message": raw.hex()}
    assert isinstance(outcome(Given(evidence=json.dumps(document).encode())), Refused)


@given(st.binary(max_size=300))
def test_only_our_errors_leave_the_evidence_reader(data: bytes) -> None:
    with pytest.raises(TrothError):
        TpmEvidence.parse(data)


def test_twenty_kilobytes_of_selections_are_refused_at_their_count() -> None:
    entry = b"\0\x0b\3\xff\xff\xff"
    count = 3400
    raw = MESSAGE[:101] + count.to_bytes(4, "big") + entry * count + MESSAGE[111:]
    document = json.loads(EVIDENCE) | {"message": raw.hex()}
    got = outcome(Given(evidence=json.dumps(document).encode()))
    assert got == Refused("wire.too-large", "MalformedError")


def test_facts_have_names_and_plain_values() -> None:
    parsed = TpmEvidence.parse(quoted(selections=(PcrSelection("sha256", (7, 14)),)).evidence)
    facts = describe_tpm(parsed.quote, parsed.registers)
    assert facts["extra_data"] == CHALLENGE.hex()
    assert facts["firmware_version"] == "2019102300163636"
    assert facts["pcr_sha256_14"] == "00" * 32
    assert facts["pcr_banks"] == ["sha256"]
    assert (facts["reset_count"], facts["clock_safe"]) == (3, True)
    assert "pcr_sha256_0" not in facts
    assert outcome(Given()) == Accepted()
