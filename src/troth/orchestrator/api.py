# SPDX-License-Identifier: Apache-2.0
"""What a workload can ask, on the socket of its namespace.

    POST /v1/evidence   a request (BINDING 4.2, JSON or CBOR) -> a bundle
    POST /v1/events     {"domain", "operation", "content"} -> {"count", "head", "forensic"}
    GET  /v1/namespace  what a statement would say of the caller's namespace
    GET  /v1/token      ?audience=… -> {"token"}, kept warm
    GET  /v1/health     {"status": "ok"}

The namespace is the socket's, never a parameter. The caller is looked at for each request.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from troth.errors import MalformedError, TrothError
from troth.evidence.binding import Request
from troth.evidence.binding.request import REQUEST_JSON_MAX_BYTES, REQUEST_MAX_BYTES
from troth.infra.http import (
    JSON_TYPE,
    Direct,
    answer,
    application,
    query_of,
    read_body,
    takes,
)
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.identity import Peer
from troth.orchestrator.namespace import Namespace
from troth.orchestrator.view import namespace_view
from troth.wire import json

__all__ = ["CMW_TYPE", "REQUEST_TYPE", "workload_api"]

REQUEST_TYPE: Final = "application/vnd.troth.request+cbor"
CMW_TYPE: Final = "application/cmw+cbor"  # RFC 9999

EVENT_MAX_BYTES: Final = 512 * 1024  # JSON escapes make six bytes of one
_AUDIENCE_MAX_BYTES: Final = 255

Handler = Callable[[HttpRequest], Awaitable[Response]]


class EventRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    domain: Annotated[str, msgspec.Meta(min_length=1)]
    operation: Annotated[str, msgspec.Meta(min_length=1)]
    content: str


def workload_api(daemon: Daemon) -> Direct:
    """Return the application behind the sockets of namespaces."""
    api = _Api(daemon)
    evidence = api.counted(api.evidence)
    routed = application(
        [
            Route("/v1/evidence", evidence, methods=["POST"]),
            Route("/v1/events", api.counted(api.events), methods=["POST"]),
            Route("/v1/namespace", api.counted(api.namespace), methods=["GET"]),
            Route("/v1/token", api.counted(api.token), methods=["GET"]),
            Route("/v1/health", _health, methods=["GET"]),
        ]
    )
    return Direct(routed, {("POST", "/v1/evidence"): evidence})


class _Api:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def counted(self, handler: Handler) -> Handler:
        """Count refusals by code."""
        refusals = self._daemon.metrics.refusals

        @functools.wraps(handler)
        async def handle(request: HttpRequest) -> Response:
            try:
                return await handler(request)
            except TrothError as error:
                refusals.labels(error.code).inc()
                raise

        return handle

    async def evidence(self, http: HttpRequest) -> Response:
        namespace, peer = _who(http)
        if _is_cbor(http):
            request = Request.parse(await read_body(http, REQUEST_MAX_BYTES))
        else:
            request = Request.parse_json(await read_body(http, REQUEST_JSON_MAX_BYTES))
        namespace, peer = _who(http)  # once more: reading took as long as the caller liked
        bundle = await self._daemon.evidence(namespace, request, peer)
        return Response(bundle, media_type=CMW_TYPE)

    async def events(self, http: HttpRequest) -> Response:
        namespace, _ = _who(http)
        namespace.demand("extend")
        _is_cbor(http, allowed=False)
        body = await read_body(http, EVENT_MAX_BYTES)
        namespace, _ = _who(http)  # once more: reading took as long as the caller liked
        event = json.decode(body, EventRequest, max_bytes=EVENT_MAX_BYTES, max_depth=2)
        forensic = self._daemon.append(namespace, event.domain, event.operation, event.content)
        log = namespace.state.log
        return answer({"count": log.count, "head": log.head.hex(), "forensic": forensic})

    async def namespace(self, http: HttpRequest) -> Response:
        namespace, _ = _who(http)
        return answer(namespace_view(namespace))

    @takes("audience")
    async def token(self, http: HttpRequest) -> Response:
        namespace, _ = _who(http)
        audience = query_of(http).get("audience", "")
        if not 0 < len(audience.encode()) <= _AUDIENCE_MAX_BYTES:
            raise MalformedError("binding.range", "audience")
        namespace.demand(f"token:{audience}")
        return answer({"token": self._daemon.errands.warm(namespace, audience)})


async def _health(_: HttpRequest) -> Response:
    return answer({"status": "ok"})


def _who(http: HttpRequest) -> tuple[Namespace, Peer]:
    """Return namespace and caller, looked at anew.

    Raises:
        DeniedError: `identity.…`, `namespace.closed`.
    """
    peer = http.state.peer
    if not isinstance(peer, Peer):
        raise peer  # the refusal at accept
    namespace: Namespace = http.state.namespace
    namespace.demand_open()
    peer.check()
    return namespace, peer


def _is_cbor(http: HttpRequest, *, allowed: bool = True) -> bool:
    """Say whether the body is a request in CBOR; without a type, it is JSON.

    Raises:
        MalformedError: `http.media-type`.
    """
    media_type = http.headers.get("content-type", JSON_TYPE).partition(";")[0].strip().lower()
    if media_type == JSON_TYPE:
        return False
    if media_type == REQUEST_TYPE and allowed:
        return True
    raise MalformedError("http.media-type", media_type)
