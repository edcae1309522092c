# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests, of which only so many large ones are held at once.

A bundle may have 16 MiB and a server a thousand connections. So each request may hold a little by
itself, which is what a bundle without a long log needs; what is larger takes from a room that all
share, byte by byte as it comes, and is refused when the room is full. A caller who announces much
and sends nothing takes nothing; one who sends slowly is cut off by the connection's deadline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from troth.errors import DriverError, MalformedError

__all__ = ["Room"]


class Room:
    """Room for bodies; for one event loop."""

    def __init__(self, *, each: int, shared: int) -> None:
        """Say how much there is.

        Args:
            each: bytes that every request may hold.
            shared: bytes that all of them may hold beyond that, together.
        """
        self._each = each
        self._left = shared

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """Give the body of a request; its room is free again when the block ends.

        Args:
            request: whose body was not read yet.
            most: how many bytes it may have.

        Raises:
            MalformedError: `http.too-large`.
            DriverError: `http.busy`, the room is full: ask again.
        """
        said = request.headers.get("content-length", "0")
        if said.isascii() and said.isdigit() and int(said[:20]) > most:
            raise MalformedError("http.too-large", f"{said[:20]} bytes, {most} allowed")
        chunks: list[bytes] = []
        size = taken = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise MalformedError("http.too-large", f"{most} bytes are allowed")
                more = max(0, size - self._each) - taken
                if more > self._left:
                    raise DriverError("http.busy", "no room for another body of this size")
                self._left -= more
                taken += more
                chunks.append(chunk)
            yield b"".join(chunks)
        finally:
            self._left += taken
