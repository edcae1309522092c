# SPDX-License-Identifier: Apache-2.0
"""One HTTP connection: uvicorn's, with a deadline from the first moment and a known peer.

uvicorn waits for ever for a first request and for the rest of one. Here each connection has one
timer, always armed unless a whole request is being answered:

    connected, or answered      closed after `idle_s` without a byte
    a request has begun         answered 408 and closed `request_s` later if it is not whole;
                                closed alone if it was answered before, as what is too large is
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from troth.errors import DriverError, MalformedError
from troth.infra.http.answers import raw_error
from troth.infra.http.gather import Gathering

__all__ = ["Connection", "Limits", "Ring", "protocol_factory"]

_HEADERS_MAX_BYTES: Final = 16 * 1024

logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
logging.getLogger("uvicorn.error").propagate = False  # a peer's nonsense is no event of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds that a connection may take."""

    idle_s: float
    request_s: float


@dataclass(slots=True)
class Ring:
    """The connections of a listener, or of a server: how many, and who idles longest."""

    most: int
    open: int = 0
    idle: dict[Connection, None] = field(default_factory=dict)  # in the order they fell idle

    def make_room(self) -> bool:
        """Close the longest idle connection if there is no room; say whether there is room."""
        if self.open < self.most:
            return True
        victim = next(iter(self.idle), None)
        if victim is None:
            return False
        victim.drop()
        return True


class Connection(HttpToolsProtocol):
    """A connection with deadlines, counted in its rings."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        limits: Limits,
        rings: tuple[Ring, ...],
        admit: Callable[[Any], object] | None,
    ) -> None:
        """Take what is shared, the limits, and who is asked about the peer."""
        super().__init__(config, server_state, app_state, asyncio.get_running_loop())
        self._limits = limits
        self._rings = rings
        self._admit = admit
        self._timer: asyncio.TimerHandle | None = None
        self._is_counted = False
        self._header_bytes = 0
        self._in_request = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """Count the connection, ask who is there, and start the clock."""
        gathering = cast("asyncio.Transport", Gathering(transport, self.loop))
        super().connection_made(gathering)
        if not all(ring.make_room() for ring in self._rings):
            gathering.write(raw_error(DriverError("http.busy")))
            gathering.close()
            return
        for ring in self._rings:
            ring.open += 1
        self._is_counted = True
        if self._admit is not None:
            peer = self._admit(transport.get_extra_info("socket"))
            self.app_state = {**self.app_state, "peer": peer}
        self._fall_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and let go of its peer."""
        super().connection_lost(exc)
        self._disarm()
        self._leave()
        close = getattr(self.app_state.get("peer"), "close", None)
        if close is not None:
            close()

    def data_received(self, data: bytes) -> None:
        """Give a request that begins its deadline."""
        if not self._in_request and not self._is_answering():
            self._in_request = True
            self._rank()  # begun is not whole: it may still make room, but after the silent ones
            self._arm(self._limits.request_s, self._too_slow)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Start counting what the headers take."""
        super().on_message_begin()
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Count the path with the headers."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        """Stop the clock: from here on the time is ours."""
        super().on_message_complete()
        self._in_request = False
        if self._is_answering():
            self._disarm()
            self._unrank()
        else:  # answered before it was whole, as what is too large is
            self._fall_idle()

    def on_response_complete(self) -> None:
        """Start it again; the deadline between requests replaces uvicorn's."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if not self.transport.is_closing() and not self.pipeline and not self._in_request:
            self._fall_idle()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the words of all our errors."""
        self.transport.write(raw_error(MalformedError("http.request", msg)))
        self.transport.close()

    def drop(self) -> None:
        """Close at once, and be out of the count at once."""
        self._leave()
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _HEADERS_MAX_BYTES:
            raise ValueError("headers too large")  # the parser hands it on as its own error

    def _fall_idle(self) -> None:
        self._rank()
        self._arm(self._limits.idle_s, self.drop)

    def _arm(self, seconds: float, action: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rank(self) -> None:
        """Stand last among those that may be closed to make room."""
        self._unrank()
        if self._is_counted:
            for ring in self._rings:
                ring.idle[self] = None

    def _unrank(self) -> None:
        for ring in self._rings:
            ring.idle.pop(self, None)

    def _leave(self) -> None:
        self._unrank()
        for ring in self._rings:
            ring.open -= self._is_counted
        self._is_counted = False

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle
            # Until its head is whole, the cycle is that of the request before, which was answered.
            is_its_own = cycle is not None and cycle.scope is self.scope
            if cycle is None or not is_its_own or not cycle.response_started:
                self.transport.write(raw_error(MalformedError("http.too-slow")))
            self.drop()


def protocol_factory(
    config: Config,
    state: ServerState,
    app_state: dict[str, Any],
    limits: Limits,
    rings: tuple[Ring, ...],
    admit: Callable[[Any], object] | None,
) -> Callable[[], asyncio.Protocol]:
    """Return what a listener calls for each connection."""
    return lambda: cast(
        "asyncio.Protocol", Connection(config, state, app_state, limits, rings, admit)
    )
