# SPDX-License-Identifier: Apache-2.0
"""Requests that are too large, too deep, too slow, or not what they should be."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cbor2
import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import AUDIENCE, Trothd, UnixConnection, ask, b64, call, wish

NONCE = b64(bytes(16))
REQUEST = cbor2.dumps({1: bytes(16), 2: "x"})
CBOR = "application/vnd.troth.request+cbor"
JWK = {
    "kty": "EC",
    "crv": "P-256",
    "alg": "ES256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}

ROLE_3 = {"role": 3, "value": b64(bytes(32))}

BAD_JSON: list[tuple[bytes | dict[str, Any], str]] = [
    ({"audience": AUDIENCE}, "json.type"),
    ({"nonce": NONCE}, "json.type"),
    ({"nonce": None, "audience": AUDIENCE}, "json.type"),
    ({"nonce": NONCE, "audience": None}, "json.type"),
    ({"nonce": 5, "audience": AUDIENCE}, "json.type"),
    ({"nonce": NONCE, "audience": [AUDIENCE]}, "json.type"),
    ({"nonce": NONCE + "=", "audience": AUDIENCE}, "wire.base64url"),
    ({"nonce": b64(bytes(15)), "audience": AUDIENCE}, "binding.range"),
    ({"nonce": b64(bytes(65)), "audience": AUDIENCE}, "binding.range"),
    ({"nonce": NONCE, "audience": ""}, "binding.range"),
    ({"nonce": NONCE, "audience": "x" * 256}, "binding.range"),
    ({"nonce": NONCE, "audience": "x", "mode": "old"}, "json.type"),
    ({"nonce": NONCE, "audience": "x", "mode": None}, "json.type"),
    ({"nonce": NONCE, "audience": "x", "user_data": b64(bytes(65))}, "binding.range"),
    ({"nonce": NONCE, "audience": "x", "user_data": ""}, "binding.range"),
    ({"nonce": NONCE, "audience": "x", "log_since": -1}, "binding.range"),
    ({"nonce": NONCE, "audience": "x", "log_since": True}, "json.type"),
    ({"nonce": NONCE, "audience": "x", "channel": ROLE_3}, "binding.range"),
    ({"nonce": NONCE, "audience": "x", "channel": {"role": 1}}, "json.type"),
    ({"nonce": NONCE, "audience": "x", "nonsense": 1}, "json.type"),
    ({"nonce": NONCE, "audience": "x", "cnf": JWK | {"d": "AA"}}, "binding.private-key"),
    ({"nonce": NONCE, "audience": "x", "cnf": JWK | {"alg": "none"}}, "cose.key"),
    ({"nonce": NONCE, "audience": "x", "cnf": JWK | {"x": JWK["y"]}}, "cose.point"),
    (b'{"nonce":"%s","audience":"x","audience":"y"}' % NONCE.encode(), "json.duplicate"),
    (b'{"nonce":"%s","audience":"x","log_since":1.5}' % NONCE.encode(), "json.number"),
    (b"[" * 9, "json.syntax"),
    (b"[" * 4000 + b"]" * 4000, "json.depth"),
    (b"", "json.syntax"),
    (b"\xff", "json.syntax"),
]

BAD_CBOR: list[tuple[bytes, str]] = [
    (cbor2.dumps({1: bytes(16)}), "binding.members"),
    (cbor2.dumps({1: "x" * 16, 2: "x"}), "binding.type"),
    (cbor2.dumps({1: bytes(16), 2: "x", 9: 1}), "binding.members"),
    (cbor2.dumps({1: bytes(16), 2: "x", 3: 2}), "binding.range"),
    (cbor2.dumps({1: bytes(16), 2: "x", 3: True}), "binding.type"),
    (cbor2.dumps({2: "x", 1: bytes(16)}), "cbor.not-canonical"),
    (cbor2.dumps({1: bytes(16), 2: "x"}) + b"\0", "cbor.trailing"),
    (b"\xa3" + REQUEST[1:] + b"\x02\x61x", "cbor.not-canonical"),
    (cbor2.dumps({1: bytes(16), 2: None}), "cbor.type"),
    (b"\x81" * 500, "cbor.syntax"),
    (b"", "cbor.syntax"),
]


@pytest.mark.parametrize(("body", "code"), BAD_JSON, ids=lambda one: str(one)[:40])
def test_bad_json_has_its_code(shared: Trothd, body: bytes | dict[str, Any], code: str) -> None:
    answer = call(shared.socket("payments"), "POST", "/v1/evidence", body)
    assert (answer.status, answer.code, answer.json["class"]) == (400, code, "malformed")


@pytest.mark.parametrize(("body", "code"), BAD_CBOR, ids=lambda one: str(one)[:40])
def test_bad_cbor_has_its_code(shared: Trothd, body: bytes, code: str) -> None:
    answer = call(shared.socket("payments"), "POST", "/v1/evidence", body, CBOR)
    assert (answer.status, answer.code) == (400, code)


def test_bodies_beyond_the_limit_are_not_read(shared: Trothd) -> None:
    path = shared.socket("payments")
    for target in ("/v1/evidence", "/v1/events"):
        answer = call(path, "POST", target, b"x" * 10_000_000)
        assert (answer.status, answer.code) == (413, "http.too-large")
    assert shared.evidence("payments").status == 200


def test_bad_events_have_their_codes(shared: Trothd) -> None:
    path = shared.socket("payments")
    good = {"domain": "a", "operation": "b", "content": "c"}
    for change, code in (
        ({"domain": ""}, "json.type"),
        ({"domain": None}, "json.type"),
        ({"content": 7}, "json.type"),
        ({"more": 1}, "json.type"),
        ({"domain": "x" * 129}, "binding.range"),
        ({"operation": "ü" * 65}, "binding.range"),
        ({"content": "x" * 65_025}, "binding.range"),
    ):
        answer = call(path, "POST", "/v1/events", good | change)
        assert (answer.status, answer.code) == (400, code)
    assert call(path, "POST", "/v1/events", b"x", CBOR).status == 415
    for name in good:
        left = {key: one for key, one in good.items() if key != name}
        assert call(path, "POST", "/v1/events", left).code == "json.type"


def test_paths_methods_and_types_have_their_codes(shared: Trothd) -> None:
    path = shared.socket("payments")
    assert call(path, "GET", "/v1/nothing").code == "http.path"
    assert call(path, "GET", "/v1/evidence").code == "http.method"
    assert call(path, "POST", "/v1/evidence", b"x", "text/plain").code == "http.media-type"
    assert call(path, "GET", "/metrics").code == "http.path"
    assert call(path, "GET", "/v1/status").code == "http.path"
    assert call(path, "GET", "/v1/token").code == "binding.range"
    assert call(path, "GET", "/v1/health").json == {"status": "ok"}


def raw(path: object, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(20)
        one.connect(str(path))
        with contextlib.suppress(BrokenPipeError):
            one.sendall(data)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := one.recv(65536):
                parts.append(part)
        return b"".join(parts)


def test_what_is_no_http_is_told_so(shared: Trothd) -> None:
    path = shared.socket("payments")
    assert b'"code":"http.request"' in raw(path, b"nonsense\r\n\r\n")
    head = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n"
    assert b'"code":"http.request"' in raw(path, head + b"a: " + b"x" * 20_000 + b"\r\n\r\n")


def test_silent_and_slow_connections_are_closed(shared: Trothd) -> None:
    path = shared.socket("payments")
    head = b"POST /v1/evidence HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
    with ThreadPoolExecutor(2) as threads:  # each waits for the whole of the server's patience
        silent, slow = threads.map(lambda sent: raw(path, sent), [b"", head + b"abc"])
    assert silent == b""
    assert slow.startswith(b"HTTP/1.1 408")
    assert b'"code":"http.too-slow"' in slow


def test_a_thousand_silent_callers_keep_nobody_out(make: Callable[..., Trothd]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip(f"this machine allows {hard} descriptors")
    silent: list[socket.socket] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        one = make().start()  # it inherits the low limit and raises it itself
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for _ in range(1000):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(20)
            connection.connect(str(one.socket("payments")))
            silent.append(connection)
        begun = time.monotonic()
        for label in ("payments", "reports"):
            assert read(one.evidence(label).body, one.software()).rooted
        assert time.monotonic() - begun < 20  # a machine that hangs, not one that is slow
    finally:
        for connection in silent:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_connection_lives_on_after_refusals(shared: Trothd) -> None:
    connection = UnixConnection(shared.socket("payments"))
    assert ask(connection, "POST", "/v1/evidence", {}).status == 400
    assert ask(connection, "GET", "/v1/nothing").status == 404
    assert ask(connection, "POST", "/v1/evidence", wish()).status == 200
    connection.close()


def test_pipelined_requests_are_answered_in_order(shared: Trothd) -> None:
    one = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = raw(shared.socket("payments"), one * 3 + last)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 3 + [b"404"]


def test_no_refusal_names_a_neighbour(shared: Trothd) -> None:
    path = shared.socket("payments")
    answers = [
        call(path, "POST", "/v1/evidence", {}),
        call(path, "GET", "/v1/namespace"),
        call(path, "GET", "/v1/health"),
        call(path, "GET", "/v1/token?audience=urn:reports:token"),
    ]
    secret = next(one["id"] for one in shared.status()["namespaces"] if one["label"] == "reports")
    for answer in answers:
        assert secret.encode() not in answer.body
    assert b"reports" not in b"".join(answer.body for answer in answers[:3])
