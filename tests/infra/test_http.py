# SPDX-License-Identifier: Apache-2.0
"""Sockets and servers, apart from any program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from troth.errors import CODES, StaleError, UsageError
from troth.infra.http import (
    Direct,
    HttpServer,
    Tls,
    answer,
    application,
    bind_tcp,
    bind_unix,
    error_response,
    read_body,
    run,
    serve,
)

GET = b"GET /echo HTTP/1.1\r\nhost: x\r\n\r\n"


async def echo(request: Request) -> Response:
    return answer({"size": len(await read_body(request, 10))})


async def bug(_: Request) -> Response:
    raise RuntimeError("nobody foresaw this")


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.3)
    return answer({})


async def misplaced(_: Request) -> Response:
    raise UsageError("usage.keys", "/etc/key.pem: Permission denied")


APP = application(
    [
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/bug", bug),
        Route("/slow", slow),
        Route("/misplaced", misplaced),
    ]
)


async def ask(path: Path, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


Scene = Callable[[Path], Awaitable[None]]


def served(tmp_path: Path, scene: Scene, **settings: Any) -> None:
    async def main() -> None:
        server = HttpServer(settings.pop("app", APP), **settings)
        await server.listen(bind_unix(tmp_path / "s"))
        try:
            await scene(tmp_path / "s")
        finally:
            await server.close()

    run(main)


def test_a_unix_socket_is_for_owner_and_group_and_replaces_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bind_unix(path).close()
    second = bind_unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with pytest.raises(UsageError, match=r"usage.socket"):
        bind_unix(path)
    second.close()
    with pytest.raises(UsageError, match=r"usage.socket"):
        bind_unix(tmp_path / "none" / "s")
    with pytest.raises(UsageError, match=r"usage.socket"):
        bind_unix(tmp_path / ("x" * 120))


def test_what_is_not_local_needs_tls() -> None:
    bind_tcp("127.0.0.1", 0).close()
    bind_tcp("localhost", 0).close()
    with pytest.raises(UsageError, match=r"usage.tls"):
        bind_tcp("0.0.0.0", 0)  # noqa: S104 - it is refused
    tls = Tls(certificate="/nowhere", key="/nowhere")
    bind_tcp("0.0.0.0", 0, tls=tls).close()  # noqa: S104 - with TLS it may
    with pytest.raises(UsageError, match=r"usage.tls"):
        tls.context()
    with pytest.raises(UsageError, match=r"usage.socket"):
        bind_tcp("verifier.example", 0)
    with pytest.raises(UsageError, match=r"usage.socket"):
        bind_tcp("127.0.0.1", 70_000)


def test_an_error_is_code_class_detail_and_step() -> None:
    error = StaleError("evidence.anchor-missing", "ask fresh")
    response = error_response(error)
    assert response.status_code == 409
    expected = b'{"code":"evidence.anchor-missing","class":"stale","detail":"ask fresh"}'
    assert response.body == expected
    error.step = 10  # as an appraisal's refusal has
    assert b'"step":10' in error_response(error).body
    bare = error_response(StaleError("evidence.anchor-missing")).body
    assert CODES["evidence.anchor-missing"][1].encode() in bare


def test_silence_and_slowness_end_a_connection(tmp_path: Path) -> None:
    async def scene(path: Path) -> None:
        assert await ask(path, b"") == b""
        assert (await ask(path, GET)).startswith(b"HTTP/1.1 200")
        slow = await ask(path, b"POST /echo HTTP/1.1\r\ncontent-length: 9\r\n\r\nab")
        assert "http.too-slow" in slow.decode()

    served(tmp_path, scene, idle_s=0.1, request_s=0.1)


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\nabc", b"413"),
        (b"POST /none HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", b"404"),
        (b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc", b"408"),
        (b"POST /echo HTTP/1.1\r\nhost:", b"408"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_request_that_is_never_whole_is_answered_once(
    tmp_path: Path, begun: bytes, status: bytes, *, is_first: bool
) -> None:
    """What was answered before it was whole hears nothing of a deadline; then it is over."""

    async def scene(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        if not is_first:
            writer.write(GET)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        writer.write(begun)
        got = await reader.read()
        assert [each[:3] for each in got.split(b"HTTP/1.1 ")[1:]] == [status]
        writer.close()

    served(tmp_path, scene, idle_s=5, request_s=0.2)


def test_the_longest_idle_makes_room_and_the_busy_do_not(tmp_path: Path) -> None:
    async def scene(path: Path) -> None:
        silent = [await asyncio.open_unix_connection(str(path)) for _ in range(3)]
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(GET)
        assert (await reader.read(12)) == b"HTTP/1.1 200"
        assert await silent[0][0].read() == b""
        writer.close()
        for _, one in silent:
            one.close()

    served(tmp_path, scene, most_connections=3)


def test_where_all_are_busy_the_next_is_told_so(tmp_path: Path) -> None:
    async def scene(path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        refused = await ask(path, b"")  # it need not even ask
        assert refused.startswith(b"HTTP/1.1 503")
        assert "http.busy" in refused.decode()
        assert (await reader.read(12)) == b"HTTP/1.1 200"
        writer.close()

    served(tmp_path, scene, most_connections=1)


def test_bodies_bugs_and_paths(tmp_path: Path) -> None:
    async def scene(path: Path) -> None:
        close = b" HTTP/1.1\r\nconnection: close\r\n"
        long_ = b"POST /echo" + close + b"content-length: 11\r\n\r\n" + b"x" * 11
        assert b"http.too-large" in await ask(path, long_)
        chunked = b"POST /echo" + close + b"transfer-encoding: chunked\r\n\r\nb\r\n"
        assert b"http.too-large" in await ask(path, chunked + b"x" * 11 + b"\r\n0\r\n\r\n")
        assert b'{"code":"bug"' in await ask(path, b"GET /bug" + close + b"\r\n")
        missing = await ask(path, b"GET /none" + close + b"\r\n")
        assert b"404" in missing
        wrong = await ask(path, b"DELETE /echo" + close + b"\r\n")
        assert b"405" in wrong
        assert b"http.method" in wrong

    served(tmp_path, scene)


def test_the_operators_mistakes_are_not_the_callers(tmp_path: Path) -> None:
    async def scene(path: Path) -> None:
        for way in ("misplaced", "direct"):
            request = f"GET /{way} HTTP/1.1\r\nconnection: close\r\n\r\n"
            got = (await ask(path, request.encode())).decode()
            assert got.startswith("HTTP/1.1 503"), way
            told = json.loads(got.partition("\r\n\r\n")[2])
            assert (told["code"], told["class"]) == ("http.setup", "error")
            assert "key.pem" not in got
            assert "usage." not in got

    served(tmp_path, scene, app=Direct(APP, {("GET", "/direct"): misplaced}))


def test_a_server_ends_on_a_signal_after_it_said_that_it_is_ready(tmp_path: Path) -> None:
    said: list[str] = []

    async def main() -> None:
        listening = bind_unix(tmp_path / "s")
        tcp = bind_tcp("127.0.0.1", 0)
        loop = asyncio.get_running_loop()

        def ready() -> None:
            said.append("ready")
            loop.call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)

        await serve(APP, [listening, tcp], on_ready=ready)

    run(main)
    assert said == ["ready"]
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(OSError, match=r"refused"):
        one.connect(str(tmp_path / "s"))
