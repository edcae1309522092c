# SPDX-License-Identifier: Apache-2.0
"""The clients, blocking and asynchronous, against real sockets that behave and that do not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.servers import Script, answer, say, server
from troth.client import (
    AsyncBroker,
    AsyncTrothd,
    AsyncVerifier,
    Broker,
    Receipt,
    Trothd,
    Verifier,
)
from troth.client.calls import evidence, get_text, token
from troth.client.endpoint import Endpoint
from troth.client.message import AnswerReader, Call, encode
from troth.errors import DeniedError, DriverError, MalformedError, TrothError, UsageError
from troth.wire import json

Ask = Callable[[str, float], Receipt]


def blocking(url: str, timeout_s: float = 5) -> Receipt:
    return Trothd(url, timeout_s=timeout_s).event("d", "o", "c")


def asynchronous(url: str, timeout_s: float = 5) -> Receipt:
    return asyncio.run(AsyncTrothd(url, timeout_s=timeout_s).event("d", "o", "c"))


BOTH = pytest.mark.parametrize("ask", [blocking, asynchronous])
RECEIPT = json.encode({"count": 1, "head": "00", "forensic": 0, "later": "member"})


@BOTH
@pytest.mark.parametrize("unix", [True, False])
def test_answer(ask: Ask, unix: bool, tmp_path: Path) -> None:
    with server(say(answer(RECEIPT)), tmp_path / "s" if unix else None) as url:
        assert ask(url, 5) == Receipt(count=1, head="00", forensic=0)


@BOTH
def test_answer_in_single_bytes(ask: Ask) -> None:
    with server(say(answer(RECEIPT), pause_s=0.001)) as url:
        assert ask(url, 5).count == 1


@BOTH
def test_answer_without_a_length_ends_with_the_connection(ask: Ask) -> None:
    with server(say(b"HTTP/1.1 200 OK\r\n\r\n" + RECEIPT)) as url:
        assert ask(url, 5).count == 1


@BOTH
def test_chunked_answer(ask: Ask) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server(say(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(RECEIPT), RECEIPT))) as url:
        assert ask(url, 5).count == 1


@BOTH
def test_server_that_keeps_the_connection_open(ask: Ask) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer(RECEIPT))
        time.sleep(3)

    with server(script) as url:
        started = time.monotonic()
        assert ask(url, 5).count == 1
        assert time.monotonic() - started < 2


@BOTH
def test_half_closed_by_the_peer(ask: Ask) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer(RECEIPT)[:-4])
        connection.shutdown(socket.SHUT_WR)
        time.sleep(3)

    with server(script) as url, pytest.raises(MalformedError) as caught:
        ask(url, 5)
    assert caught.value.code == "client.answer"


@BOTH
@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 2_000_000,
        answer(b"{}"),
        answer(b"not json"),
        answer(b'{"count":1,"count":2,"head":""}'),
        answer(b"not json", "500 Oops"),
        answer(b"<html>", "502 Bad Gateway"),
    ],
)
def test_answer_of_another_form(ask: Ask, data: bytes) -> None:
    with server(say(data)) as url, pytest.raises(MalformedError) as caught:
        ask(url, 5)
    assert caught.value.code == "client.answer"


@BOTH
def test_refusal_comes_back_as_itself_with_its_step(ask: Ask) -> None:
    body = json.encode(
        {"code": "secret.denied", "class": "denied", "detail": "a\nb", "step": 11, "more": 1}
    )
    with server(say(answer(body, "403 Forbidden"))) as url, pytest.raises(DeniedError) as caught:
        ask(url, 5)
    assert (caught.value.code, caught.value.detail) == ("secret.denied", "a\\nb")
    assert caught.value.__notes__ == ["step 11"]


@BOTH
def test_usage_error_of_the_peer(ask: Ask) -> None:
    body = json.encode({"code": "usage.time", "class": "error", "detail": ""})
    with server(say(answer(body, "400 Bad"))) as url, pytest.raises(UsageError):
        ask(url, 5)


@BOTH
@pytest.mark.parametrize("code", ["later.code", "bug"])
def test_refusal_with_a_code_of_a_later_version(ask: Ask, code: str) -> None:
    body = json.encode({"code": code, "class": "denied", "detail": "x"})
    with server(say(answer(body, "403 Forbidden"))) as url, pytest.raises(DriverError) as caught:
        ask(url, 5)
    assert caught.value.code == "client.refused"


@BOTH
@pytest.mark.parametrize(
    "script",
    [say(b"", wait_s=3), say(answer(RECEIPT), pause_s=0.2), say(b"HTTP/1.1 200", wait_s=3)],
)
def test_timeout_is_for_the_whole_exchange(ask: Ask, script: Script) -> None:
    with server(script) as url:
        started = time.monotonic()
        with pytest.raises(DriverError) as caught:
            ask(url, 0.5)
        assert caught.value.code == "client.timeout"
        assert time.monotonic() - started < 1.5


@BOTH
def test_nobody_there(ask: Ask, tmp_path: Path) -> None:
    with server(say(b"")) as url:
        pass
    for gone in (url, f"unix:{tmp_path / 'none'}", str(tmp_path / "none")):
        with pytest.raises(DriverError) as caught:
            ask(gone, 5)
        assert caught.value.code == "client.unreachable"


@BOTH
def test_closed_without_a_word(ask: Ask) -> None:
    with server(say(b"")) as url, pytest.raises(DriverError) as caught:
        ask(url, 5)
    assert caught.value.code == "client.unreachable"


def test_refused_while_the_request_is_still_being_sent(tmp_path: Path) -> None:
    body = json.encode({"code": "http.too-large", "class": "malformed", "detail": ""})

    def script(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(answer(body, "413 Too Large"))

    async def ask(url: str) -> None:
        await AsyncVerifier(url).appraise(b"x" * 5_000_000)

    with server(script, tmp_path / "s") as url:
        for call in (
            lambda: Verifier(url).appraise(b"x" * 5_000_000),
            lambda: asyncio.run(ask(url)),
        ):
            with pytest.raises(TrothError) as caught:
                call()
            assert caught.value.code in {"http.too-large", "client.unreachable"}


def test_every_method_has_its_twin(tmp_path: Path) -> None:
    told = {
        b"/v1/evidence": b"bundle",
        b"/v1/namespace": b'{"label":"x"}',
        b"/v1/token?audience=urn%3Aa%2Fb": b'{"token":"t"}',
        b"/v1/challenge": b'{"nonce":"bm9uY2U","expires_in":60}',
        b"/v1/appraise": b'{"token":"t","verdict":"accepted","trace":[]}',
        b"/v1/secret/a/b": b'{"answer":"jws"}',
        b"/v1/health": b'{"status":"ok"}',
    }

    def script(connection: socket.socket) -> None:
        target = connection.recv(65536).split(b" ")[1]
        connection.sendall(answer(told[target]))

    async def ask(url: str) -> list[object]:
        trothd, verifier, broker = AsyncTrothd(url), AsyncVerifier(url), AsyncBroker(url)
        return [
            await trothd.evidence(b"n" * 16, "a", user_data=b"u", log_since=0, cnf={"kty": "EC"}),
            await trothd.namespace(),
            await trothd.token("urn:a/b"),
            await verifier.challenge(),
            await verifier.appraise(b"bundle"),
            await broker.secret("a/b", "t", b"n" * 16),
            await broker.health(),
        ]

    with server(script, tmp_path / "s") as url:
        trothd, verifier, broker = Trothd(url), Verifier(url), Broker(url)
        assert asyncio.run(ask(url)) == [
            trothd.evidence(b"n" * 16, "a", user_data=b"u", log_since=0, cnf={"kty": "EC"}),
            trothd.namespace(),
            trothd.token("urn:a/b"),
            verifier.challenge(),
            verifier.appraise(b"bundle"),
            broker.secret("a/b", "t", b"n" * 16),
            broker.health(),
        ]


def test_request_as_it_goes_out() -> None:
    call = evidence(b"\0" * 16, "a", mode="delegated")
    assert json.decode(call.body, dict[str, str], max_bytes=1000) == {
        "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
        "audience": "a",
        "mode": "delegated",
    }
    sent = encode(call, authority="h:1", prefix="/p")
    assert sent.startswith(b"POST /p/v1/evidence HTTP/1.1\r\nHost: h:1\r\n")
    assert f"Content-Length: {len(call.body)}\r\n\r\n".encode() in sent
    assert token("a b&c").target == "/v1/token?audience=a%20b%26c"


def test_target_cannot_break_out_of_its_line() -> None:
    call = Call(method="GET", target="/x HTTP/1.1\r\nEvil: 1", read=bytes, most=1)
    with pytest.raises(ValueError, match="not a request target"):
        encode(call, authority="h", prefix="")


def test_text_is_ascii() -> None:
    with pytest.raises(MalformedError) as caught:
        get_text("/", "text/plain").read(b"\xff")
    assert caught.value.code == "client.answer"


def test_reader_takes_nothing_for_nothing() -> None:
    reader = AnswerReader(10)
    assert reader.empty
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert reader.answer().body == b""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("/run/x.sock", "unix:/run/x.sock"),
        ("run/x.sock", "unix:run/x.sock"),
        ("http://localhost", "http://localhost"),
        ("https://h.example:8443/broker/", "https://h.example:8443/broker"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://127.0.0.1:8440", "http://127.0.0.1:8440"),
        ("http://127.200.0.1", "http://127.200.0.1"),
        ("HTTP://LocalHost", "http://localhost"),
        ("https://192.0.2.1", "https://192.0.2.1"),
    ],
)
def test_endpoints(text: str, shown: str) -> None:
    assert str(Endpoint.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "unix:" + "x" * 108,
        "ftp://x",
        "ftp:/x",
        "http://",
        "http://u:p@h",
        "https://h/?x=1",
        "https://h/a b",
        "https://h:99999",
        "https://h:x",
        "host",
    ],
)
def test_no_endpoints(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Endpoint.parse(text)
    assert caught.value.code == "usage.url"


BEYOND = pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1",
        "http://192.0.2.1:8440/verifier",
        "http://[2001:db8::1]",
        "http://0.0.0.0",
        "http://[::ffff:192.0.2.1]",
        "http://verifier.example",
        "http://localhost.example",
        "http://localhost.",
        "http://127.1",
        "http://2130706433",
    ],
)


@BEYOND
@pytest.mark.parametrize(
    "kind", [Trothd, Verifier, Broker, AsyncTrothd, AsyncVerifier, AsyncBroker]
)
def test_without_tls_nobody_beyond_this_machine_is_spoken_to(
    kind: Callable[[str], object], url: str
) -> None:
    with pytest.raises(UsageError) as caught:
        kind(url)
    assert caught.value.code == "usage.tls"


def test_ca_file_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nonsense")
    for name in ("ca", "none"):
        with pytest.raises(UsageError) as caught:
            Trothd("https://h", ca_file=str(tmp_path / name))
        assert caught.value.code == "usage.file"
