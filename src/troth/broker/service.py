# SPDX-License-Identifier: Apache-2.0
"""HTTP of the broker: one path for callers, and the administrator's socket.

    POST /v1/secret/<path>  {"token", "nonce"} -> {"answer"}, a JWS
    GET  /v1/health   {"status": "ok"} while releases can be logged, or else 503 `database.…`

The administrator's socket has, besides a health with details, `/metrics`, `/v1/log/head`,
`/v1/log/entries?start=&count=` and `/v1/log/consistency?first=&second=`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from troth.broker.fetched import Fetched
from troth.broker.metrics import METRICS_TYPE, BrokerMetrics
from troth.broker.path import path_of_target
from troth.broker.release import REQUEST_MAX_BYTES, Releaser
from troth.broker.store import Store
from troth.broker.trust import Trust, VerifierView
from troth.errors import MalformedError, TrothError
from troth.infra.http import JSON_TYPE, answer, application, query_of, read_body, takes

__all__ = ["admin_application", "public_application"]

T = TypeVar("T")

_PREFIX: Final = b"/v1/secret/"
_PAGE: Final = 100  # entries of the log, if the question does not say
_MOST: Final = 1 << 53


def public_application(
    releaser: Releaser, metrics: BrokerMetrics, store: Store, thread: Executor
) -> Starlette:
    """Return what callers reach."""
    checked = _StoreCheck(store, thread)

    async def secret(request: Request) -> Response:
        try:
            path = path_of_target(request.scope["raw_path"], _PREFIX)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != JSON_TYPE:
                raise MalformedError("http.media-type", f"{kind!r}, {JSON_TYPE} is due")
            body = await read_body(request, REQUEST_MAX_BYTES)
            released = await releaser.release(path, body)
        except TrothError as error:
            metrics.refusals.labels(error.code).inc()
            raise
        metrics.releases.inc()
        return answer({"answer": released})

    async def health(_: Request) -> Response:
        await checked()
        return answer({"status": "ok"})

    return application(
        [
            Route("/v1/secret/{path:path}", secret, methods=["POST"]),
            Route("/v1/health", health),
        ]
    )


def admin_application(
    store: Store, trust: Trust, metrics: BrokerMetrics, thread: Executor
) -> Starlette:
    """Return what the administrator reaches."""
    checked = _StoreCheck(store, thread)

    async def on_thread(work: Callable[[], T]) -> T:
        return await _on(thread, work)

    async def health(_: Request) -> Response:
        await checked()
        found = {view.issuer: await _reachable(view) for view in trust.views}
        return answer({"status": "ok", "verifiers": found} | await on_thread(store.status))

    async def head(_: Request) -> Response:
        return answer({"head": await on_thread(store.signed_head)})

    @takes("start", "count")
    async def entries(request: Request) -> Response:
        start, count = _number(request, "start", 0), _number(request, "count", _PAGE)
        return answer({"entries": await on_thread(lambda: store.entries(start, count))})

    @takes("first", "second")
    async def consistency(request: Request) -> Response:
        first, second = _number(request, "first", -1), _number(request, "second", -1)
        path = await on_thread(lambda: store.consistency(first, second))
        if path is None:
            raise MalformedError("http.request", "there are no logs of these sizes")
        return answer({"path": path})

    async def exposition(_: Request) -> Response:
        return Response(metrics.text(), media_type=METRICS_TYPE)

    return application(
        [
            Route("/v1/health", health),
            Route("/v1/log/head", head),
            Route("/v1/log/entries", entries),
            Route("/v1/log/consistency", consistency),
            Route("/metrics", exposition),
        ]
    )


class _StoreCheck:
    """Whether the store can be written, looked up once for all who ask at the same time."""

    def __init__(self, store: Store, thread: Executor) -> None:
        async def check() -> bool:
            await _on(thread, store.check)
            return True

        self._checked = Fetched(check)

    async def __call__(self) -> None:
        """Return if it can.

        Raises:
            DriverError: `database.*`.
        """
        await self._checked.newest(0)


async def _on(thread: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


async def _reachable(view: VerifierView) -> str:
    try:
        await view.keys(anew=True)
    except TrothError as error:
        return str(error)
    return "ok"


def _number(request: Request, name: str, otherwise: int) -> int:
    text = query_of(request).get(name)
    if text is None and otherwise >= 0:
        return otherwise
    if text is None or not text.isascii() or not text.isdigit() or int(text[:17]) > _MOST:
        raise MalformedError("http.request", f"{name}: a number is due")
    return int(text)
