# SPDX-License-Identifier: Apache-2.0
"""Query strings: what is declared, once, and readable; anything else is refused with 400."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from troth.errors import MalformedError
from troth.infra.http import Direct, answer, application, query_of, takes
from troth.infra.http.query import parse_query

NAMES = ("audience", "count")


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", {}),
        (b"audience=a", {"audience": "a"}),
        (b"audience=", {"audience": ""}),
        (b"count=1&audience=urn:example:broker", {"count": "1", "audience": "urn:example:broker"}),
        (b"audience=a%26b%3Dc%2B%25", {"audience": "a&b=c+%"}),
        (b"audience=a+b", {"audience": "a b"}),
        (b"audience=%C3%A9", {"audience": "\u00e9"}),
    ],
)
def test_what_is_read(raw: bytes, found: dict[str, str]) -> None:
    assert parse_query(raw, NAMES) == found


@pytest.mark.parametrize(
    "raw",
    [
        b"audience=a&audience=b",
        b"audience=a&audience=a",
        b"audience=a&junk=1",
        b"junk",
        b"audience",
        b"audience=a&",
        b"&audience=a",
        b"&",
        b"=",
        b"Audience=a",
        b"audienc%65=a",
        b"audience=a=b",
        b"audience=a%",
        b"audience=a%zz",
        b"audience=%ff",
        b"audience=\xc3\xa9",
        b"audience=a#b",
        b'audience="a"',
    ],
)
def test_what_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_query(raw, NAMES)
    assert caught.value.code == "http.query"


def test_where_nothing_is_taken_nothing_is() -> None:
    with pytest.raises(MalformedError, match=r"http\.query"):
        parse_query(b"x=1", ())


class _Api:
    @takes("audience")
    async def declared(self, request: Request) -> Response:
        return answer(dict(query_of(request)))

    async def undeclared(self, _: Request) -> Response:
        return answer({})


def _wrapped(handler: Callable[[Request], Awaitable[Response]]) -> Any:
    @functools.wraps(handler)
    async def handle(request: Request) -> Response:
        return await handler(request)

    return handle


API = _Api()
APP = application(
    [
        Route("/declared", API.declared),
        Route("/wrapped", _wrapped(API.declared)),
        Route("/undeclared", API.undeclared),
        Route("/direct", API.undeclared, methods=["POST"]),
    ]
)


def asked(path: str, query: bytes, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body of an answer, without a server."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [],
    }
    app = Direct(APP, {("POST", "/direct"): API.undeclared})
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("path", ["/declared", "/wrapped"])
def test_a_handler_gets_what_it_declares(path: str) -> None:
    assert asked(path, b"audience=a") == (200, b'{"audience":"a"}')
    status, body = asked(path, b"audience=a&audience=b&junk=1")
    assert (status, b'"http.query"' in body) == (400, True)


def test_a_handler_that_declares_nothing_is_never_asked() -> None:
    for path, method in (("/undeclared", "GET"), ("/direct", "POST")):
        assert asked(path, b"", method)[0] == 200
        status, body = asked(path, b"x=1", method)
        assert (status, b'"http.query"' in body) == (400, True)
