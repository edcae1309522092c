# SPDX-License-Identifier: Apache-2.0
"""A short way for the few paths that must be fast: past the router and its middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from troth.errors import TrothError, UsageError
from troth.infra.http.answers import bug_response, error_response
from troth.infra.http.query import parse_query

__all__ = ["Direct"]

Handler = Callable[[Request], Awaitable[Response]]


class Direct:
    """An application with some handlers found by method and exact path; the rest is routed."""

    def __init__(self, app: Starlette, exact: Mapping[tuple[str, str], Handler]) -> None:
        """Take the application, and the handlers that it has too."""
        self.routed = app
        self._exact = dict(exact)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        handler = self._exact.get((scope["method"], scope["path"]))
        if handler is None:
            await self.routed(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            parse_query(scope["query_string"], ())  # none of the few takes any
            response = await handler(request)
        except (TrothError, UsageError) as error:
            response = error_response(error)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - as the routed application does: log and answer
            response = bug_response(request, error)
        await response(scope, receive, send)
