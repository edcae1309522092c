# SPDX-License-Identifier: Apache-2.0
"""What a stranger may send to the verifier, and that it goes on answering."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundles import Machine
from tests.verifiers import Server, free_port, make_directory, running


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[Server]:
    path: Path = make_directory(tmp_path_factory.mktemp("d") / "v", machine)
    port = free_port()
    with path.open("a") as file:
        file.write(f'\n[[listen]]\ntcp = "127.0.0.1:{port}"\n')
    with running(path, port) as found:
        yield found
        assert found.call("GET", "/v1/health").status == 200


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (("GET", "/", None, ""), 404, "http.path"),
        (("GET", "/v1/appraise", None, ""), 405, "http.method"),
        (("POST", "/v1/jwks", b"", ""), 405, "http.method"),
        (("POST", "/v1/appraise", b"x", "application/json"), 415, "http.media-type"),
        (("POST", "/v1/appraise", b"x", ""), 415, "http.media-type"),
        (("POST", "/v1/challenge", b"{}{}", ""), 413, "http.too-large"),
        (("POST", "/v1/challenge", b"xx", ""), 400, "verifier.request"),
        (
            ("POST", "/v1/appraise", bytes(17_000_000), "application/cmw+cbor"),
            413,
            "http.too-large",
        ),
        (("GET", "/v1/status/nothing", None, ""), 404, "http.path"),
        (("GET", "/v1/status/" + "9" * 4000, None, ""), 404, "http.path"),
        (("GET", "/v1/status/..%2f..%2fkeys", None, ""), 404, "http.path"),
        (("GET", "/v1/status/%2e%2e", None, ""), 404, "http.path"),
        (("GET", "/v1/status/%2e%2e/", None, ""), 404, "http.path"),
        (("GET", "/v1/jwks/", None, ""), 404, "http.path"),
    ],
)
def test_requests(
    server: Server, request_: tuple[str, str, bytes | None, str], status: int, code: str
) -> None:
    answer = server.call(*request_, tcp=True)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x81" * 900_000,
        b"\xa1\x61a" * 300_000,
        b"\x9f" * 1000,
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc2\x58\xff" + bytes(255),
        b"\xd8\x1c\x80",
    ],
    ids=["empty", "arrays", "maps", "indefinite", "a huge map", "a huge text", "a bignum", "a tag"],
)
def test_bodies_at_step_1(server: Server, body: bytes) -> None:
    started = time.monotonic()
    answer = server.appraise(body)
    assert (answer.status, answer.json["class"], answer.json["step"]) == (400, "malformed", 1)
    assert time.monotonic() - started < 2


@given(st.binary(max_size=2000))
@settings(max_examples=50)
def test_any_body_is_answered(server: Server, body: bytes) -> None:
    assert server.appraise(body).status == 400


@given(data=st.data())
@settings(max_examples=60)
def test_any_change_of_a_bundle_is_refused(
    server: Server, machine: Machine, data: st.DataObject
) -> None:
    bundle = machine.fresh(server.nonce())
    encoded = bytearray(bundle.encoded)
    # The quote's certificates end in bytes that nobody signs, and the provider's name is a hint.
    free: set[int] = set()
    for one in (bundle.report.outblob, bundle.report.provider.encode()):
        start = bundle.encoded.index(one)
        free.update(range(start, start + len(one)))
    choices = [at for at in range(len(encoded)) if at not in free]
    at = data.draw(st.sampled_from(choices))
    encoded[at] ^= data.draw(st.integers(1, 255))
    answer = server.appraise(bytes(encoded))
    assert answer.status in {400, 403, 409, 422}, answer.body
    assert "step" in answer.json


def test_silent_and_slow_connections_do_not_keep_others_out(server: Server) -> None:
    silent = []
    for _ in range(200):
        one = socket.socket(socket.AF_UNIX)
        one.connect(server.socket)
        silent.append(one)
    silent[0].send(b"POST /v1/appraise HTTP/1.1\r\ncontent-length: 100\r\n\r\nx")
    assert server.call("GET", "/v1/health").status == 200
    for one in silent:
        one.close()


def test_a_caller_that_leaves(server: Server, machine: Machine) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(
        "POST",
        "/v1/appraise",
        machine.fresh(server.nonce()).encoded,
        {"content-type": "application/cmw+cbor"},
    )
    connection.close()
    assert server.call("GET", "/v1/health").status == 200
