# SPDX-License-Identifier: Apache-2.0
"""Callers that are silent, slow or rude, and what becomes of the others meanwhile."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.broker.world import World
from troth.client import Broker
from troth.errors import DriverError
from troth.wire import json


def connected(world: World) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(world.directory / "broker.sock"))
    return connection


def until_closed(connection: socket.socket) -> bytes:
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
    return found


def test_silent_callers_are_closed_and_others_served(shared: World) -> None:
    silent = [connected(shared) for _ in range(50)]
    assert shared.secret("payments/database") == b"hunter2"
    started = time.monotonic()
    assert [until_closed(one) for one in silent] == [b""] * 50
    assert time.monotonic() - started < 10
    for one in silent:
        one.close()


def test_trickling_caller_is_told_so(shared: World) -> None:
    with connected(shared) as slow:
        stop = threading.Event()

        def trickle() -> None:
            for one in b"POST /v1/secret/payments/database HTTP/1.1\r\nHost: x\r\n" * 10:
                if stop.wait(0.2):
                    return
                try:
                    slow.send(bytes((one,)))
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        assert shared.secret("payments/database") == b"hunter2"
        assert b"http.too-slow" in until_closed(slow)
        stop.set()
        thread.join()


def test_body_that_never_comes(shared: World) -> None:
    with connected(shared) as slow:
        slow.sendall(
            b"POST /v1/secret/payments/database HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        started = time.monotonic()
        until_closed(slow)
        assert time.monotonic() - started < 10


def test_nonsense_is_no_http(shared: World) -> None:
    with connected(shared) as rude:
        rude.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n")
        assert b"http.request" in until_closed(rude)


def test_caller_that_leaves_costs_nobody(shared: World) -> None:
    body = json.encode({"token": shared.token(), "nonce": "A" * 43})
    head = (
        "POST /v1/secret/payments/database HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(20):
        with connected(shared) as one:
            one.sendall(head.encode() + body)
    assert shared.secret("payments/database") == b"hunter2"


def test_many_at_once_all_logged_in_order(running: World) -> None:
    token = running.token()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: running.ask("payments/database", token), range(200)))
    entries = running.checked_log()
    assert [one["number"] for one in entries] == list(range(len(entries)))
    assert sum(one["event"] == "released" for one in entries) == 200


def certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = directory / "tls.pem", directory / "tls.key"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, private


def test_tls(stopped: World) -> None:
    chain, _ = certificate(stopped.directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = stopped.directory / "broker.toml"
    text = path.read_text().replace('# host = "0.0.0.0"', 'host = "127.0.0.1"')
    text = text.replace("# port = 8443", f"port = {port}")
    path.write_text(text.replace("# tls_", "tls_"))
    stopped.start()
    url = f"https://localhost:{port}"
    assert Broker(url, ca_file=str(chain)).health() == {"status": "ok"}
    with pytest.raises(DriverError) as caught:
        Broker(url).health()  # the system does not know this CA
    assert caught.value.code == "client.unreachable"
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(10)
        plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in until_closed(plain)
    assert ssl.create_default_context(cafile=str(chain)).check_hostname


def test_second_broker_on_the_same_socket(running: World) -> None:
    done = running.run("serve", check=False)
    assert done.returncode == 2
    assert b"usage.socket" in done.stderr
    assert running.secret("payments/database") == b"hunter2"


def test_ends_in_good_order(running: World) -> None:
    process = running.process
    assert isinstance(process, subprocess.Popen)
    running.stop()
    assert process.returncode == 0
