# SPDX-License-Identifier: Apache-2.0
"""Properties: round trips, no bit may flip, and nothing but a TrothError escapes."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cove.table import CHALLENGE, TEE, TOKEN, Accepted, Given, outcome
from troth.errors import TrothError
from troth.evidence.cove import (
    Component,
    CoveToken,
    HashName,
    Layer,
    Measurement,
    PlatformClaims,
    PlatformState,
    TsmClaims,
    TvmClaims,
    describe_token,
    payload_of,
)
from troth.evidence.cove.labels import CWT_TAG, MEDIA_TYPE, PROFILE
from troth.wire import cbor

TEXTS: Final = st.text(
    st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=64
).filter(str.isprintable)
HASHES: Final = st.sampled_from(HashName)


def digests(algorithm: HashName) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=algorithm.size, max_size=algorithm.size)


@st.composite
def components(draw: st.DrawFn) -> Component:
    algorithm = draw(HASHES)
    digest = digests(algorithm)
    return Component(
        kind=draw(TEXTS),
        measurement=draw(digest),
        svn=draw(TEXTS),
        signer=draw(digest),
        algorithm=algorithm,
        manifest=draw(st.none() | digest),
    )


@st.composite
def registers(draw: st.DrawFn, least: int, most: int) -> tuple[Measurement, ...]:
    indices = draw(st.sets(st.integers(0, 65_535), min_size=least, max_size=most))
    found = []
    for index in sorted(indices):
        algorithm = draw(HASHES)
        found.append(Measurement(index, draw(digests(algorithm)), algorithm))
    return tuple(found)


KEYS: Final = st.sampled_from([TEE.keys.root.public, TEE.keys.tsm.public])
PLATFORMS: Final = st.builds(
    PlatformClaims,
    key=KEYS,
    manufacturer_id=st.binary(min_size=64, max_size=64),
    state=st.sampled_from(PlatformState),
    components=st.lists(components(), min_size=1, max_size=4).map(tuple),
)
TSMS: Final = st.builds(
    TsmClaims, key=KEYS, components=st.lists(components(), min_size=2, max_size=2).map(tuple)
)
TVMS: Final = st.builds(
    TvmClaims,
    challenge=st.binary(min_size=64, max_size=64),
    public_key=st.just(TEE.keys.tvm.public.cose()),
    initial=registers(1, 8),
    runtime=registers(0, 18),
    identity=st.none() | st.binary(min_size=64, max_size=64),
)


def read(payload: bytes) -> Any:
    tagged = cbor.decode_foreign(payload, max_bytes=1 << 16, tags={CWT_TAG})
    assert isinstance(tagged, cbor.Tag)
    return tagged.value


@given(PLATFORMS | TSMS | TVMS)
@settings(max_examples=60)
def test_claims_that_are_written_are_read(claims: PlatformClaims | TsmClaims | TvmClaims) -> None:
    assert type(claims).of(read(payload_of(claims.map()))) == claims


def test_a_token_is_rebuilt_byte_for_byte() -> None:
    assert CoveToken.parse(TOKEN).build() == TOKEN


@given(st.integers(0, len(TOKEN) * 8 - 1))
@settings(max_examples=400)
def test_no_bit_may_flip(bit: int) -> None:
    bad = bytearray(TOKEN)
    bad[bit // 8] ^= 1 << bit % 8
    assert not isinstance(outcome(Given(evidence=bytes(bad))), Accepted)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda one: TOKEN[:90] + one))
def test_nothing_but_our_errors_escapes_from_any_bytes(data: bytes) -> None:
    assert not isinstance(outcome(Given(evidence=data)), Accepted)


JSONISH: Final = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=70) | st.text(max_size=9) | st.booleans(),
    lambda one: (
        st.lists(one, max_size=3)
        | st.dictionaries(st.integers(0, 9) | st.integers(-70_011, -70_000), one, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(Layer), st.data())
@settings(max_examples=200)
def test_nothing_but_our_errors_escapes_from_any_signed_claims(
    layer: Layer, data: st.DataObject
) -> None:
    def change(claims: dict[int, Any]) -> None:
        key = data.draw(st.sampled_from(sorted(claims)) | st.integers(-70_011, -70_000))
        claims[key] = data.draw(JSONISH)

    try:
        evidence = TEE.token(CHALLENGE, **{layer.value: {"claims": change}})  # type: ignore[arg-type]  # one of the three
    except TrothError:  # our own encoder does not write every key
        return
    outcome(Given(evidence=evidence))


def test_the_description_is_plain_and_complete() -> None:
    described = describe_token(CoveToken.parse(TOKEN))
    assert json.loads(json.dumps(described)) == described
    assert described["profile"] == PROFILE
    assert described["challenge"] == CHALLENGE.hex()
    assert described["platform_state"] == "secured"
    assert described["identity"] is None
    assert described["manufacturer_id"] == TEE.settings.platform.manufacturer_id
    assert described["platform_key_sha256"] == TEE.keys.platform.public.spki_sha256.hex()
    assert described["tsm_key_sha256"] == TEE.keys.tsm.public.spki_sha256.hex()
    assert described["public_key"] == TEE.keys.tvm.public.cose().hex()
    assert described["runtime"] == [f"{one}:sha-384:{'00' * 48}" for one in range(4)]
    assert described["algorithms"] == [-8, -8, -8]
    assert described["token_bytes"] == len(TOKEN)
    first = TEE.settings.platform.components[1]
    assert described["platform_components"][1] == (  # type: ignore[index]  # a list, by the line above
        f"{first.type}:{first.svn}:sha-384:{first.measurement}:{first.signer}:{first.manifest}"
    )


def test_the_profile_names_the_drafts_date() -> None:
    assert PROFILE.endswith("2025-01-03")
    assert PROFILE in MEDIA_TYPE


@pytest.mark.parametrize("state", PlatformState)
def test_every_state_has_a_word(state: PlatformState) -> None:
    assert state.word == state.word.lower()
    assert " " not in state.word
