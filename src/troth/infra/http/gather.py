# SPDX-License-Identifier: Apache-2.0
"""A transport that sends head and body of a small answer in one system call.

uvicorn writes them one after the other and uvloop sends each write at once, which wakes the peer
twice; that costs more than making the answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Gathering"]


class Gathering:
    """A transport whose writes of one step of the loop go out together."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Wrap a transport."""
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all but these four is the transport's
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` at the end of this step of the loop."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def is_closing(self) -> bool:
        """Say whether the transport is closing."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            data, self._held = b"".join(self._held), []
            if not self._transport.is_closing():
                self._transport.write(data)
