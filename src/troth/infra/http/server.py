# SPDX-License-Identifier: Apache-2.0
"""A server whose listeners come and go while it runs, and which ends in good order.

It is uvicorn without its main loop, which wakes ten times a second; an idle server here sleeps.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import uvicorn
import uvloop
from uvicorn.server import ServerState

from troth.infra.http.protocol import Limits, Ring, protocol_factory
from troth.infra.sockets import BACKLOG, Tls, raise_descriptor_limit

__all__ = ["HttpServer", "Listener", "run", "serve"]

T = TypeVar("T")

_IDLE_S: Final = 5.0
_GRACE_S: Final = 10.0  # for requests in flight when the server ends
_SPARE_DESCRIPTORS: Final = 64  # for files, logs and our own clients
_DESCRIPTORS_EACH: Final = 2  # the connection, and a pidfd for its peer
_MOST_CONNECTIONS: Final = 16_384


class Listener:
    """One listening socket of a server."""

    def __init__(self, server: asyncio.AbstractServer, ring: Ring) -> None:
        """Wrap what accepts connections."""
        self._server = server
        self._ring = ring

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._ring.open

    def close(self) -> None:
        """Accept no more, and close what idles."""
        self._server.close()
        for connection in list(self._ring.idle):
            connection.drop()


class HttpServer:
    """An application, and the listeners through which it is reached."""

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        *,
        idle_s: float = _IDLE_S,
        request_s: float = _IDLE_S,
        most_connections: int | None = None,
    ) -> None:
        """Take an ASGI application.

        Args:
            app: without a lifespan.
            idle_s: after which a connection that sends nothing is closed.
            request_s: in which a request must be whole once it has begun.
            most_connections: over all listeners; what the descriptor limit allows if None.
                When there are as many, the one that has been idle longest is closed.
        """
        allowed = (raise_descriptor_limit() - _SPARE_DESCRIPTORS) // _DESCRIPTORS_EACH
        self._ring = Ring(min(most_connections or _MOST_CONNECTIONS, allowed))
        self._limits = Limits(idle_s=idle_s, request_s=request_s)
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http="httptools",
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        self._config.load()
        self._listeners: set[Listener] = set()

    async def listen(
        self,
        listening: socket.socket,
        *,
        tls: Tls | None = None,
        state: dict[str, Any] | None = None,
        admit: Callable[[Any], object] | None = None,
        most_connections: int = _MOST_CONNECTIONS,
    ) -> Listener:
        """Accept connections on a socket.

        Args:
            listening: as `bind_unix` or `bind_tcp` made it; closed with the listener.
            tls: what it speaks.
            state: what requests find in `request.state`.
            admit: called with each accepted socket; what it returns is `request.state.peer`,
                and its `close`, if it has one, is called when the connection ends.
            most_connections: on this socket.

        Raises:
            UsageError: `usage.tls`.
        """
        ring = Ring(most_connections)
        factory = protocol_factory(
            self._config, self._state, state or {}, self._limits, (ring, self._ring), admit
        )
        loop = asyncio.get_running_loop()
        context = tls.context() if tls else None
        if listening.family == socket.AF_UNIX:
            server = await loop.create_unix_server(
                factory, sock=listening, ssl=context, backlog=BACKLOG
            )
        else:
            server = await loop.create_server(factory, sock=listening, ssl=context, backlog=BACKLOG)
        listener = Listener(server, ring)
        self._listeners.add(listener)
        return listener

    def drop(self, listener: Listener) -> None:
        """Close one listener."""
        listener.close()
        self._listeners.discard(listener)

    async def close(self) -> None:
        """Accept no more, let requests in flight end within ten seconds, close all."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = set(self._state.tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_S)
        for connection in list(self._state.connections):
            connection.transport.close()


async def serve(
    app: Callable[..., Awaitable[None]],
    sockets: Sequence[socket.socket],
    *,
    tls: Tls | None = None,
    idle_s: float = _IDLE_S,
    max_connections: int | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve an application on sockets until SIGTERM or SIGINT.

    Args:
        app: an ASGI application without a lifespan.
        sockets: as `bind_unix` or `bind_tcp` made them.
        tls: what TCP sockets among them speak.
        idle_s: after which a connection that sends nothing, or not all, is closed.
        max_connections: over all sockets; see `HttpServer`.
        on_ready: called when connections are accepted.
    """
    stop = stopped()
    server = HttpServer(app, idle_s=idle_s, request_s=idle_s, most_connections=max_connections)
    try:
        for one in sockets:
            await server.listen(one, tls=None if one.family == socket.AF_UNIX else tls)
        if on_ready is not None:
            on_ready()
        await stop.wait()
    finally:  # uvloop does not end while a server of its own is open
        await server.close()


def stopped() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a program's main coroutine on uvloop and return its result."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())
