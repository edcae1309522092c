# SPDX-License-Identifier: Apache-2.0
"""Load on one unix socket, made so lean that the client is not what is measured.

    python -m benchmarks.load SOCKET CONNECTIONS SECONDS < requests > result

Requests are whole HTTP messages, made beforehand, each behind its length. Of an answer only the
status and the size are looked at: all answers to one kind of request are equally long. The result
is one line of JSON.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator

OK = b"HTTP/1.1 200"
LENGTH = struct.Struct("<I")
BUFFER_BYTES = 1 << 18


def pack(requests: list[bytes]) -> bytes:
    """Return requests as this program reads them."""
    return b"".join(LENGTH.pack(len(one)) + one for one in requests)


def unpack(data: bytes) -> Iterator[bytes]:
    """Yield the requests of `pack`."""
    at = 0
    while at < len(data):
        (size,) = LENGTH.unpack_from(data, at)
        at += LENGTH.size
        yield data[at : at + size]
        at += size


def connect(path: str) -> socket.socket:
    """Return a connection to a unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(path)
    return connection


def whole(connection: socket.socket) -> bytes:
    """Return one whole answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < size:
        body += received(connection)
    return head + b"\r\n\r\n" + body


def received(connection: socket.socket) -> bytes:
    """Return some bytes of an answer.

    Raises:
        ConnectionError: the peer closed.
    """
    part = connection.recv(BUFFER_BYTES)
    if not part:
        raise ConnectionError("closed in the middle of an answer")
    return part


def drive(path: str, connections: int, seconds: float, requests: list[bytes]) -> dict[str, float]:
    """Keep one request in flight on each connection, and count answers.

    Raises:
        ConnectionError: the peer closed, or an answer was not what the first one was.
    """
    peers = [connect(path) for _ in range(connections)]
    peers[0].sendall(requests[0])
    first = whole(peers[0])
    if not first.startswith(OK):
        raise ConnectionError(first[:200])
    due = len(first)
    by_fd = {one.fileno(): one for one in peers}
    missing = dict.fromkeys(by_fd, due)
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    buffer = bytearray(BUFFER_BYTES)
    turn, count, done = 0, len(requests), 0
    busy = time.process_time()
    begun = time.perf_counter()
    end = begun + seconds
    for one in peers:
        one.sendall(requests[turn % count])
        turn += 1
    while time.perf_counter() < end:
        for fd, _ in poll.poll():
            one = by_fd[fd]
            size = one.recv_into(buffer)
            left = missing[fd]
            if left == due and not buffer.startswith(OK):
                raise ConnectionError(bytes(buffer[:200]))
            left -= size
            if left > 0 and size:
                missing[fd] = left
                continue
            if left or not size:
                raise ConnectionError("an answer of another size")
            missing[fd] = due
            done += 1
            one.send(requests[turn % count])
            turn += 1
    passed = time.perf_counter() - begun
    return {
        "answers": done,
        "per_second": done / passed,
        "client_cpu": (time.process_time() - busy) / passed,
        "answer_bytes": due,
    }


def main() -> int:
    """Drive the load that the arguments describe."""
    path, connections, seconds = sys.argv[1:]
    requests = list(unpack(sys.stdin.buffer.read()))
    print(json.dumps(drive(path, int(connections), float(seconds), requests)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
