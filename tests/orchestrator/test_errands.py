# SPDX-License-Identifier: Apache-2.0
"""A real trothd against a verifier of the test's own, over a unix socket."""

from __future__ import annotations

import json
import secrets
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd, b64, call, until
from tests.orchestrator.test_renewal import token


class Server(socketserver.ThreadingUnixStreamServer):
    """Keeps every bundle; refuses those of namespaces that left their model, as a verifier does."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.bundles: list[bytes] = []
        self.status = 200
        self.refuse_from = 10**9
        super().__init__(str(path), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        status, answer = self.server.status, {"code": "verifier.test"}
        if status == 200 and self.path == "/v1/challenge":
            answer = {"nonce": b64(secrets.token_bytes(32)), "expires_in": "60"}
        elif status == 200:
            self.server.bundles.append(body)
            answer = {"token": token(len(self.server.bundles), 300)}
            if len(self.server.bundles) > self.server.refuse_from:
                status, answer = 403, {"code": "policy.model"}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def verifier(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "v.sock")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


NAMESPACE = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend", "token:urn:broker"]
model = "A1"
[[namespace.token]]
audience = "urn:broker"
[namespace.token.cnf]
kty = "EC"
crv = "P-256"
alg = "ECDH-ES+A256KW"
x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
"""
TOKEN = "/v1/token?audience=urn:broker"


def test_tokens_are_warm_and_a_forensic_event_is_pushed(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    one = make(NAMESPACE, tail=tail).start()
    path = one.socket("payments")
    until(lambda: call(path, "GET", TOKEN).status == 200)
    assert call(path, "GET", TOKEN).json["token"] == token(1, 300)
    warm = read(verifier.bundles[0], one.software())
    assert warm.statement[3] == "urn:broker"
    assert warm.statement[8][1][3] == -31
    assert -65539 not in warm.statement  # no caller: trothd asked for itself
    one.event("payments", "known")
    call(one.admin, "POST", "/v1/namespaces/payments/seal")
    assert len(verifier.bundles) == 1
    verifier.refuse_from = 1
    assert one.event("payments", "outside").json["forensic"] == 1
    until(lambda: call(path, "GET", TOKEN).status == 403)
    assert call(path, "GET", TOKEN).code == "verifier.refused"
    until(lambda: one.metric("troth_pushes_total") == 1)
    audiences = {read(one_, one.software()).statement[3] for one_ in verifier.bundles[1:]}
    assert audiences == {"urn:broker", "urn:verifier"}
    pushed = [read(each, one.software()) for each in verifier.bundles[1:]]
    assert all(each.namespace[7][4] == 1 for each in pushed)
    # Killed and started again, it pushes once more: it cannot know that the verifier has heard.
    count = len(verifier.bundles)
    one.kill_daemon()
    until(lambda: len(verifier.bundles) >= count + 2)


def test_a_verifier_that_is_down_costs_no_evidence(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    verifier.status = 503
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    one = make(NAMESPACE, tail=tail).start()
    refused = call(one.socket("payments"), "GET", TOKEN)
    assert (refused.status, refused.code) == (409, "token.not-ready")
    assert one.evidence("payments").status == 200
    verifier.status = 200
    until(lambda: call(one.socket("payments"), "GET", TOKEN).status == 200)


def test_a_token_that_nobody_keeps_warm_is_said(make: Callable[..., Trothd]) -> None:
    namespace = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["token:urn:broker"]
"""
    one = make(namespace).start()
    assert call(one.socket("payments"), "GET", TOKEN).code == "token.not-kept"
