# SPDX-License-Identifier: Apache-2.0
"""What the administrator can ask, on a socket of its own.

POST /v1/namespaces                 [[namespace]] of the configuration, as JSON
POST /v1/namespaces/<label>/seal    its model has learnt enough
POST /v1/namespaces/<label>/close   for good
GET  /v1/status · GET /metrics · GET /v1/health
"""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from troth.errors import DriverError, MalformedError, UsageError
from troth.evidence.binding import Origin
from troth.infra.http import answer, application, read_body
from troth.infra.metrics import METRICS_TYPE
from troth.orchestrator.configuration import NamespaceSettings, namespace_problems
from troth.orchestrator.daemon import Daemon
from troth.orchestrator.view import namespace_view
from troth.wire import json

__all__ = ["admin_api"]

CREATION_MAX_BYTES: Final = 64 * 1024


def admin_api(daemon: Daemon) -> Starlette:
    """Return the application behind the admin socket."""
    api = _Api(daemon)
    return application(
        [
            Route("/v1/namespaces", api.create, methods=["POST"]),
            Route("/v1/namespaces/{label}/seal", api.seal, methods=["POST"]),
            Route("/v1/namespaces/{label}/close", api.close, methods=["POST"]),
            Route("/v1/status", api.status, methods=["GET"]),
            Route("/v1/health", api.health, methods=["GET"]),
            Route("/metrics", api.metrics, methods=["GET"]),
        ]
    )


class _Api:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def create(self, http: HttpRequest) -> Response:
        body = await read_body(http, CREATION_MAX_BYTES)
        settings = json.decode(body, NamespaceSettings, max_bytes=CREATION_MAX_BYTES, max_depth=6)
        for _, problem in namespace_problems(self._daemon.configuration, settings, ()):
            raise MalformedError("namespace.settings", problem)
        try:
            namespace = await self._daemon.open(settings, Origin.ADMINISTRATOR)
        except UsageError as error:  # this socket's callers may know of our files
            raise DriverError("state.write", str(error)) from None
        return answer({"id": namespace.creation.id.hex(), "label": namespace.label}, status=201)

    async def seal(self, http: HttpRequest) -> Response:
        namespace = self._daemon.namespaces.find(http.path_params["label"])
        namespace.seal()
        return answer(namespace_view(namespace))

    async def close(self, http: HttpRequest) -> Response:
        label = http.path_params["label"]
        self._daemon.close(label)
        return answer({"label": label, "closed": True})

    async def status(self, _: HttpRequest) -> Response:
        return answer(self._daemon.status())

    async def health(self, _: HttpRequest) -> Response:
        return answer({"status": "ok", "rooted": self._daemon.is_rooted})

    async def metrics(self, _: HttpRequest) -> Response:
        return Response(self._daemon.metrics.text(), media_type=METRICS_TYPE)
