# SPDX-License-Identifier: Apache-2.0
"""HTTP servers: sockets that we bind, connections that cannot starve others, errors as JSON.

    app = application([Route("/v1/health", health)])
    run(lambda: serve(app, [bind_unix(Path("…/admin.sock"))], on_ready=ready))

A handler reads its body with `read_body` and raises; `application` makes the answer.
"""

from troth.infra.http.answers import JSON_TYPE, answer, application, error_response, read_body
from troth.infra.http.direct import Direct
from troth.infra.http.query import query_of, takes
from troth.infra.http.server import HttpServer, Listener, run, serve
from troth.infra.sockets import Tls, bind_tcp, bind_unix, raise_descriptor_limit

__all__ = [
    "JSON_TYPE",
    "Direct",
    "HttpServer",
    "Listener",
    "Tls",
    "answer",
    "application",
    "bind_tcp",
    "bind_unix",
    "error_response",
    "query_of",
    "raise_descriptor_limit",
    "read_body",
    "run",
    "serve",
    "takes",
]
