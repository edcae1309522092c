# SPDX-License-Identifier: Apache-2.0
"""One HTTP/1.1 exchange without sockets: a request as bytes, an answer out of bytes.

The synchronous and the asynchronous client share this, so they cannot differ in what they take.
Each call is a connection of its own: nothing of one answer can be taken for another's. The head of
an answer is read by the standard library's `http.client`.

See: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

import troth
from troth.errors import MalformedError

__all__ = ["Answer", "AnswerReader", "Call", "encode"]

T = TypeVar("T")

HEAD_MAX_BYTES: Final = 16 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_TARGET: Final = re.compile(r"/[\x21-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """What to ask, and how to read the answer."""

    method: str
    target: str  # path and query, already percent-encoded
    read: Callable[[bytes], T]
    most: int  # bytes of an answer's body
    body: bytes = b""
    content_type: str = "application/json"
    accept: str = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes


def encode(call: Call[T], *, authority: str, prefix: str) -> bytes:
    """Return the bytes of a request.

    Raises:
        ValueError: the target is not one; a bug of ours, never peer data.
    """
    target = prefix + call.target
    if not _TARGET.fullmatch(target):
        message = f"{target!r} is not a request target"
        raise ValueError(message)
    lines = [
        f"{call.method} {target} HTTP/1.1",
        f"Host: {authority}",
        f"User-Agent: troth/{troth.__version__}",
        f"Accept: {call.accept}",
        "Connection: close",
    ]
    if call.body or call.method != "GET":
        lines += [f"Content-Type: {call.content_type}", f"Content-Length: {len(call.body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + call.body


class AnswerReader:
    """Take an answer's bytes as they come; say when it is whole."""

    def __init__(self, most: int) -> None:
        """Take a body of at most `most` bytes."""
        self._most = most
        self._data = bytearray()
        self._whole_at: int | None = None
        self._head_end = -1

    @property
    def empty(self) -> bool:
        """True while no byte has come."""
        return not self._data

    def feed(self, data: bytes) -> bool:
        """Take more bytes and say whether the answer is whole; without a length, the end says it.

        Raises:
            MalformedError: `client.answer`, longer than allowed.
        """
        self._data += data
        if self._head_end < 0:
            self._find_head()
        length = len(self._data) - max(self._head_end, 0)
        most = HEAD_MAX_BYTES if self._head_end < 0 else self._most + 2 * HEAD_MAX_BYTES
        if length > most:
            raise MalformedError("client.answer", f"more than {self._most} bytes of answer")
        return self._whole_at is not None and len(self._data) >= self._whole_at

    def answer(self) -> Answer:
        """Return the answer; call it when it is whole or the peer has closed.

        Raises:
            MalformedError: `client.answer`, it does not follow HTTP, or is cut off.
        """
        if self._whole_at is not None and len(self._data) < self._whole_at:
            raise MalformedError("client.answer", "the connection closed within the answer")
        response = http.client.HTTPResponse(cast("socket.socket", _Bytes(bytes(self._data))))
        try:
            response.begin()
            body = response.read(self._most + 1)
        except (http.client.HTTPException, ValueError) as error:
            raise MalformedError("client.answer", f"not HTTP: {error!r}") from None
        if len(body) > self._most:
            raise MalformedError("client.answer", f"more than {self._most} bytes of answer")
        return Answer(response.status, body)

    def _find_head(self) -> None:
        end = self._data.find(_HEAD_END)
        if end < 0:
            return
        self._head_end = end + len(_HEAD_END)
        lengths = _LENGTH.findall(bytes(self._data[: end + 2]))
        if len(lengths) > 1:
            raise MalformedError("client.answer", "two lengths in one answer")
        if lengths:
            if int(lengths[0]) > self._most:
                raise MalformedError("client.answer", f"more than {self._most} bytes of answer")
            self._whole_at = self._head_end + int(lengths[0])


class _Bytes:
    """As much of a socket as `HTTPResponse` asks for."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)
