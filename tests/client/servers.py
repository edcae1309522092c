# SPDX-License-Identifier: Apache-2.0
"""Servers that answer as they are told, byte by byte if need be."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Script = Callable[[socket.socket], None]


def answer(body: bytes, status: str = "200 OK", *extra: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *extra, "", ""]
    return "\r\n".join(lines).encode() + body


def say(data: bytes, *, pause_s: float = 0, wait_s: float = 0) -> Script:
    """Read the request, send `data`, byte by byte with pauses if asked; then close."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        time.sleep(wait_s)
        if not pause_s:
            connection.sendall(data)
            return
        for one in data:
            connection.sendall(bytes((one,)))
            time.sleep(pause_s)

    return script


@contextlib.contextmanager
def server(script: Script, path: Path | None = None) -> Iterator[str]:
    """Run `script` on each connection; yield the server's address."""
    listening = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listening.bind(str(path) if path else ("127.0.0.1", 0))
    listening.listen()

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            script(connection)

    def run() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    yield f"unix:{path}" if path else f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
