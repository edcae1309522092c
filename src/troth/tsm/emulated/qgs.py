# SPDX-License-Identifier: Apache-2.0
"""The host's side of a software TDX without configfs: its device, and its quote service.

    with QuoteService(path, directory):
        TdxIoctlDriver(SoftwareTdxDevice(directory), UnixAddress(path), ...)

The service speaks the framing of the real one on a real unix socket, and quotes only TDREPORTs that
the software TDX of its directory made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Final, Self

from troth.errors import DriverError, MalformedError
from troth.infra.sockets import bind_unix
from troth.tsm.driver import REPORT_DATA_BYTES
from troth.tsm.emulated.tdx import opened
from troth.tsm.ioctl import abi
from troth.tsm.ioctl.qgs import (
    parse_quote_request,
    quote_response,
    receive_message,
    send_message,
)

__all__ = ["ERROR_INVALID_PARAMETER", "ERROR_UNEXPECTED", "QuoteService", "SoftwareTdxDevice"]

# Intel TDX DCAP, qgs_msg_lib: what a response says in place of a quote.
ERROR_UNEXPECTED: Final = 0x00012001
ERROR_INVALID_PARAMETER: Final = 0x00012003

_WORKERS: Final = 4  # as the real one has
_PATIENCE_S: Final = 30.0


class SoftwareTdxDevice:
    """`/dev/tdx_guest` of the software TDX in a directory; see `troth.tsm.ioctl.Device`."""

    def __init__(self, directory: Path) -> None:
        """Take a directory that `troth emulate` made."""
        self._directory = directory

    def ioctl(self, request: int, argument: bytearray) -> None:
        """Answer TDX_CMD_GET_REPORT0.

        Raises:
            OSError: ENOTTY, another request; EIO, the directory holds no software TDX.
        """
        if request != abi.TDX_GET_REPORT0:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        try:
            with opened(self._directory) as tee:
                argument[REPORT_DATA_BYTES:] = tee.tdreport(bytes(argument[:REPORT_DATA_BYTES]))
        except DriverError:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None

    def close(self) -> None:
        """Nothing is held between calls."""


class QuoteService:
    """The quote generation service of the software TDX in a directory."""

    def __init__(self, path: Path, directory: Path) -> None:
        """Listen on a unix socket at `path`; a dead one's is replaced.

        Raises:
            UsageError: `usage.socket`, another process listens there.
        """
        self._path = path
        self._directory = directory
        self._socket = bind_unix(path)
        self._socket.settimeout(None)
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="qgs")
        self._peers: set[socket.socket] = set()
        self._lock = Lock()  # of the set
        self._thread = Thread(target=self._accept, name="qgs", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening, answer those who are served, and remove the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
        self._socket.close()
        self._thread.join()
        with self._lock, contextlib.suppress(OSError):
            for peer in self._peers:
                peer.shutdown(socket.SHUT_RD)  # its worker ends behind the answer
        self._workers.shutdown()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                self._peers.add(peer)
            self._workers.submit(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        """Answer one connection's requests until it ends; one that is no request ends it."""
        with contextlib.suppress(OSError, MalformedError):
            while True:
                message = receive_message(peer, time.monotonic() + _PATIENCE_S)
                send_message(peer, self._answer(message), time.monotonic() + _PATIENCE_S)
        with self._lock:
            self._peers.discard(peer)
            peer.close()

    def _answer(self, message: bytes) -> bytes:
        try:
            tdreport = parse_quote_request(message)
            with opened(self._directory) as tee:
                return quote_response(tee.quote_of(tdreport))
        except MalformedError:
            return quote_response(b"", error=ERROR_INVALID_PARAMETER)
        except DriverError as error:
            refused = error.code == "tsm.tdreport"
            code = ERROR_INVALID_PARAMETER if refused else ERROR_UNEXPECTED
            return quote_response(b"", error=code)
