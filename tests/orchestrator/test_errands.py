# SPDX-License-Identifier: Apache-2.0
"""A real trothd against a verifier of the test's own, over a unix socket."""

from __future__ import annotations

import contextlib
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
                status, answer = 403, {"code": "model.forensic"}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def serving(path: Path) -> Iterator[Server]:
    server = Server(path)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def verifier(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "v.sock") as server:
        yield server


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


QUIET = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "extend"]
model = "A1"
"""


def test_killed_before_the_verifier_has_heard_it_pushes_after_its_restart(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    one = make(QUIET, tail=tail).start()  # no token is kept warm: nothing else is sent
    call(one.admin, "POST", "/v1/namespaces/payments/seal")
    verifier.status = 503
    assert one.event("payments", "outside").json["forensic"] == 1
    until(lambda: one.metric("troth_pushes_total") >= 1)
    assert verifier.bundles == []
    one.kill_daemon()
    verifier.refuse_from, verifier.status = 0, 200
    until(lambda: said(one, verifier, 0) == {("urn:verifier", True)})
    assert read(verifier.bundles[0], one.software()).namespace[7][4] == 1
    until(lambda: one.metric("troth_pushes_total") >= 1)


def test_the_gap_of_a_restart_is_pushed_where_the_model_is_sealed(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    one = make(QUIET, tail=tail).start()  # no token is kept warm: nothing else is sent
    call(one.admin, "POST", "/v1/namespaces/payments/seal")
    one.kill_daemon()
    until(lambda: len(verifier.bundles) >= 1)
    told = read(verifier.bundles[0], one.software()).namespace
    assert (told[5], told[7][4]) == (1, 0)  # gaps, and forensic points


def test_the_gap_of_a_restart_is_not_pushed_before_the_seal(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    one = make(QUIET, tail=tail).start()
    one.kill_daemon()
    call(one.admin, "POST", "/v1/namespaces/payments/seal")
    assert one.event("payments", "outside").json["forensic"] == 1  # the first that is pushed
    until(lambda: len(verifier.bundles) >= 1)
    assert read(verifier.bundles[0], one.software()).namespace[7][4] == 1


OTHER = """
[[namespace.token]]
audience = "urn:other"
verifier = "unix:{other}"
[[namespace.token]]
audience = "urn:third"
verifier = "unix:{other}"
"""


def test_each_verifier_that_issued_tokens_hears_of_a_forensic_event(
    make: Callable[..., Trothd], verifier: Server, tmp_path: Path
) -> None:
    namespace = NAMESPACE.replace(
        '"token:urn:broker"', '"token:urn:broker", "token:urn:other", "token:urn:third"'
    ) + OTHER.format(other=tmp_path / "other.sock")
    tail = f'[verifier]\nurl = "unix:{tmp_path}/v.sock"\naudience = "urn:verifier"'
    with serving(tmp_path / "other.sock") as other:
        one = make(namespace, tail=tail).start()
        path = one.socket("payments")
        for audience in ("urn:broker", "urn:other", "urn:third"):
            target = f"/v1/token?audience={audience}"
            until(lambda target=target: call(path, "GET", target).status == 200)
        call(one.admin, "POST", "/v1/namespaces/payments/seal")
        other.status = 503
        assert one.event("payments", "outside").json["forensic"] == 1
        # The verifier of [verifier] hears at once, whatever becomes of the other.
        until(lambda: one.metric("troth_pushes_total") >= 2)
        assert ("urn:verifier", True) in said(one, verifier, 0)
        before = len(other.bundles)
        other.refuse_from, other.status = before, 200
        # Both tokens are asked for again without a key; and one push came, with a key nobody holds.
        wanted = {("urn:other", False), ("urn:third", False), ("urn:other", True)}
        until(lambda: wanted <= said(one, other, before))
    told = [read(each, one.software()) for each in other.bundles[before:]]
    assert all(each.namespace[7][4] == 1 for each in told)
    assert [8 in each.statement for each in told].count(True) == 1  # it was heard


def said(one: Trothd, verifier: Server, since: int) -> set[tuple[str, bool]]:
    """Return audience, and whether a key is named, of what a verifier was told."""
    statements = [read(each, one.software()).statement for each in verifier.bundles[since:]]
    return {(str(each[3]), 8 in each) for each in statements}


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
