# SPDX-License-Identifier: Apache-2.0
"""A broker as a process, a verifier's public half as an HTTP server, and its tokens."""

from __future__ import annotations

import contextlib
import os
import secrets
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec

from troth.broker.database import open_store
from troth.broker.initial import make_broker
from troth.broker.settings import load_settings
from troth.client import Broker
from troth.client.calls import get_json
from troth.client.services import Service
from troth.crypto.p256 import PrivateKey
from troth.crypto.secret import Secret
from troth.infra import clock
from troth.token import (
    Ear,
    KeySet,
    SigningKey,
    issue,
    issue_status_list,
    jwks_json,
    parse_jwks,
)
from troth.token.answer import Answer, verify_answer
from troth.token.jws import sign_jws
from troth.token.seal import AgreementKey
from troth.wire import base64url, json

PROGRAM = Path(sys.executable).with_name("troth-broker")
ISSUER = "https://verifier.example"
AUDIENCE = "urn:example:broker"
STATUS_URI = f"{ISSUER}/v1/status/0"
NAMESPACE = "03" * 16
STATEMENT = "51" * 32

POLICY = """\
version = 1

[[rule]]
name = "payments only"
paths = ["payments/database", "payments/keys/*"]
verifier = "https://verifier.example"
label = "payments"
origin = ["configuration"]
mode = ["fresh"]
root = ["rtmr3"]
platform = ["affirming"]
orchestrator = ["affirming"]
namespace = ["affirming"]
policy = "any"
model = "appraised"
"""


class FakeVerifier:
    """What a verifier shows to those who rely on its tokens; each part can be taken away."""

    def __init__(self, socket: Path) -> None:
        self.key = SigningKey(PrivateKey.generate())
        self.keys = [self.key]
        self.url = f"unix:{socket}"
        self.revoked: set[int] = set()
        self.is_down = False
        self.delay_s = 0.0
        self.list_at: datetime | None = None  # when lists say that they were issued
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Be silent."""

            def address_string(self) -> str:
                return "unix"

        self._server = socketserver.ThreadingUnixStreamServer(str(socket), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        time.sleep(self.delay_s)
        if self.is_down:
            handler.connection.close()
            return
        if handler.path == "/v1/jwks":
            body = jwks_json(key.key.public for key in self.keys)
        else:
            at = self.list_at or datetime.now(UTC)
            body = issue_status_list(
                self.revoked, self.key, issuer=ISSUER, uri=STATUS_URI, at=at
            ).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def vector(**claims: int) -> dict[str, int]:
    names = (
        "instance-identity",
        "configuration",
        "executables",
        "file-system",
        "hardware",
        "runtime-opaque",
        "storage-opaque",
        "sourced-data",
    )
    return dict.fromkeys(names, 0) | {name.replace("_", "-"): v for name, v in claims.items()}


def claims(jwk: dict[str, str], **changes: object) -> dict[str, Any]:
    """Return the claims of a good token, changed; a change of a nested member is `a__b=value`."""
    now = int(datetime.now(UTC).timestamp())
    good = {"ear.trustworthiness-vector": vector(hardware=2), "ear.appraisal-policy-id": "p"}
    submod = {"ear.status": "affirming", **good}
    model = {**submod, "ear.trustworthiness-vector": vector(executables=2)}
    found: dict[str, Any] = {
        "eat_profile": "tag:github.com,2023:veraison/ear",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 300,
        "jti": secrets.token_hex(8),
        "eat_nonce": base64url.encode(secrets.token_bytes(32)),
        "cnf": {"jwk": jwk},
        "status": {"status_list": {"idx": 7, "uri": STATUS_URI}},
        "ear.verifier-id": {"developer": "troth", "build": "0"},
        "submods": {"platform": submod, "orchestrator": submod, "namespace": model},
        "troth": {
            "namespace_id": NAMESPACE,
            "label": "payments",
            "origin": "configuration",
            "count": 3,
            "head": "00" * 32,
            "statement": STATEMENT,
            "mode": "fresh",
            "tee": "tdx",
            "root": "rtmr3",
            "trace": "11" * 32,
        },
    }
    for name, value in changes.items():
        place, *parts = name.split("__")
        target = found
        while parts:
            target[place] = dict(target[place])
            target, place = target[place], parts.pop(0)
        target[place] = value
    return found


@dataclass
class BrokerProcess:
    """One broker in a directory, whoever its verifier is."""

    directory: Path
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"unix:{self.directory / 'broker.sock'}"

    @property
    def broker_keys(self) -> KeySet:
        return parse_jwks((self.directory / "broker-keys.json").read_bytes())

    def run(
        self, *arguments: str, stdin: bytes = b"", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        config = str(self.directory / "broker.toml")
        return subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            check=check,
            env=os.environ | {"TROTH_BROKER_CONFIG": config},
        )

    def start(self) -> None:
        config = str(self.directory / "broker.toml")
        log = (self.directory / "stderr.log").open("a")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--config", config], stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        if self.process.stdout is None or self.process.stdout.readline() != "READY\n":
            raise AssertionError((self.directory / "stderr.log").read_text())

    def stop(self, *, kill: bool = False) -> None:
        if self.process is not None:
            (self.process.kill if kill else self.process.terminate)()
            self.process.wait(20)
            if self.process.stdout is not None:
                self.process.stdout.close()
        self.process = None

    def ask(self, path: str, token: str, *, nonce: bytes = b"n" * 32) -> str:
        """Return the broker's answer as it came."""
        return Broker(self.url, timeout_s=20).secret(path, token, nonce)

    def log(self) -> list[dict[str, Any]]:
        """Return the entries of the log of a running broker."""
        entries: list[dict[str, Any]] = self.admin("/v1/log/entries?count=1000")["entries"]
        return entries

    def checked_log(self) -> list[dict[str, Any]]:
        """Return the entries of the log, checked against its head by the program itself."""
        told = json.decode(self.run("log", "--json").stdout, dict[str, Any], max_bytes=1 << 24)
        entries: list[dict[str, Any]] = told["entries"]
        return entries

    def admin(self, target: str) -> dict[str, Any]:
        return Service(str(self.directory / "admin.sock")).send(get_json(target))


@dataclass
class World(BrokerProcess):
    """One broker in a directory, with its verifier."""

    verifier: FakeVerifier = field(kw_only=True)
    key: AgreementKey = field(default_factory=AgreementKey)

    def token(self, **changes: object) -> str:
        """Return a token signed by the verifier's key, whatever it says."""
        made = claims(self.key.jwk, **changes)
        try:
            return issue(msgspec.convert(made, Ear), self.verifier.key)
        except (ValueError, msgspec.ValidationError):
            return sign_jws(json.encode(made), self.verifier.key, typ="jwt")

    def ask(self, path: str, token: str | None = None, *, nonce: bytes = b"n" * 32) -> str:
        """As a broker's, with a good token if none is given."""
        return super().ask(path, token or self.token(), nonce=nonce)

    def secret(self, path: str, token: str | None = None) -> bytes:
        """Return an opened secret."""
        nonce = secrets.token_bytes(32)
        text = self.ask(path, token, nonce=nonce)
        asked = Answer(
            nonce=base64url.encode(nonce),
            namespace=NAMESPACE,
            path=path,
            statement=STATEMENT,
            jwe="",
        )
        sealed = verify_answer(text, self.broker_keys, asked=asked)
        digest = bytes.fromhex(STATEMENT)
        with self.key.open(sealed, statement_digest=digest, path=path) as value:
            return bytes(value)


@contextlib.contextmanager
def world(base: Path) -> Iterator[World]:
    """Make a broker with one rule and two secrets, not started yet."""
    verifier = FakeVerifier(base / "v.sock")
    made = World(base / "b", verifier=verifier)
    try:
        furnish(made, verifier.url)
        yield made
    finally:
        made.stop()
        verifier.close()


def furnish(broker: BrokerProcess, verifier_url: str) -> None:
    """Make what a broker has on its disk: one rule, two secrets."""
    make_broker(broker.directory, audience=AUDIENCE, issuer=ISSUER, url=verifier_url)
    store = open_store(load_settings(str(broker.directory / "broker.toml")))
    store.put_policy(POLICY.encode(), "policy", clock.now())
    store.put("payments/database", Secret(b"hunter2"), clock.now())
    store.put("reports/key", Secret(b"another"), clock.now())
    store.close()
