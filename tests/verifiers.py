# SPDX-License-Identifier: Apache-2.0
"""A real troth-verifier: its directory, its process, and calls over its sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bundles import Machine
from troth.token import Expected, KeySet, Token, open_token, parse_jwks
from troth.verifier.initial import create_verifier
from troth.wire import base64url

ISSUER: Final = "https://verifier.example"
STATUS_URL: Final = "https://verifier.example/v1/status"
PROGRAM: Final = (sys.executable, "-c", "from troth.verifier.program import main; main()")
BUNDLE_TYPE: Final = "application/cmw+cbor"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float = 30) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def make_directory(directory: Path, machine: Machine, policy: str | None = None) -> Path:
    """Make a verifier for one machine's root, and return its configuration's path."""
    path = create_verifier(
        directory,
        issuer=ISSUER,
        status_url=STATUS_URL,
        roots=("root.pem",),
        collateral=("collateral",),
    )
    (directory / "root.pem").write_bytes(machine.tee.root_pem)
    (directory / "collateral").mkdir()
    (directory / "collateral" / "c.json").write_bytes(machine.tee.bundle())
    (directory / "policy.toml").write_text(policy or machine.policy_text())
    return path


def configure(path: Path, **replaced: str) -> None:
    """Give keys of a configuration another value, as TOML."""
    lines = path.read_text().splitlines()
    for key, value in replaced.items():
        at = [at for at, line in enumerate(lines) if line.startswith(f"{key} = ")]
        assert len(at) == 1, key
        lines[at[0]] = f"{key} = {value}"
    path.write_text("\n".join(lines) + "\n")


class Server:
    """One running process."""

    def __init__(
        self, process: subprocess.Popen[str], configuration: Path, port: int | None
    ) -> None:
        self.process = process
        self.directory = configuration.parent
        self.log = log_of(configuration)
        self.port = port
        self.socket = str(self.directory / "verifier.sock")

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = BUNDLE_TYPE,
        *,
        tcp: bool = False,
    ) -> Answer:
        connection: http.client.HTTPConnection = (
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            if tcp
            else UnixConnection(self.socket)
        )
        try:
            connection.request(method, path, body, {"content-type": content_type})
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()

    def begin(self, method: str, path: str, body: bytes) -> http.client.HTTPConnection:
        """Send a request whose answer is not waited for."""
        connection = UnixConnection(self.socket)
        connection.request(method, path, body, {"content-type": BUNDLE_TYPE})
        return connection

    def nonce(self, *, tcp: bool = False) -> bytes:
        answer = self.call("POST", "/v1/challenge", b"", tcp=tcp)
        assert answer.status == 200, answer.body
        return base64url.decode(answer.json["nonce"])

    def appraise(self, bundle: bytes, *, tcp: bool = False) -> Answer:
        return self.call("POST", "/v1/appraise", bundle, tcp=tcp)

    def keys(self) -> KeySet:
        return parse_jwks(self.call("GET", "/v1/jwks").body)

    def settle(self, token: str, audience: str = "urn:example:broker") -> Token:
        """Read a token as a relying party does, its status list fetched now."""
        now = datetime.now(UTC)
        opened = open_token(
            token, keys=self.keys(), expected=Expected(issuer=ISSUER, audience=audience), at=now
        )
        listed = self.call("GET", "/v1/status/" + opened.status_uri.rpartition("/")[2])
        assert listed.status == 200, listed.body
        return opened.settle(listed.body.decode(), datetime.now(UTC))

    def stop(self, number: int = signal.SIGTERM) -> str:
        """End the process and return its log."""
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.log.read_text()


def log_of(configuration: Path) -> Path:
    return configuration.with_suffix(".log")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(configuration: Path, port: int | None = None, **environment: str) -> Server:
    """Start a verifier and wait until it is ready."""
    # A file, not a pipe: a pipe that nobody reads stops the process once it is full.
    with log_of(configuration).open("w") as log:
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--config", str(configuration)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | environment,
        )
    assert process.stdout is not None
    if process.stdout.readline() != "READY\n":
        raise AssertionError(log_of(configuration).read_text())
    return Server(process, configuration, port)


@contextmanager
def running(configuration: Path, port: int | None = None, **environment: str) -> Iterator[Server]:
    """Run a verifier for the length of a block."""
    server = start(configuration, port, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
        if server.process.stdout is not None:
            server.process.stdout.close()
