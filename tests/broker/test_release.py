# SPDX-License-Identifier: Apache-2.0
"""Who gets a secret from a running broker, and who does not, by which code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.broker.world import ISSUER, NAMESPACE, STATEMENT, World, vector
from troth.client import Broker
from troth.client.calls import secret as secret_call
from troth.client.message import Call
from troth.crypto.digest import sha256
from troth.crypto.p256 import PrivateKey
from troth.errors import MalformedError, TrothError
from troth.token import SigningKey
from troth.token.jws import sign_jws
from troth.wire import base64url, json

NOW = int(datetime.now(UTC).timestamp())
SIGNING_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "alg": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",  # RFC 8037, appendix A.2
}


def refused(world: World, path: str = "payments/database", token: str | None = None) -> TrothError:
    with pytest.raises(TrothError) as caught:
        world.ask(path, token)
    return caught.value


def test_secret_is_released_to_whom_the_rule_names(shared: World) -> None:
    assert shared.secret("payments/database") == b"hunter2"
    entry = shared.log()[-1]
    assert entry["event"] == "released"
    assert entry["rule"] == "payments only"
    assert entry["statement"] == STATEMENT
    assert entry["namespace"] == NAMESPACE
    assert "hunter2" not in (shared.directory / "stderr.log").read_text()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "urn:example:other"}, "token.audience"),
        ({"cnf": {}}, "token.malformed"),
        ({"cnf": {"jwk": SIGNING_JWK}}, "secret.key"),
        ({"iat": NOW - 36_000, "exp": NOW - 35_900}, "token.expired"),
        ({"iat": NOW + 36_000, "exp": NOW + 36_100}, "token.not-yet-valid"),
        ({"exp": NOW + 36_000}, "token.lifetime"),
        ({"iss": "https://impostor.example"}, "token.issuer"),
        ({"status__status_list__uri": "https://verifier.example/elsewhere"}, "token.status-uri"),
        ({"status__status_list__uri": "https://verifier.example/v1/status/9"}, "token.status-uri"),
        ({"status__status_list__idx": 1 << 20}, "token.status-index"),
        ({"unknown": 1}, "token.malformed"),
    ],
)
def test_token_is_refused(shared: World, changes: dict[str, Any], code: str) -> None:
    before = len(shared.log())
    assert refused(shared, token=shared.token(**changes)).code == code
    entries = shared.log()[before:]
    assert [(one["event"], one["code"]) for one in entries] == [("refused", code)]


OF_WHOM = ("verifier", "namespace", "label", "count", "statement")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "urn:example:other"}, "token.audience"),
        ({"cnf": {"jwk": SIGNING_JWK}}, "secret.key"),
        ({"iat": NOW - 36_000, "exp": NOW - 35_900}, "token.expired"),
        ({"iat": NOW + 36_000, "exp": NOW + 36_100}, "token.not-yet-valid"),
        ({"exp": NOW + 36_000}, "token.lifetime"),
        ({"submods__platform__ear.status": "warning"}, "token.status-tier"),
        ({"status__status_list__uri": "https://verifier.example/v1/status/9"}, "token.status-uri"),
        ({"status__status_list__idx": 1 << 20}, "token.status-index"),
    ],
)
def test_refusal_of_a_signed_token_is_logged_with_its_holder(
    shared: World, changes: dict[str, Any], code: str
) -> None:
    token = shared.token(**changes)
    assert refused(shared, token=token).code == code
    entry = shared.log()[-1]
    assert (entry["event"], entry["code"]) == ("refused", code)
    told = tuple(entry[name] for name in OF_WHOM)
    assert told == (ISSUER, NAMESPACE, "payments", 3, STATEMENT)
    assert entry["token"] == sha256(token.encode()).hex()


def forged(world: World, kind: str) -> str:
    """Return a token that says all the right things and that no verifier signed."""
    stranger = SigningKey(PrivateKey.generate())
    head, payload, signature = world.token(troth__label="l4bel").split(".")
    match kind:
        case "key":
            return sign_jws(base64url.decode(payload), stranger, typ="jwt")
        case "signature":
            return f"{head}.{payload}.{world.token().split('.')[2]}"
        case "issuer":
            return world.token(troth__label="l4bel", iss="https://l4bel.example")
        case "algorithm":
            header = {"alg": "none", "kid": "l4bel", "typ": "jwt"}
            return f"{base64url.encode(json.encode(header))}.{payload}."
        case "kid":
            header = {"alg": "ES256", "kid": "l4bel", "typ": "jwt"}
            return f"{base64url.encode(json.encode(header))}.{payload}.{signature}"
        case _:
            return f"{head}.{payload}"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("key", "token.key"),
        ("signature", "token.signature"),
        ("issuer", "token.issuer"),
        ("algorithm", "token.algorithm"),
        ("kid", "token.key"),
        ("cut off", "token.malformed"),
    ],
)
def test_what_a_forgery_says_is_not_logged(shared: World, kind: str, code: str) -> None:
    token = forged(shared, kind)
    assert refused(shared, token=token).code == code
    entry = shared.log()[-1]
    assert entry.keys() == {"number", "at", "event", "path", "code", "token"}
    assert (entry["code"], entry["token"]) == (code, sha256(token.encode()).hex())
    assert "l4bel" not in (shared.directory / "stderr.log").read_text()


def test_expired_within_the_leeway_is_taken(shared: World) -> None:
    now = int(datetime.now(UTC).timestamp())
    assert shared.secret("payments/database", shared.token(iat=now - 100, exp=now - 10))


def test_key_of_nobody(shared: World) -> None:
    stranger = SigningKey(PrivateKey.generate())
    parts = shared.token().split(".")
    token = sign_jws(base64url.decode(parts[1]), stranger, typ="jwt")
    assert refused(shared, token=token).code == "token.key"


def test_signature_of_another_token(shared: World) -> None:
    left, right = shared.token().split("."), shared.token().split(".")
    assert refused(shared, token=".".join([*left[:2], right[2]])).code == "token.signature"


@pytest.mark.parametrize(
    ("path", "changes", "rule", "reason"),
    [
        ("payments/database", {"troth__label": "reports"}, "payments only", "label"),
        ("payments/database", {"troth__origin": "runtime"}, "payments only", "origin"),
        ("payments/database", {"troth__mode": "delegated"}, "payments only", "mode"),
        ("payments/database", {"troth__root": "none"}, "payments only", "root"),
        ("payments/database", {"troth__root": "rem3"}, "payments only", "root"),
        ("payments/database", {"troth__root": "runtime3"}, "payments only", "root"),
        (
            "payments/keys/absent",
            {"submods__namespace__ear.trustworthiness-vector": vector(hardware=2)},
            "payments only",
            "model",
        ),
        ("payments/keys/absent", {}, "payments only", "no secret"),
        ("reports/key", {}, "default", "no rule is about this path"),
        ("nothing/here", {}, "default", "no rule is about this path"),
    ],
)
def test_rule_refuses_and_only_the_log_says_why(
    shared: World, path: str, changes: dict[str, Any], rule: str, reason: str
) -> None:
    error = refused(shared, path, shared.token(**changes))
    assert (error.code, error.detail) == ("secret.denied", error.meaning)
    entry = shared.log()[-1]
    assert (entry["rule"], entry["reason"], entry["path"]) == (rule, reason, path)


def test_worse_tiers_are_refused(shared: World) -> None:
    for submod in ("platform", "orchestrator", "namespace"):
        changes = {
            f"submods__{submod}__ear.status": "warning",
            f"submods__{submod}__ear.trustworthiness-vector": vector(hardware=32, executables=2),
        }
        assert refused(shared, token=shared.token(**changes)).code == "secret.denied"
        assert shared.log()[-1]["reason"] == submod


def raw(world: World, body: bytes, target: str = "/v1/secret/payments/database") -> TrothError:
    call = Call(method="POST", target=target, body=body, read=bytes, most=1 << 20)
    with pytest.raises(TrothError) as caught:
        Broker(world.url).send(call)
    return caught.value


def test_unknown_path_and_denied_path_are_told_alike(shared: World) -> None:
    body = json.encode({"token": shared.token(), "nonce": "A" * 43})
    told = {str(raw(shared, body, f"/v1/secret/{path}")) for path in ("reports/key", "no/such")}
    assert len(told) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"token":"x"}',
        b'{"token":"","nonce":"AAAAAAAAAAAAAAAAAAAAAA"}',
        b'{"token":1,"nonce":"AAAAAAAAAAAAAAAAAAAAAA"}',
        b'{"token":"x","nonce":null}',
        b'{"token":"x","nonce":"AAAA"}',
        b'{"token":"x","nonce":"AAAAAAAAAAAAAAAAAAAAAB"}',
        b'{"token":"x","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}',
        b'{"token":"x","token":"y","nonce":"AAAAAAAAAAAAAAAAAAAAAA"}',
        b'{"token":"x","nonce":"AAAAAAAAAAAAAAAAAAAAAA","path":"y"}',
        b"[" * 10_000,
    ],
)
def test_request_must_have_its_form(shared: World, body: bytes) -> None:
    before = len(shared.log())
    assert raw(shared, body).code == "secret.request"
    assert len(shared.log()) == before


def test_oversize_is_refused_while_it_comes(shared: World) -> None:
    assert raw(shared, b"x" * 10_000_000).code == "http.too-large"
    assert shared.secret("payments/database") == b"hunter2"


def test_media_type_is_json(shared: World) -> None:
    call = Call(
        method="POST",
        target="/v1/secret/payments/database",
        content_type="text/plain",
        body=b"{}",
        read=bytes,
        most=1000,
    )
    with pytest.raises(MalformedError) as caught:
        Broker(shared.url).send(call)
    assert caught.value.code == "http.media-type"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/payments/database",
        "payments/",
        "payments//database",
        "payments/../payments/database",
        "payments/./database",
        "payments/%64atabase",
        "payments%2Fdatabase",
        "payments/d~tabase",
        "a/" * 16 + "b",
        "a" * 65,
        "a" * 60 + "/" + "b" * 200,
    ],
)
def test_path_has_one_spelling(shared: World, path: str) -> None:
    body = json.encode({"token": shared.token(), "nonce": "A" * 43})
    assert raw(shared, body, f"/v1/secret/{path}").code == "secret.path"


def test_what_no_path_takes_is_refused(shared: World) -> None:
    body = json.encode({"token": shared.token(), "nonce": "A" * 43})
    assert raw(shared, body, "/v1/secret/payments/database?x=1").code == "http.query"
    for target in (
        "/v1/log/entries?start=0&start=1",
        "/v1/log/entries?strat=1",
        "/v1/log/consistency?first=1&second=1&second=2",
        "/v1/log/head?x=1",
        "/v1/health?x",
        "/metrics?x=1",
    ):
        with pytest.raises(MalformedError) as caught:
            shared.admin(target)
        assert caught.value.code == "http.query", target


def test_other_method_and_path(shared: World) -> None:
    for method, target, code in (
        ("GET", "/v1/secret/payments/database", "http.method"),
        ("POST", "/v1/nothing", "http.path"),
        ("GET", "/metrics", "http.path"),  # the administrator's socket alone
    ):
        call = Call(method=method, target=target, read=bytes, most=1000)
        with pytest.raises(MalformedError) as caught:
            Broker(shared.url).send(call)
        assert caught.value.code == code


def test_same_token_is_answered_again_and_to_each_nonce(shared: World) -> None:
    token = shared.token()
    first, second = (
        shared.ask("payments/database", token, nonce=nonce) for nonce in (b"1" * 16, b"2" * 64)
    )
    assert first != second


def test_administrator_sees_health_log_and_metrics(shared: World) -> None:
    shared.secret("payments/database")
    health = shared.admin("/v1/health")
    assert health["verifiers"] == {"https://verifier.example": "ok"}
    assert health["log_size"] == len(shared.log())
    assert shared.admin("/v1/log/entries?start=1&count=1")["entries"][0]["number"] == 1
    assert shared.admin("/v1/log/head")["head"]
    with pytest.raises(MalformedError) as caught:
        shared.admin("/v1/log/consistency?first=0&second=1")
    assert caught.value.code == "http.request"
    text = Broker(f"unix:{shared.directory / 'admin.sock'}").send(
        Call(method="GET", target="/metrics", read=bytes, most=1 << 20)
    )
    assert b"troth_broker_releases_total" in text


def test_calls_name_the_path_as_it_is() -> None:
    assert secret_call("a/b", "t", b"n" * 16).target == "/v1/secret/a/b"


def test_stale_list_is_no_list(running: World) -> None:
    running.verifier.list_at = datetime.now(UTC) - timedelta(seconds=60)
    assert refused(running).code == "token.status-stale"
