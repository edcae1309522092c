# SPDX-License-Identifier: Apache-2.0
"""The verifier over HTTP.

POST /v1/challenge        -> {"nonce": base64url, "expires_in": seconds}
POST /v1/appraise         a bundle -> {"token", "verdict", "trace"}, or an error with its step
GET  /v1/jwks             -> the keys (RFC 7517)
GET  /v1/status/NAME      -> a token status list (draft-ietf-oauth-status-list §8)
GET  /v1/health           -> {"status": "ok"}, or an error
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from troth.errors import MalformedError
from troth.infra.http import answer, application, error_response, read_body
from troth.verifier.appraiser import Appraiser, Result
from troth.verifier.room import Room
from troth.verify import TraceEntry
from troth.wire import base64url

__all__ = ["BUNDLE_TYPE", "STATUS_TYPE", "make_app"]

T = TypeVar("T")

BUNDLE_TYPE: Final = "application/cmw+cbor"  # RFC 9999
STATUS_TYPE: Final = "application/statuslist+jwt"
_JWKS_TYPE: Final = "application/jwk-set+json"
_NO_STORE: Final = {"cache-control": "no-store"}
_WORKERS: Final = 4  # threads that verify; the library's arithmetic runs beside the interpreter
_BODY_EACH: Final = 64 * 1024  # bytes; a bundle without its log has about ten thousand


class _Accepted(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    verdict: str
    trace: tuple[TraceEntry, ...]


class _Handlers:
    def __init__(self, appraiser: Appraiser, most_bytes: int) -> None:
        self._appraiser = appraiser
        self._most_bytes = most_bytes
        self._pool = ThreadPoolExecutor(_WORKERS, "appraise")
        # As many of the largest bundles as can be verified at once.
        self._room = Room(each=_BODY_EACH, shared=_WORKERS * most_bytes)

    async def challenge(self, request: Request) -> Response:
        """Issue a nonce. It costs no row, so anybody may ask."""
        if await read_body(request, 2) not in {b"", b"{}"}:
            raise MalformedError("verifier.request", "a challenge is asked for with an empty body")
        nonce, expires_in = self._appraiser.challenge()
        response = answer({"nonce": base64url.encode(nonce), "expires_in": expires_in})
        response.headers.update(_NO_STORE)
        return response

    async def appraise(self, request: Request) -> Response:
        """Appraise a bundle."""
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if said != BUNDLE_TYPE:
            raise MalformedError("http.media-type", f"{said!r}, {BUNDLE_TYPE} is due")
        async with self._room.body(request, self._most_bytes) as data:
            result: Result = await self._run(lambda: self._appraiser.appraise(data))
        return answer(_Accepted(token=result.token, verdict="accepted", trace=result.trace))

    async def jwks(self, _: Request) -> Response:
        """Return the keys."""
        return Response(await self._run(self._appraiser.jwks), media_type=_JWKS_TYPE)

    async def status(self, request: Request) -> Response:
        """Return a status list."""
        name = request.path_params["name"]
        found = await self._run(lambda: self._appraiser.status_list(name))
        if found is None:
            return error_response(MalformedError("http.path", "no such status list"))
        return Response(found, media_type=STATUS_TYPE, headers=_NO_STORE)

    async def health(self, _: Request) -> Response:
        """Say whether tokens can be issued."""
        await self._run(self._appraiser.check)
        return answer({"status": "ok"})

    async def _run(self, work: Callable[[], T]) -> T:
        """Run what computes or waits for the disk beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def make_app(appraiser: Appraiser, *, bundle_bytes: int) -> Starlette:
    """Return the application; `bundle_bytes` is the largest bundle that is read."""
    handlers = _Handlers(appraiser, bundle_bytes)
    return application(
        [
            Route("/v1/challenge", handlers.challenge, methods=["POST"]),
            Route("/v1/appraise", handlers.appraise, methods=["POST"]),
            Route("/v1/jwks", handlers.jwks, methods=["GET"]),
            Route("/v1/status/{name}", handlers.status, methods=["GET"]),
            Route("/v1/health", handlers.health, methods=["GET"]),
        ]
    )
