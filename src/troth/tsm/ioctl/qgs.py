# SPDX-License-Identifier: Apache-2.0
"""The quote generation service: a TDREPORT goes in, a quote comes out, over a stream socket.

    4   size of the message, big-endian; all that follows is little-endian
    16  header: version 1.0 or 1.1 (2 + 2), type 4, size of the message 4, error 4
    request:   size of the TDREPORT 4, size of a list of QE identities 4, both contents
    response:  size of the chosen identity 4, size of the quote 4, both contents

A message is judged whole or refused. Source: Intel TDX DCAP, quote generation service, the message
library `qgs_msg_lib`; QEMU, `tdx-quote-generator`, for the size in front.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from troth.errors import DriverError, MalformedError
from troth.wire.reader import Reader

__all__ = [
    "MESSAGE_MAX_BYTES",
    "TYPE_QUOTE_REQUEST",
    "Address",
    "UnixAddress",
    "VsockAddress",
    "fetch_quote",
    "parse_address",
    "parse_quote_request",
    "parse_quote_response",
    "quote_request",
    "quote_response",
    "receive_message",
    "send_message",
]

MESSAGE_MAX_BYTES: Final = 128 * 1024  # the guest driver's own buffer since Linux 7.0
TYPE_QUOTE_REQUEST: Final = 0
_TYPE_QUOTE_RESPONSE: Final = 1

_PREFIX: Final = struct.Struct(">I")
_HEADER: Final = struct.Struct("<HHIII")
_PAIR: Final = struct.Struct("<II")
_MAJOR: Final = 1
_MINORS: Final = frozenset({0, 1})
_CHUNK_BYTES: Final = 64 * 1024
_U32_MAX: Final = 2**32 - 1
_VSOCK: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")


class Address(Protocol):
    """Where a quote generation service listens."""

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connected socket.

        Raises:
            OSError: nobody answers there.
        """
        ...


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A unix socket."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connected socket; see `Address.connect`."""
        return _connected(socket.AF_UNIX, str(self.path), timeout_s)


@dataclass(frozen=True, slots=True)
class VsockAddress:
    """A port of another machine on the virtual bus: by default the host's service."""

    cid: int = 2  # VMADDR_CID_HOST
    port: int = 4050  # Intel's default

    def __str__(self) -> str:
        return f"vsock:{self.cid}:{self.port}"

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connected socket; see `Address.connect`."""
        return _connected(socket.AF_VSOCK, (self.cid, self.port), timeout_s)


def parse_address(text: str) -> Address:
    """Return the address in a text: `unix:/PATH` or `vsock:CID:PORT`.

    Raises:
        DriverError: `tsm.argument`.
    """
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest.startswith("/"):
        return UnixAddress(Path(rest))
    if kind == "vsock" and (found := _VSOCK.fullmatch(rest)) and _fits(*found.groups()):
        return VsockAddress(*map(int, found.groups()))
    raise DriverError("tsm.argument", f"{text!r} is neither unix:/PATH nor vsock:CID:PORT")


def fetch_quote(address: Address, tdreport: bytes, deadline_s: float) -> bytes:
    """Return the quote of a TDREPORT.

    Args:
        address: of the service.
        tdreport: 1024 bytes.
        deadline_s: how long it may take in all, from the connection to the last byte.

    Raises:
        DriverError: `tsm.quote-service`, it does not answer or says no; `tsm.timed-out`;
            `tsm.report-form`, its answer is not in its form; `tsm.report-empty`.
    """
    end = time.monotonic() + deadline_s
    try:
        with contextlib.closing(address.connect(deadline_s)) as peer:
            send_message(peer, quote_request(tdreport), end)
            answer = receive_message(peer, end)
    except TimeoutError:
        raise DriverError("tsm.timed-out", f"no quote within {deadline_s:g} s") from None
    except OSError as error:
        raise DriverError("tsm.quote-service", str(error)) from None
    except MalformedError as error:
        raise DriverError("tsm.report-form", f"quote generation service: {error}") from None
    return parse_quote_response(answer)


def quote_request(tdreport: bytes) -> bytes:
    """Return the message that asks for a quote, by any quoting enclave."""
    body = _PAIR.pack(len(tdreport), 0) + tdreport
    return _message(TYPE_QUOTE_REQUEST, 0, body)


def quote_response(quote: bytes, *, error: int = 0) -> bytes:
    """Return the message that a service answers with: a quote, or an error other than 0."""
    body = _PAIR.pack(0, len(quote)) + quote
    return _message(_TYPE_QUOTE_RESPONSE, error, b"" if error else body)


def parse_quote_request(message: bytes) -> bytes:
    """Return the TDREPORT of a request.

    Raises:
        MalformedError: `tsm.quote-message`, `wire.truncated`.
    """
    reader, error = _opened(message, TYPE_QUOTE_REQUEST)
    if error:
        raise MalformedError("tsm.quote-message", f"a request with error {error:#x}")
    report_size, list_size = _PAIR.unpack(reader.take(_PAIR.size, "sizes"))
    report = reader.take(report_size, "TDREPORT")
    reader.take(list_size, "QE identities")
    reader.finish("tsm.quote-message", "a request")
    return report


def parse_quote_response(message: bytes) -> bytes:
    """Return the quote of a response.

    Raises:
        DriverError: `tsm.quote-service`, the service says no; `tsm.report-form`;
            `tsm.report-empty`.
    """
    try:
        reader, error = _opened(message, _TYPE_QUOTE_RESPONSE)
        if error:
            raise DriverError("tsm.quote-service", f"it answers with error {error:#x}")
        identity_size, quote_size = _PAIR.unpack(reader.take(_PAIR.size, "sizes"))
        reader.take(identity_size, "QE identity")
        quote = reader.take(quote_size, "quote")
        reader.finish("tsm.quote-message", "a response")
    except MalformedError as malformed:
        raise DriverError("tsm.report-form", f"quote generation service: {malformed}") from None
    if not quote:
        raise DriverError("tsm.report-empty", "quote generation service")
    return quote


def send_message(peer: socket.socket, message: bytes, end: float) -> None:
    """Send a message with its size in front.

    Args:
        peer: a stream socket.
        message: the message.
        end: until when, on the monotonic clock.

    Raises:
        TimeoutError, OSError: it could not be sent.
    """
    peer.settimeout(_left(end))
    peer.sendall(_PREFIX.pack(len(message)) + message)


def receive_message(peer: socket.socket, end: float) -> bytes:
    """Return the next message, without the size in front.

    Args:
        peer: a stream socket.
        end: until when, on the monotonic clock.

    Raises:
        TimeoutError, OSError: it did not come.
        MalformedError: `wire.too-large`; `wire.truncated`, the peer hung up within it.
    """
    (size,) = _PREFIX.unpack(_exactly(peer, _PREFIX.size, end))
    if size > MESSAGE_MAX_BYTES:
        raise MalformedError("wire.too-large", f"{size} bytes are announced")
    return _exactly(peer, size, end)


def _opened(message: bytes, due: int) -> tuple[Reader, int]:
    """Return a reader behind a checked header, and the header's error."""
    reader = Reader(message)
    major, minor, kind, size, error = _HEADER.unpack(reader.take(_HEADER.size, "message header"))
    if major != _MAJOR or minor not in _MINORS:
        raise MalformedError("tsm.quote-message", f"version {major}.{minor}")
    if kind != due:
        raise MalformedError("tsm.quote-message", f"type {kind}, {due} is due")
    if size != len(message):
        raise MalformedError("tsm.quote-message", f"size {size}, {len(message)} bytes came")
    return reader, error


def _message(kind: int, error: int, body: bytes) -> bytes:
    size = _HEADER.size + len(body)
    return _HEADER.pack(_MAJOR, max(_MINORS), kind, size, error) + body


def _exactly(peer: socket.socket, size: int, end: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        peer.settimeout(_left(end))
        chunk = peer.recv(min(size - len(data), _CHUNK_BYTES))
        if not chunk:
            raise MalformedError("wire.truncated", f"{len(data)} of {size} bytes, then the end")
        data += chunk
    return bytes(data)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _fits(*numbers: str) -> bool:
    return all(int(one) <= _U32_MAX for one in numbers)


def _connected(family: int, address: str | tuple[int, int], timeout_s: float) -> socket.socket:
    peer = socket.socket(family, socket.SOCK_STREAM)
    try:
        peer.settimeout(timeout_s)
        peer.connect(address)
    except OSError:
        peer.close()
        raise
    return peer
