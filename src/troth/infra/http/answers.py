# SPDX-License-Identifier: Apache-2.0
"""From an error to its answer, and from a request to its bounded body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from troth.errors import (
    DeniedError,
    DriverError,
    MalformedError,
    StaleError,
    TrothError,
    UntrustedError,
    UsageError,
)
from troth.infra.http.query import hold_to_declared
from troth.infra.log import Event
from troth.wire import json

__all__ = [
    "JSON_TYPE",
    "answer",
    "application",
    "bug_response",
    "error_response",
    "raw_error",
    "read_body",
]

JSON_TYPE: Final = "application/json"

_STATUS_OF_CLASS: Final[dict[type[Exception], int]] = {
    MalformedError: 400,
    UntrustedError: 422,
    StaleError: 409,
    DeniedError: 403,
    DriverError: 503,
}
_STATUS_OF_CODE: Final = {
    "http.path": 404,
    "http.method": 405,
    "http.too-slow": 408,
    "http.too-large": 413,
    "http.media-type": 415,
}
_CODE_OF_STATUS: Final = {404: "http.path", 405: "http.method"}

_log = structlog.get_logger()


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Return an application whose errors, foreseen or not, are answered as JSON.

    A path with a slash too many is not found: nobody is sent elsewhere. A query is held to what the
    handler takes; see `troth.infra.http.query`.
    """
    for route in routes:
        hold_to_declared(route)
    found = Starlette(
        routes=routes,
        exception_handlers={
            TrothError: _coded,
            UsageError: _coded,
            HTTPException: _plain,
            ClientDisconnect: _gone,
            Exception: _bug,
        },
    )
    found.router.redirect_slashes = False
    return found


def answer(value: object, *, status: int = 200) -> Response:
    """Return a response whose body is `value` as JSON."""
    return Response(json.encode(value), status, media_type=JSON_TYPE)


def error_response(error: TrothError | UsageError) -> Response:
    """Return the answer to an error: its code, class and detail, and its step if it has one.

    A usage error is the operator's and not the caller's, who is told that it is none of his.
    """
    if isinstance(error, UsageError):
        _log.error(Event.SETUP, code=error.code, detail=error.detail)
        error = DriverError("http.setup")
    return answer(_body(error), status=_status(error))


def raw_error(error: TrothError) -> bytes:
    """Return a whole HTTP/1.1 answer, for what is refused before a request is understood."""
    body = json.encode(_body(error))
    head = (
        f"HTTP/1.1 {_status(error)} Refused\r\ncontent-type: {JSON_TYPE}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


async def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request.

    Args:
        request: whose body was not read yet.
        most: how many bytes it may have; what is longer is not even kept.

    Raises:
        MalformedError: `http.too-large`.
    """
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and int(said[:20]) > most:
        raise MalformedError("http.too-large", f"{said[:20]} bytes, {most} allowed")
    chunks: list[bytes] = []
    left = most
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise MalformedError("http.too-large", f"{most} bytes are allowed")
        chunks.append(chunk)
    return b"".join(chunks)


def _body(error: TrothError) -> dict[str, object]:
    body: dict[str, object] = {
        "code": error.code,
        "class": error.verdict,
        "detail": error.detail or error.meaning,
    }
    step = getattr(error, "step", None)
    if step is not None:
        body["step"] = step
    return body


def _status(error: TrothError) -> int:
    return _STATUS_OF_CODE.get(error.code) or next(
        status for kind, status in _STATUS_OF_CLASS.items() if isinstance(error, kind)
    )


async def _coded(_: Request, error: Exception) -> Response:
    if isinstance(error, TrothError | UsageError):
        return error_response(error)
    raise error


async def _plain(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    coded = MalformedError(_CODE_OF_STATUS.get(status, "http.request"))
    response = error_response(coded)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def _gone(_: Request, __: Exception) -> Response:
    """Answer nobody: the caller has left."""
    return Response(status_code=400)


async def _bug(request: Request, error: Exception) -> Response:
    return bug_response(request, error)


def bug_response(request: Request, error: Exception) -> Response:
    """Log an exception that nobody foresaw and return what its caller is told of it: nothing."""
    _log.error(Event.BUG, path=request.url.path, kind=type(error).__name__, exc_info=error)
    return answer({"code": "bug", "class": "error", "detail": "a bug; see the log"}, status=500)
