# SPDX-License-Identifier: Apache-2.0
"""The quote generation service's protocol: messages are judged whole, peers have a deadline."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.errors import DriverError, MalformedError
from troth.tsm.emulated.qgs import ERROR_INVALID_PARAMETER, ERROR_UNEXPECTED, QuoteService
from troth.tsm.emulated.tdx import SoftwareTdx, create_in, load
from troth.tsm.ioctl.qgs import (
    MESSAGE_MAX_BYTES,
    UnixAddress,
    VsockAddress,
    fetch_quote,
    parse_address,
    parse_quote_request,
    parse_quote_response,
    quote_request,
    quote_response,
)

REPORT: Final = bytes(range(256)) * 4
HANG_S: Final = 30.0


def header(*, major: int = 1, minor: int = 1, kind: int = 1, size: int, error: int = 0) -> bytes:
    return struct.pack("<HHIII", major, minor, kind, size, error)


def response(body: bytes, **changes: int) -> bytes:
    return header(**({"size": 16 + len(body)} | changes)) + body


def sized(identity: bytes, quote: bytes) -> bytes:
    return struct.pack("<II", len(identity), len(quote)) + identity + quote


# --- messages -------------------------------------------------------------------------------------


def test_a_request_has_the_bytes_of_the_document() -> None:
    message = quote_request(REPORT)
    assert message == header(kind=0, size=16 + 8 + 1024) + struct.pack("<II", 1024, 0) + REPORT
    assert parse_quote_request(message) == REPORT


def test_a_response_is_read_back() -> None:
    assert quote_response(b"quote") == response(sized(b"", b"quote"))
    assert parse_quote_response(quote_response(b"quote")) == b"quote"
    assert parse_quote_response(response(sized(b"identity", b"quote"), minor=0)) == b"quote"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "tsm.report-form"),
        (quote_response(b"q")[:15], "tsm.report-form"),
        (quote_response(b"q")[:-1], "tsm.report-form"),
        (quote_response(b"q") + b"\0", "tsm.report-form"),
        (response(sized(b"", b"q"), major=0), "tsm.report-form"),
        (response(sized(b"", b"q"), major=2), "tsm.report-form"),
        (response(sized(b"", b"q"), minor=2), "tsm.report-form"),
        (response(sized(b"", b"q"), kind=0), "tsm.report-form"),
        (response(sized(b"", b"q"), kind=5), "tsm.report-form"),
        (response(sized(b"", b"q"), size=0), "tsm.report-form"),
        (response(sized(b"", b"q"), size=24), "tsm.report-form"),
        (response(sized(b"", b"q") + b"\0"), "tsm.report-form"),
        (response(struct.pack("<II", 0, 2) + b"q"), "tsm.report-form"),
        (response(struct.pack("<II", 0xFFFFFFFF, 1) + b"q"), "tsm.report-form"),
        (response(struct.pack("<II", 0, 0xFFFFFFFF) + b"q"), "tsm.report-form"),
        (response(b""), "tsm.report-form"),
        (response(sized(b"", b"")), "tsm.report-empty"),
        (response(b"", error=0x12001), "tsm.quote-service"),
        (response(sized(b"", b"q"), error=1), "tsm.quote-service"),
    ],
)
def test_a_response_that_is_none(message: bytes, code: str) -> None:
    with refused(code):
        parse_quote_response(message)


@pytest.mark.parametrize(
    "message",
    [
        header(kind=1, size=24) + bytes(8),
        header(kind=0, size=24, error=1) + bytes(8),
        quote_request(REPORT)[:-1],
        quote_request(REPORT) + b"\0",
        header(kind=0, size=25) + bytes(9),
    ],
)
def test_a_request_that_is_none(message: bytes) -> None:
    with refused("tsm.quote-message"):
        parse_quote_request(message)


@given(st.binary(max_size=200))
def test_bytes_are_a_message_or_refused(message: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_quote_request(message)
    with pytest.raises(DriverError):
        parse_quote_response(message)


# --- the service of a software TDX ----------------------------------------------------------------


@pytest.fixture
def td(tmp_path: Path) -> Path:
    create_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    return tmp_path / "td"


def exchange(path: Path, message: bytes) -> bytes:
    """Send one message as it is and return all that comes back, up to the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(HANG_S)
        peer.connect(str(path))
        peer.sendall(message)
        peer.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def framed(message: bytes) -> bytes:
    return struct.pack(">I", len(message)) + message


def test_the_service_quotes_what_its_machine_made(td: Path, tmp_path: Path) -> None:
    with QuoteService(tmp_path / "s", td):
        quote = fetch_quote(UnixAddress(tmp_path / "s"), load(td).tdreport(REPORT_DATA), HANG_S)
        assert REPORT_DATA in quote
    assert not (tmp_path / "s").exists()


def test_a_connection_may_ask_more_than_once(td: Path, tmp_path: Path) -> None:
    message = framed(quote_request(load(td).tdreport(REPORT_DATA)))
    with QuoteService(tmp_path / "s", td):
        both = exchange(tmp_path / "s", message + message)
    (size,) = struct.unpack(">I", both[:4])
    assert len(both) == 2 * (4 + size)


def test_what_it_does_not_understand_is_answered_or_ends(td: Path, tmp_path: Path) -> None:
    said = {
        quote_request(REPORT): ERROR_INVALID_PARAMETER,
        quote_request(b""): ERROR_INVALID_PARAMETER,
        b"": ERROR_INVALID_PARAMETER,
        header(kind=1, size=16): ERROR_INVALID_PARAMETER,
    }
    with QuoteService(tmp_path / "s", td):
        for message, error in said.items():
            answer = exchange(tmp_path / "s", framed(message))
            assert struct.unpack("<I", answer[16:20]) == (error,)
        assert exchange(tmp_path / "s", struct.pack(">I", MESSAGE_MAX_BYTES + 1)) == b""
        assert exchange(tmp_path / "s", b"\0\0") == b""
        assert exchange(tmp_path / "s", framed(quote_request(REPORT))[:-1]) == b""
        quote = fetch_quote(UnixAddress(tmp_path / "s"), load(td).tdreport(REPORT_DATA), HANG_S)
        assert quote
        (td / "tee.json").unlink()
        answer = exchange(tmp_path / "s", framed(quote_request(REPORT)))
        assert struct.unpack("<I", answer[16:20]) == (ERROR_UNEXPECTED,)


def test_a_service_stops_although_a_caller_is_connected(td: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
        with QuoteService(tmp_path / "s", td):
            idle.connect(str(tmp_path / "s"))
            exchange(tmp_path / "s", b"")
        assert time.monotonic() - begun < HANG_S  # else it waited for the caller to go


# --- peers that are no service --------------------------------------------------------------------


@contextmanager
def peer_that(answer: Callable[[socket.socket], None], path: Path) -> Iterator[UnixAddress]:
    """Run a peer that takes one connection and does `answer` with it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                answer(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield UnixAddress(path)
        thread.join(HANG_S)
        assert not thread.is_alive()


def read_all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def test_a_peer_that_never_answers_has_a_deadline(tmp_path: Path) -> None:
    def listen(peer: socket.socket) -> None:
        read_all(peer)

    with peer_that(listen, tmp_path / "s") as address, refused("tsm.timed-out"):
        fetch_quote(address, REPORT, 0.2)


def test_a_peer_that_dribbles_has_the_same_deadline(tmp_path: Path) -> None:
    def dribble(peer: socket.socket) -> None:
        peer.sendall(struct.pack(">I", 4096))
        try:
            for _ in range(1000):
                peer.sendall(b"\0")
                time.sleep(0.05)
        except OSError:
            return

    with peer_that(dribble, tmp_path / "s") as address, refused("tsm.timed-out"):
        fetch_quote(address, REPORT, 0.5)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "tsm.report-form"),
        (b"\0\0", "tsm.report-form"),
        (struct.pack(">I", 100) + bytes(99), "tsm.report-form"),
        (struct.pack(">I", MESSAGE_MAX_BYTES + 1), "tsm.report-form"),
        (struct.pack(">I", 0xFFFFFFFF), "tsm.report-form"),
        (struct.pack(">I", 0), "tsm.report-form"),
        (struct.pack("<I", 17) + response(sized(b"", b"q")), "tsm.report-form"),
        (framed(response(sized(b"", b""))), "tsm.report-empty"),
    ],
)
def test_a_peer_that_answers_something_else(tmp_path: Path, answer: bytes, code: str) -> None:
    def speak(peer: socket.socket) -> None:
        peer.recv(4 + len(quote_request(REPORT)), socket.MSG_WAITALL)
        peer.sendall(answer)

    with peer_that(speak, tmp_path / "s") as address, refused(code):
        fetch_quote(address, REPORT, HANG_S)


def test_nobody_there_has_its_code(tmp_path: Path) -> None:
    with refused("tsm.quote-service"):
        fetch_quote(UnixAddress(tmp_path / "none"), REPORT, HANG_S)


def test_a_vsock_address_is_the_hosts_by_default() -> None:
    assert str(VsockAddress()) == "vsock:2:4050"
    assert (VsockAddress().cid, VsockAddress().port) == (socket.VMADDR_CID_HOST, 4050)


@pytest.mark.parametrize("text", ["unix:/run/qgs.sock", "vsock:2:4050", "vsock:4294967295:0"])
def test_an_address_is_read_back(text: str) -> None:
    assert str(parse_address(text)) == text


NO_ADDRESSES: Final = (
    "",
    "unix:",
    "unix:qgs.sock",
    "vsock:2",
    "vsock:2:",
    "vsock:-1:1",
    "vsock:2:4294967296",
    "vsock:2:1:1",
    "vsock:٢:1",
    "tcp:host:1",
    "/run/qgs.sock",
)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_a_text_that_is_no_address(text: str) -> None:
    with refused("tsm.argument"):
        parse_address(text)


@pytest.mark.hardware
def test_a_host_with_a_service_answers_over_vsock() -> None:
    with refused("tsm.quote-service", "error 0x"):  # the TDREPORT is no machine's
        fetch_quote(VsockAddress(), REPORT, HANG_S)
