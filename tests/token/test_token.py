# SPDX-License-Identifier: Apache-2.0
"""Tokens and status lists: each fault on its own, under keys that are right in all else."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import joserfc.jws
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused as refusal
from troth.crypto.cose_key import AGREEMENT, CoseKey
from troth.crypto.p256 import PrivateKey
from troth.errors import DeniedError, MalformedError, StaleError, TrothError
from troth.policy.vector import TrustVector, tier_of
from troth.token import (
    Expected,
    KeySet,
    SigningKey,
    Token,
    issue,
    issue_status_list,
    jwk_of,
    jwks_json,
    key_of,
    open_token,
    parse_jwks,
    read_status_list,
    verify_token,
)
from troth.token.claims import Ear
from troth.token.jws import TOKEN_MAX_BYTES, open_jws, sign_jws
from troth.token.status import LIST_TOKENS, STATUS_TTL_S
from troth.token.verify import AuthenticToken, SignedToken
from troth.wire import base64url
from troth.wire import json as door

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW: Final = int(AT.timestamp())
KEY: Final = SigningKey(PrivateKey.generate())
OTHER: Final = SigningKey(PrivateKey.generate())
KEYS: Final = KeySet([KEY.key.public])
ISSUER: Final = "https://verifier.example"
EXPECTED: Final = Expected(issuer=ISSUER, audience="urn:example:broker")
URI: Final = "https://verifier.example/v1/status/a-0"
RAW: Final = PrivateKey.generate().public.raw
OFF: Final = {"kty": "EC", "crv": "P-256", "alg": "ES256", "x": "AA", "y": "AA"}
LONG: Final = base64url.encode(bytes(33))
CNF: Final = CoseKey(algorithm=AGREEMENT, curve=1, x=RAW[:32], y=RAW[32:])


def claims(**changes: Any) -> dict[str, Any]:
    """Return sound claims with some replaced; None takes one away."""
    vector = json.loads(door.encode(TrustVector(hardware=2, executables=3)))
    submod = {
        "ear.status": "affirming",
        "ear.trustworthiness-vector": vector,
        "ear.appraisal-policy-id": "p.toml",
    }
    jwk = jwk_of(CNF)
    found = {
        "eat_profile": "tag:github.com,2023:veraison/ear",
        "iss": ISSUER,
        "aud": "urn:example:broker",
        "iat": NOW,
        "exp": NOW + 300,
        "jti": "a",
        "eat_nonce": base64url.encode(bytes(32)),
        "cnf": {"jwk": json.loads(door.encode(jwk))},
        "status": {"status_list": {"idx": 5, "uri": URI}},
        "ear.verifier-id": {"developer": "troth", "build": "1"},
        "submods": dict.fromkeys(("platform", "orchestrator", "namespace"), submod),
        "troth": {
            "namespace_id": "00" * 16,
            "label": "payments",
            "origin": "configuration",
            "count": 0,
            "head": "00" * 32,
            "statement": "00" * 32,
            "mode": "fresh",
            "tee": "tdx",
            "root": "rtmr3",
            "trace": "00" * 32,
        },
    } | changes
    return {name: value for name, value in found.items() if value is not None}


def token(key: SigningKey = KEY, /, **changes: Any) -> str:
    return sign_jws(json.dumps(claims(**changes)).encode(), key, typ="jwt")


def listed(*revoked: int, at: datetime = AT, key: SigningKey = KEY, uri: str = URI) -> str:
    return issue_status_list(revoked, key, issuer=ISSUER, uri=uri, at=at)


def read(text: str, status: str | None = None, at: datetime = AT, keys: KeySet = KEYS) -> Token:
    return verify_token(
        text, keys=keys, expected=EXPECTED, at=at, status=lambda _: status or listed(at=at)
    )


def refused(text: str, code: str, **changes: Any) -> None:
    with pytest.raises(TrothError) as caught:
        read(text, **changes)
    assert caught.value.code == code, caught.value


def test_a_sound_token() -> None:
    ear = read(token()).ear
    assert ear.tier == "affirming"
    assert key_of(ear.cnf.jwk) == CNF
    assert read(issue(ear, KEY)).ear == ear


def test_a_token_is_made_by_its_reader_alone() -> None:
    ear = read(token()).ear
    with pytest.raises(TypeError):
        Token(ear, _seal=object())
    with pytest.raises(TypeError):
        AuthenticToken(ear, KEYS, EXPECTED, _seal=object())
    with pytest.raises(TypeError):
        SignedToken(ear, KEYS, _seal=object())


def test_a_token_that_would_live_too_long_is_not_issued() -> None:
    ear = read(token()).ear
    long = door.decode(json.dumps(claims(exp=NOW + 301)).encode(), Ear, max_bytes=9999, max_depth=9)
    assert ear != long
    with pytest.raises(ValueError, match="301 seconds"):
        issue(long, KEY)
    ended = msgspec.structs.replace(ear, exp=NOW)
    with pytest.raises(ValueError, match="0 seconds"):
        issue(ended, KEY)


def spliced(header: dict[str, Any] | bytes) -> str:
    """Return a sound token's payload and signature under another header."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return ".".join([base64url.encode(raw), *token().split(".")[1:]])


GOOD: Final = {"alg": "ES256", "kid": KEY.kid, "typ": "jwt"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (GOOD | {"alg": "none"}, "token.algorithm"),
        (GOOD | {"alg": "HS256"}, "token.algorithm"),
        (GOOD | {"alg": "ES384"}, "token.algorithm"),
        (GOOD | {"typ": "statuslist+jwt"}, "token.type"),
        (GOOD | {"kid": "x"}, "token.key"),
        (GOOD | {"crit": ["exp"]}, "token.malformed"),
        (GOOD | {"jwk": {}}, "token.malformed"),
        ({"alg": "ES256", "typ": "jwt"}, "token.malformed"),
        (b'{"alg":"none","alg":"ES256","kid":"x","typ":"jwt"}', "token.malformed"),
        (b"[]", "token.malformed"),
        (GOOD | {"typ": "JWT"}, "token.signature"),  # right, but not what was signed
    ],
)
def test_headers(header: dict[str, Any] | bytes, code: str) -> None:
    refused(spliced(header), code)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "=.=.=", "é.é.é", "a" * 70_000, token() + "="]
)
def test_what_is_no_compact_jws(text: str) -> None:
    refused(text, "token.malformed")


def test_a_token_of_more_than_64_kib_is_not_looked_at() -> None:
    payload = b"x" * (TOKEN_MAX_BYTES * 3 // 4)
    with refusal("token.malformed", f"more than {TOKEN_MAX_BYTES} characters"):
        open_jws(sign_jws(payload, KEY, typ="jwt"), KEYS, typ="jwt")
    assert open_jws(sign_jws(payload[:-300], KEY, typ="jwt"), KEYS, typ="jwt") == payload[:-300]


def test_a_library_that_verified_another_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is returned was decoded here: should the library read it otherwise, nothing is."""
    verified = joserfc.jws.deserialize_compact

    def other(*arguments: Any, **named: Any) -> joserfc.jws.CompactSignature:
        found = verified(*arguments, **named)
        found.payload += b" "
        return found

    monkeypatch.setattr(joserfc.jws, "deserialize_compact", other)
    refused(token(), "token.signature")


def test_an_unsigned_and_a_forged_token() -> None:
    head, payload, signature = token().split(".")
    refused(f"{head}.{payload}.", "token.signature")
    other = base64url.encode(json.dumps(claims(aud="x")).encode())
    refused(f"{head}.{other}.{signature}", "token.signature")
    refused(token(OTHER), "token.key")


@pytest.mark.parametrize("name", sorted(claims()))
def test_each_claim_is_needed(name: str) -> None:
    refused(token(**{name: None}), "token.malformed")


@pytest.mark.parametrize("name", sorted(claims()["troth"]))
def test_each_claim_about_the_statement_is_needed(name: str) -> None:
    told = {key: value for key, value in claims()["troth"].items() if key != name}
    refused(token(troth=told), "token.malformed")


@pytest.mark.parametrize(
    "changes", [{"tee": "sgx"}, {"tee": "TDX"}, {"root": "rtmr2"}, {"root": ""}, {"more": 1}]
)
def test_what_no_verifier_says_of_a_boot(changes: dict[str, object]) -> None:
    refused(token(troth=claims()["troth"] | changes), "token.malformed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "urn:other"}, "token.audience"),
        ({"aud": ["urn:example:broker"]}, "token.malformed"),
        ({"iss": "https://other.example"}, "token.issuer"),
        ({"exp": NOW + 301}, "token.lifetime"),
        ({"exp": NOW, "iat": NOW}, "token.lifetime"),
        ({"iat": NOW + 31, "exp": NOW + 60}, "token.not-yet-valid"),
        ({"iat": NOW - 100, "exp": NOW - 30}, "token.expired"),
        ({"exp": 1.5}, "token.malformed"),
        ({"exp": "300"}, "token.malformed"),
        ({"nbf": NOW}, "token.malformed"),
        ({"eat_nonce": "short"}, "token.malformed"),
        ({"eat_profile": "x"}, "token.malformed"),
        ({"submods": {}}, "token.malformed"),
        ({"cnf": {"jwk": OFF}}, "token.malformed"),
        ({"cnf": {"kid": "x"}}, "token.malformed"),
    ],
)
def test_claims(changes: dict[str, Any], code: str) -> None:
    refused(token(**changes), code)


def test_the_leeway_is_thirty_seconds() -> None:
    read(token(iat=NOW + 30, exp=NOW + 60))
    read(token(iat=NOW - 100, exp=NOW - 29))


def test_a_name_twice_in_the_claims() -> None:
    text = json.dumps(claims())
    twice = text[:-1] + f', "aud": "{EXPECTED.audience}"' + "}"
    refused(sign_jws(twice.encode(), KEY, typ="jwt"), "token.malformed")


def test_a_status_that_its_vector_does_not_bear() -> None:
    submods = claims()["submods"]
    better = {"platform": submods["platform"] | {"ear.status": "none"}}
    refused(token(submods=submods | better), "token.status-tier")


def test_keys_rotate() -> None:
    both = KeySet([OTHER.key.public, KEY.key.public])
    read(token(), keys=both)
    read(token(OTHER), listed(key=OTHER), keys=both)
    refused(token(), "token.key", keys=KeySet([OTHER.key.public]))


def test_jwks() -> None:
    data = jwks_json([KEY.key.public, OTHER.key.public])
    assert parse_jwks(data).kids == (KEY.kid, OTHER.kid)
    twice = json.loads(data)
    twice["keys"].append(twice["keys"][0])
    for change in ({"kid": "x"}, {"x": LONG}, {"y": LONG}):
        wrong = json.loads(data)
        wrong["keys"][0] |= change
        with pytest.raises(MalformedError, match=r"token\.jwks"):
            parse_jwks(json.dumps(wrong).encode())
    with pytest.raises(MalformedError) as caught:
        parse_jwks(json.dumps(twice).encode())
    assert caught.value.code == "token.jwks"
    private = json.loads(data)
    private["keys"][0]["d"] = "AA"
    with pytest.raises(MalformedError, match=r"json\.type"):
        parse_jwks(json.dumps(private).encode())
    off = json.loads(data)
    off["keys"][0]["y"] = base64url.encode(bytes(32))
    with pytest.raises(TrothError, match=r"token\.key"):
        parse_jwks(json.dumps(off).encode())


# --- status lists -----------------------------------------------------------------------------


def test_revoked() -> None:
    refused(token(), "token.revoked", status=listed(5))
    read(token(), listed(4, 6, LIST_TOKENS - 1))


def test_bits_are_counted_from_the_lowest() -> None:
    """Draft, section 4.1: the example with one bit, 0xB9 0xA3."""
    statuses = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    text = listed(*(at for at, one in enumerate(statuses) if one))
    payload = json.loads(base64url.decode(text.split(".")[1]))
    bits = zlib.decompress(base64url.decode(payload["status_list"]["lst"]))
    assert bits[:2] == bytes([0xB9, 0xA3])
    assert json.loads(base64url.decode(text.split(".")[0]))["typ"] == "statuslist+jwt"


def test_a_list_that_cannot_be_had() -> None:
    def gone(_: str) -> str:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(StaleError, match=r"token\.status-missing"):
        verify_token(token(), keys=KEYS, expected=EXPECTED, at=AT, status=gone)


@pytest.mark.parametrize("seconds", [-30, 0, 39])
def test_a_list_within_its_life_and_the_leeway(seconds: int) -> None:
    list_ = listed(at=AT - timedelta(seconds=seconds))
    opened = open_token(token(), keys=KEYS, expected=EXPECTED, at=AT)
    assert opened.settle(list_, AT).ear.jti


@pytest.mark.parametrize("seconds", [-31, 40, 3600])
def test_a_stale_list(seconds: int) -> None:
    old = listed(at=AT - timedelta(seconds=seconds))
    refused(token(), "token.status-stale", status=old)


def test_the_wrong_list() -> None:
    refused(token(), "token.status-uri", status=listed(uri="https://verifier.example/v1/status/b"))
    refused(token(), "token.key", status=listed(key=OTHER))
    refused(token(), "token.type", status=token())
    other = issue_status_list([], KEY, issuer="x", uri=URI, at=AT)
    refused(token(), "token.issuer", status=other)


def relisted(**changes: Any) -> str:
    """Return a sound list with other claims, signed again."""
    payload = json.loads(base64url.decode(listed().split(".")[1])) | changes
    return sign_jws(json.dumps(payload).encode(), KEY, typ="statuslist+jwt")


@pytest.mark.parametrize(("said", "kept"), [(1, 1), (STATUS_TTL_S, 2), (3600, 2)])
def test_a_list_is_kept_as_long_as_both_it_and_we_say(said: int, kept: int) -> None:
    found = read_status_list(relisted(ttl=said), KEYS, issuer=ISSUER, uri=URI, at=AT)
    assert found.ttl_s == kept


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_list_of_the_largest_size_is_read_whole(level: int) -> None:
    bits = bytes(n * n % 251 for n in range(LIST_TOKENS // 8 - 1)) + b"\x80"
    lst = base64url.encode(zlib.compress(bits, level))
    text = relisted(status_list={"bits": 1, "lst": lst})
    found = read_status_list(text, KEYS, issuer=ISSUER, uri=URI, at=AT)
    assert [found.revoked(n) for n in range(LIST_TOKENS)] == [
        bool(one >> bit & 1) for one in bits for bit in range(8)
    ]


@pytest.mark.parametrize("index", [-1, -LIST_TOKENS, LIST_TOKENS])
def test_an_index_that_a_list_does_not_have(index: int) -> None:
    found = read_status_list(listed(LIST_TOKENS - 1), KEYS, issuer=ISSUER, uri=URI, at=AT)
    assert found.revoked(LIST_TOKENS - 1)
    with refusal("token.status-index"):
        found.revoked(index)


def test_an_index_beyond_the_list() -> None:
    far = token(status={"status_list": {"idx": LIST_TOKENS, "uri": URI}})
    refused(far, "token.status-index")


PLAIN: Final = zlib.compress(bytes(8))
LISTS: Final[dict[str, bytes]] = {
    "not compressed": bytes(8),
    "cut short": PLAIN[:-1],
    "a tail": PLAIN + b"\0",
    "too long": zlib.compress(bytes(LIST_TOKENS // 8 + 1)),
    "too long, stored": zlib.compress(bytes(LIST_TOKENS // 8 + 1), 0),
    "too long, and cut short": zlib.compress(bytes(LIST_TOKENS // 8 + 1))[:-5],
    "a bomb": zlib.compress(bytes(50_000_000)),
}


@pytest.mark.parametrize("name", LISTS)
def test_bitstrings(name: str) -> None:
    signed = relisted(status_list={"bits": 1, "lst": base64url.encode(LISTS[name])})
    refused(token(), "token.malformed", status=signed)


# --- properties -------------------------------------------------------------------------------


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}"))
def test_only_our_errors_escape(text: str) -> None:
    with pytest.raises(TrothError):
        open_token(text, keys=KEYS, expected=EXPECTED, at=AT)
    with pytest.raises(TrothError):
        read_status_list(text, KEYS, issuer=ISSUER, uri=URI, at=AT)
    with pytest.raises(TrothError):
        parse_jwks(text.encode("utf-8", "surrogatepass"))


TEXT: Final = token()


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="ascii"))
def test_no_character_may_change(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    if changed != TEXT:
        with pytest.raises(TrothError):
            read(changed)


@given(st.dictionaries(st.sampled_from(sorted(claims())), st.none() | st.integers() | st.text()))
def test_claims_of_any_kind(changes: dict[str, Any]) -> None:
    text = token(**changes)
    try:
        read(text)
    except TrothError:
        return
    assert claims(**changes).keys() == claims().keys()


@given(st.integers(-128, 127))
def test_tiers_are_those_of_ar4si(claim: int) -> None:
    due = "contraindicated"
    if claim in {-1, 0, 1}:
        due = "none"
    elif claim in range(2, 32) or claim in range(-32, -1):
        due = "affirming"
    elif claim in range(32, 96) or claim in range(-96, -32):
        due = "warning"
    assert tier_of(claim) == due


def test_vectors_take_the_worst() -> None:
    assert TrustVector().status == "none"
    assert TrustVector(hardware=2).status == "affirming"
    assert TrustVector(hardware=2, executables=33).status == "warning"
    assert TrustVector(hardware=97, executables=33).status == "contraindicated"


def test_denied_is_what_audience_and_revocation_are() -> None:
    for text, status in ((token(aud="x"), None), (token(), listed(5))):
        with pytest.raises(DeniedError):
            read(text, status)
