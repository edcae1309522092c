# SPDX-License-Identifier: Apache-2.0
"""The two ways to make an exchange: with a blocking socket, and with asyncio's streams.

A timeout is for the whole exchange, so that a peer which trickles bytes cannot hold a caller.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from typing import Final, TypeVar

from troth.client.endpoint import Endpoint
from troth.client.message import Answer, AnswerReader, Call, encode
from troth.errors import DriverError, UsageError

__all__ = ["exchange", "exchange_async", "tls_context"]

T = TypeVar("T")

_CHUNK_BYTES: Final = 64 * 1024


def tls_context(endpoint: Endpoint, ca_file: str | None) -> ssl.SSLContext | None:
    """Return how to speak TLS to `endpoint`, or None where there is none to speak.

    Args:
        endpoint: where the peer is.
        ca_file: PEM file of the CA certificates to trust; None for the system's.

    Raises:
        UsageError: `usage.file`, the file cannot be used.
    """
    if endpoint.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one too
        raise UsageError("usage.file", f"{ca_file}: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def exchange(
    endpoint: Endpoint, call: Call[T], *, timeout_s: float, tls: ssl.SSLContext | None
) -> Answer:
    """Send a call over a connection of its own and return the answer, whatever its status.

    Raises:
        DriverError: `client.unreachable`, `client.timeout`.
        MalformedError: `client.answer`.
    """
    deadline = time.monotonic() + timeout_s
    reader = AnswerReader(call.most)
    try:
        with _connect(endpoint, deadline, tls) as connection:
            _send(connection, _request(endpoint, call), deadline)
            while True:
                connection.settimeout(_left(deadline))
                chunk = connection.recv(_CHUNK_BYTES)
                if not chunk or reader.feed(chunk):
                    break
    except TimeoutError:
        raise _late(endpoint, timeout_s) from None
    except OSError as error:
        if reader.empty:
            raise _unreachable(endpoint, error) from None
    return _finish(endpoint, reader)


async def exchange_async(
    endpoint: Endpoint, call: Call[T], *, timeout_s: float, tls: ssl.SSLContext | None
) -> Answer:
    """Do as `exchange` does, without blocking the loop."""
    reader = AnswerReader(call.most)
    try:
        async with asyncio.timeout(timeout_s):
            await _exchange_async(endpoint, call, tls, reader)
    except TimeoutError:
        raise _late(endpoint, timeout_s) from None
    except OSError as error:
        if reader.empty:
            raise _unreachable(endpoint, error) from None
    return _finish(endpoint, reader)


async def _exchange_async(
    endpoint: Endpoint, call: Call[T], tls: ssl.SSLContext | None, reader: AnswerReader
) -> None:
    if endpoint.scheme == "unix":
        stream, writer = await asyncio.open_unix_connection(endpoint.socket)
    else:
        stream, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls)
    try:
        writer.write(_request(endpoint, call))
        with suppress(ConnectionError):  # refused before it was read; the answer says why
            await writer.drain()
        while True:
            chunk = await stream.read(_CHUNK_BYTES)
            if not chunk or reader.feed(chunk):
                return
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _connect(
    endpoint: Endpoint, deadline: float, tls: ssl.SSLContext | None
) -> socket.socket | ssl.SSLSocket:
    if endpoint.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(endpoint.socket)
        except OSError:
            connection.close()
            raise
        return connection
    connection = socket.create_connection((endpoint.host, endpoint.port), _left(deadline))
    if tls is None:
        return connection
    try:
        return tls.wrap_socket(connection, server_hostname=endpoint.host)
    except OSError:
        connection.close()
        raise


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    connection.settimeout(_left(deadline))
    with suppress(ConnectionError):  # refused before it was read; the answer says why
        connection.sendall(data)  # its timeout is for all of it, not for each part


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _request(endpoint: Endpoint, call: Call[T]) -> bytes:
    return encode(call, authority=endpoint.authority, prefix=endpoint.prefix)


def _finish(endpoint: Endpoint, reader: AnswerReader) -> Answer:
    if reader.empty:
        raise DriverError("client.unreachable", f"{endpoint}: closed without an answer")
    return reader.answer()


def _late(endpoint: Endpoint, timeout_s: float) -> DriverError:
    return DriverError("client.timeout", f"{endpoint}: no answer within {timeout_s:g} s")


def _unreachable(endpoint: Endpoint, error: OSError) -> DriverError:
    return DriverError("client.unreachable", f"{endpoint}: {error.strerror or error}")
