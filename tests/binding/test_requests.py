# SPDX-License-Identifier: Apache-2.0
"""Requests in CBOR and in JSON: one meaning, and nothing beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.binding.test_keys import every_form
from tests.binding.test_vector import holds
from tests.refusals import refused
from troth.crypto.cose_key import AGREEMENT, CoseKey
from troth.errors import TrothError
from troth.evidence.binding import Channel, Mode, Request
from troth.evidence.binding.request import key_of_jwk
from troth.wire import base64url, cbor

KEYS = every_form()
NONCE = bytes(range(32))
CHANNEL = {"role": 1, "value": base64url.encode(bytes(32))}
JWK_NAMES = {
    (-9, 1): ("EC", "P-256", "ES256"),
    (-51, 2): ("EC", "P-384", "ES384"),
    (-19, 6): ("OKP", "Ed25519", "EdDSA"),
    (AGREEMENT, 1): ("EC", "P-256", "ECDH-ES+A256KW"),
    (AGREEMENT, 4): ("OKP", "X25519", "ECDH-ES+A256KW"),
}


def jwk(key: CoseKey) -> dict[str, object]:
    kty, crv, alg = JWK_NAMES[key.algorithm, key.curve]
    made: dict[str, object] = {"kty": kty, "crv": crv, "alg": alg, "x": base64url.encode(key.x)}
    return made | ({"y": base64url.encode(key.y)} if key.y else {})


def in_json(**members: object) -> bytes:
    whole = {"nonce": base64url.encode(NONCE), "audience": "https://verifier.example"} | members
    return json.dumps({name: one for name, one in whole.items() if one is not ...}).encode()


REQUESTS = st.builds(
    Request,
    nonce=st.binary(min_size=16, max_size=64),
    audience=st.text(min_size=1, max_size=60),
    mode=st.sampled_from(Mode),
    cnf=st.none() | st.sampled_from(KEYS),
    user_data=st.none() | st.binary(min_size=1, max_size=64),
    channel=st.none() | st.builds(Channel, st.integers(1, 2), st.binary(min_size=32, max_size=32)),
    log_since=st.none() | st.integers(0, (1 << 64) - 1),
)


@given(REQUESTS)
def test_what_is_written_is_read(request_: Request) -> None:
    assert Request.parse(request_.encoded) == request_
    holds("request", request_.encoded)


@given(REQUESTS)
def test_json_says_the_same(request_: Request) -> None:
    channel = request_.channel
    text = in_json(
        nonce=base64url.encode(request_.nonce),
        audience=request_.audience,
        mode=Mode(request_.mode).name.lower(),
        cnf=... if request_.cnf is None else jwk(request_.cnf),
        user_data=... if request_.user_data is None else base64url.encode(request_.user_data),
        channel=...
        if channel is None
        else {"role": channel.role, "value": base64url.encode(channel.exporter)},
        log_since=... if request_.log_since is None else request_.log_since,
    )
    assert Request.parse_json(text) == request_


def test_the_least_request() -> None:
    request = Request.parse_json(in_json())
    assert request.mode is Mode.FRESH
    assert request.encoded == cbor.encode({1: NONCE, 2: "https://verifier.example"})
    spelt_out = cbor.encode({1: NONCE, 2: "https://verifier.example", 3: 0})
    assert Request.parse(spelt_out) == request


AUD = "https://verifier.example"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "binding.type"),
        ({1: NONCE}, "binding.members"),
        ({2: AUD}, "binding.members"),
        ({1: NONCE, 2: AUD, 8: 0}, "binding.members"),
        ({1: NONCE, 2: AUD, "x": 0}, "binding.members"),
        ({1: NONCE[:15], 2: AUD}, "binding.range"),
        ({1: bytes(65), 2: AUD}, "binding.range"),
        ({1: "n" * 32, 2: AUD}, "binding.type"),
        ({1: [NONCE], 2: AUD}, "binding.type"),
        ({1: NONCE, 2: ""}, "binding.range"),
        ({1: NONCE, 2: "x" * 256}, "binding.range"),
        ({1: NONCE, 2: "ä" * 128}, "binding.range"),
        ({1: NONCE, 2: b"aud"}, "binding.type"),
        ({1: NONCE, 2: AUD, 3: 2}, "binding.range"),
        ({1: NONCE, 2: AUD, 3: True}, "binding.type"),
        ({1: NONCE, 2: AUD, 4: {}}, "cose.key"),
        ({1: NONCE, 2: AUD, 5: b""}, "binding.range"),
        ({1: NONCE, 2: AUD, 5: bytes(65)}, "binding.range"),
        ({1: NONCE, 2: AUD, 6: [3, bytes(32)]}, "binding.range"),
        ({1: NONCE, 2: AUD, 6: [True, bytes(32)]}, "binding.type"),
        ({1: NONCE, 2: AUD, 6: [1, bytes(31)]}, "binding.range"),
        ({1: NONCE, 2: AUD, 6: [1]}, "binding.members"),
        ({1: NONCE, 2: AUD, 6: {1: bytes(32)}}, "binding.type"),
        ({1: NONCE, 2: AUD, 7: -1}, "binding.range"),
        ({1: NONCE, 2: AUD, 7: False}, "binding.type"),
        ({1: NONCE, 2: AUD, 5: bytes(2000)}, "cbor.too-large"),
    ],
)
def test_cbor_refused(value: object, code: str) -> None:
    with refused(code):
        Request.parse(cbor.encode(value))


KEY = jwk(KEYS[0])


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"nonce": ...}, "json.type"),
        ({"audience": ...}, "json.type"),
        ({"nonce": None}, "json.type"),
        ({"mode": None}, "json.type"),
        ({"mode": "Fresh"}, "json.type"),
        ({"mode": 0}, "json.type"),
        ({"cnf": None}, "json.type"),
        ({"cnf": []}, "json.type"),
        ({"user_data": None}, "json.type"),
        ({"channel": None}, "json.type"),
        ({"channel": {"role": 1}}, "json.type"),
        ({"channel": CHANNEL | {"x": 1}}, "json.type"),
        ({"channel": CHANNEL | {"role": True}}, "json.type"),
        ({"channel": CHANNEL | {"role": 0}}, "binding.range"),
        ({"log_since": None}, "json.type"),
        ({"log_since": "1"}, "json.type"),
        ({"log_since": 1.0}, "json.number"),
        ({"log_since": -1}, "binding.range"),
        ({"log_since": 1 << 64}, "binding.range"),
        ({"claims": {}}, "json.type"),
        ({"nonce": "AAAA"}, "binding.range"),
        ({"nonce": "A" * 43 + "="}, "wire.base64url"),
        ({"nonce": "A" * 42 + "B"}, "wire.base64url"),
        ({"nonce": "A" * 41}, "wire.base64url"),
        ({"nonce": "A" * 20 + " " + "A" * 22}, "wire.base64url"),
        ({"nonce": "A" * 20 + "\n" + "A" * 23}, "wire.base64url"),
        ({"nonce": "A" * 42 + "+"}, "wire.base64url"),
        ({"nonce": "A" * 42 + "Ä"}, "wire.base64url"),
        ({"audience": ""}, "binding.range"),
        ({"audience": "x" * 9000}, "json.too-large"),
        ({"cnf": KEY | {"d": "AAAA"}}, "binding.private-key"),
        ({"cnf": KEY | {"p": "AAAA"}}, "binding.private-key"),
        ({"cnf": KEY | {"q": 0}}, "binding.private-key"),
        ({"cnf": KEY | {"k": None}}, "binding.private-key"),
        ({"cnf": KEY | {"priv": ""}}, "binding.private-key"),
        ({"cnf": KEY | {"kid": "me"}}, "binding.members"),
        ({"cnf": {name: one for name, one in KEY.items() if name != "alg"}}, "binding.members"),
        ({"cnf": {name: one for name, one in KEY.items() if name != "y"}}, "binding.members"),
        ({"cnf": {}}, "binding.members"),
        ({"cnf": KEY | {"x": 1}}, "binding.type"),
        ({"cnf": KEY | {"x": ""}}, "binding.range"),
        ({"cnf": KEY | {"x": "A" * 42 + "B"}}, "wire.base64url"),
        ({"cnf": KEY | {"x": "A" * 43}}, "cose.point"),
        ({"cnf": KEY | {"x": "A" * 44}}, "cose.key"),
        ({"cnf": KEY | {"alg": "ES384"}}, "cose.key"),
        ({"cnf": KEY | {"alg": "none"}}, "cose.key"),
        ({"cnf": KEY | {"crv": "P-521"}}, "cose.key"),
        ({"cnf": KEY | {"kty": "RSA"}}, "binding.members"),
        ({"cnf": jwk(KEYS[2]) | {"y": "AAAA"}}, "binding.members"),
        ({"cnf": {"kty": {"kty": "EC"}}}, "binding.members"),
    ],
)
def test_json_refused(members: dict[str, Any], code: str) -> None:
    with refused(code):
        Request.parse_json(in_json(**members))


def test_a_name_twice_is_refused() -> None:
    text = in_json()
    with refused("json.duplicate"):
        Request.parse_json(text[:-1] + b', "audience": "x"}')


def test_ed25519_has_two_names() -> None:
    key = KEYS[2]
    assert key_of_jwk(jwk(key) | {"alg": "Ed25519"}) == key_of_jwk(jwk(key)) == key


def test_deep_nesting_is_refused() -> None:
    with refused("json.depth"):
        Request.parse_json(in_json(cnf={"a": {"b": {"c": {}}}}))


@given(st.binary(max_size=200))
def test_nothing_but_our_own_error_escapes(data: bytes) -> None:
    for parse in (Request.parse, Request.parse_json):
        with pytest.raises(TrothError):
            parse(data)


@given(st.binary(max_size=80))
def test_base64url_round_trip(data: bytes) -> None:
    text = base64url.encode(data)
    assert "=" not in text
    assert base64url.decode(text) == data


@given(st.text(max_size=12))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        data = base64url.decode(text)
    except TrothError:
        return
    assert base64url.encode(data) == text
