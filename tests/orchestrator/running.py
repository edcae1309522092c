# SPDX-License-Identifier: Apache-2.0
"""A real trothd on real sockets, and a caller for it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.orchestrator.tees import TEES

AUDIENCE: Final = "https://verifier.example"
_START_S: Final = 30.0
JSON: Final = "application/json"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    media_type: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float = 20.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(
    connection: UnixConnection,
    method: str,
    target: str,
    body: object = None,
    kind: str = JSON,
) -> Answer:
    raw = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
    headers = {} if raw is None else {"content-type": kind}
    connection.request(method, target, raw, headers)
    response = connection.getresponse()
    return Answer(response.status, response.read(), response.getheader("content-type", ""))


def call(path: Path, method: str, target: str, body: object = None, kind: str = JSON) -> Answer:
    connection = UnixConnection(path)
    try:
        return ask(connection, method, target, body, kind)
    finally:
        connection.close()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def wish(nonce: bytes = b"", **changes: object) -> dict[str, object]:
    """Return a request in JSON with a new nonce."""
    return {"nonce": b64(nonce or secrets.token_bytes(16)), "audience": AUDIENCE} | changes


@dataclass
class Trothd:
    """A trothd of its own, in a directory of its own."""

    directory: Path
    namespaces: str
    trothd: str = ""
    tsm: str = ""
    tail: str = ""
    kind: str = "tdx"  # of the software TEE, one of tests.orchestrator.tees
    root_register: str = ""  # that of the kind if empty
    driver: str = ""  # what stands first in [tsm], if not the emulated driver and its directory
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self.tee = self.directory / "tee"
        self._software = TEES[self.kind]
        if not self.tee.exists():
            self._software.create_in(self.tee)
        self.run = self.directory / "run"
        self.admin = self.directory / "admin" / "a.sock"
        self.config = self.directory / "trothd.toml"
        self.config.write_text(
            f"""[trothd]
run_directory = "{self.run}"
admin_socket = "{self.admin}"
root_register = "{self.root_register or self._software.register}"
{self.trothd}
[tsm]
{self.driver or f'driver = "emulated"{chr(10)}directory = "{self.tee}"'}
{self.tsm}
{self.namespaces}
{self.tail}
"""
        )

    def socket(self, label: str) -> Path:
        return self.run / "ns" / label / "troth.sock"

    def start(self, *arguments: str, program: str = "root", wait: bool = True) -> Trothd:
        self.errors = self.directory / f"stderr-{secrets.token_hex(4)}"
        command = [sys.executable, "-m", "troth.orchestrator", program, "--config"]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, str(self.config), *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "READY\n", self.log()

    def log(self) -> str:
        return self.errors.read_text()

    def daemon_pid(self) -> int:
        """Return the pid of the process that serves: the supervisor's child, or the process."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        own = children.read_text().split()
        return int(own[0]) if own else self.process.pid

    def kill_daemon(self) -> None:
        """Kill the serving process and wait for its successor."""
        os.kill(self.daemon_pid(), signal.SIGKILL)
        self.wait_ready()

    def stop(self) -> int:
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None
        return status

    def kill(self) -> None:
        """Kill supervisor and daemon alike, as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a register as a foreign process would."""
        with self._software.module.opened(self.tee) as tee:
            tee.extend(index, digest)

    def software(self) -> Any:
        return self._software.module.load(self.tee)

    def evidence(self, label: str, **changes: object) -> Answer:
        return call(self.socket(label), "POST", "/v1/evidence", wish(b"", **changes))

    def event(self, label: str, content: str = "x") -> Answer:
        event = {"domain": "app", "operation": "do", "content": content}
        return call(self.socket(label), "POST", "/v1/events", event)

    def status(self) -> Any:
        return call(self.admin, "GET", "/v1/status").json

    def metric(self, name: str) -> float:
        text = call(self.admin, "GET", "/metrics").body.decode()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )


def until(what: Any, seconds: float = _START_S) -> None:
    """Wait until `what()` is true; the limit is for a machine that hangs, not for its speed."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
