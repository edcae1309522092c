# SPDX-License-Identifier: Apache-2.0
"""Everything that namespace A can get, taken while a neighbour B comes, works, is sealed and goes.

B is made by the administrator, so the configuration, its digest and the boot are the same with and
without it: what differs between two answers to A then comes from chance, from the clock, or from B.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cbor2

from tests.orchestrator.running import AUDIENCE, JSON, Trothd, b64, call, wish
from tests.privacy.normal import normal

A: Final = "ours"
B: Final = "zebra"
CBOR: Final = "application/vnd.troth.request+cbor"
NAMESPACE: Final = """
[[namespace]]
label = "ours"
cgroup = "any"
capabilities = ["evidence", "delegated", "extend", "log.read"]
model = "A1"
limits = { waiting = 2, log_entries = 3 }
"""
IMAGE: Final = secrets.token_bytes(32)
NONCE: Final = bytes(range(32))  # A's is always the same, so that nothing of it need be left out
B_AUDIENCE: Final = "urn:zebra:verifier"
B_TOKEN: Final = "urn:zebra:token"
B_CONTENT: Final = "zebra crossed the road"
B_SETTINGS: Final = {
    "label": B,
    "cgroup": "any",
    "capabilities": ["evidence", "delegated", "extend", "log.read", f"token:{B_TOKEN}"],
    "model": "A1",
    "image_digest": f"sha256:{IMAGE.hex()}",
    "limits": {"waiting": 3},
}
_LATENCY_MS: Final = 30
_BUSY: Final = 6  # B's callers while it works; more than may wait


def trothd(directory: Path, **environment: str) -> Trothd:
    """Return a trothd, not started, whose configuration knows A alone."""
    return Trothd(directory, NAMESPACE, tsm=f"latency_ms = {_LATENCY_MS}", environment=environment)


@dataclass
class Neighbour:
    """B, and all of it that must not show."""

    one: Trothd
    secrets: dict[str, bytes] = field(default_factory=dict)
    epochs: set[bytes] = field(default_factory=set)
    busy_answers: list[int] = field(default_factory=list)

    def create(self) -> None:
        told = call(self.one.admin, "POST", "/v1/namespaces", B_SETTINGS)
        assert told.status == 201, told.body
        self.secrets |= {
            "label": B.encode(),
            "id": bytes.fromhex(told.json["id"]),
            "image": IMAGE,
            "audience": B_AUDIENCE.encode(),
            "content": B_CONTENT.encode(),
        }

    def work(self, count: int = 7) -> None:
        """Append events and remember what the namespace looks like afterwards."""
        for number in range(count):
            told = self.one.event(B, f"{B_CONTENT} {number}")
            assert told.status == 200, told.body
            self.secrets[f"head {told.json['count']}"] = bytes.fromhex(told.json["head"])
        view = call(self.one.socket(B), "GET", "/v1/namespace").json
        for name in ("state", "measurement"):
            self.secrets[f"model {name} {view['count']}"] = bytes.fromhex(view["model"][name])

    def seal(self) -> None:
        assert call(self.one.admin, "POST", f"/v1/namespaces/{B}/seal").status == 200

    def close(self) -> None:
        assert call(self.one.admin, "POST", f"/v1/namespaces/{B}/close").status == 200

    def ask(self, number: int) -> None:
        """Take evidence as B, and remember nonce, user data, salt and statement."""
        nonce, user_data = secrets.token_bytes(32), secrets.token_bytes(24)
        asked = wish(nonce, audience=B_AUDIENCE, user_data=b64(user_data))
        answer = call(self.one.socket(B), "POST", "/v1/evidence", asked)
        self.busy_answers.append(answer.status)
        if answer.status == 200:
            members = cbor2.loads(answer.body)
            self.epochs.add(members["epoch"][1])
            self.secrets[f"nonce {number}"] = nonce
            self.secrets[f"user data {number}"] = user_data
            self.secrets[f"salt {number}"] = cbor2.loads(members["proof"][1])[0]

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Ask without a pause, from more callers than may wait, and append events."""
        stop = threading.Event()

        def loop(number: int) -> None:
            turn = 0
            while not stop.is_set():
                self.ask(1000 * number + turn)
                turn += 1

        with ThreadPoolExecutor(_BUSY) as pool:
            jobs = [pool.submit(loop, number) for number in range(_BUSY)]
            try:
                yield
            finally:
                stop.set()
        for job in jobs:
            job.result()


@dataclass
class Survey:
    """A's answers by phase and by request, made equal where chance may differ."""

    one: Trothd
    neighbour: Neighbour
    raw: list[tuple[str, bytes]] = field(default_factory=list)
    phases: dict[str, dict[str, bytes]] = field(default_factory=dict)
    shared_epochs: int = 0

    def take(self, phase: str, rounds: int = 1) -> None:
        """Ask everything, `rounds` times; the first phase is what others are compared with."""
        for turn in range(rounds):
            found = {}
            for name, answer in answers(self.one.socket(A)):
                if not name.startswith("names B"):  # what A said itself may come back to it
                    self.raw.append((f"{phase}: {name}", answer))
                head, _, body = answer.partition(b"\r\n\r\n")
                if name.startswith("bundle") and head.startswith(b"HTTP/1.1 200"):
                    self.shared_epochs += cbor2.loads(body)["epoch"][1] in self.neighbour.epochs
                    size = b"content-length: %d\r\n"
                    assert size % len(body) in head + b"\r\n"
                    head = head.replace(size[:-2] % len(body), b"content-length: its own")
                    body = normal(body)
                found[name] = head + b"\r\n\r\n" + body
            self.phases[f"{phase} {turn}"] = found

    def problems(self) -> list[str]:
        """Return where B shows: a difference to the time without it, or a secret of it."""
        baseline = next(iter(self.phases.values()))
        found = [
            f"{phase}: {name} differs"
            for phase, taken in self.phases.items()
            for name, answer in taken.items()
            if answer != baseline[name]
        ]
        return found + [
            f"{where} holds B's {what}"
            for what, secret in self.neighbour.secrets.items()
            for where, answer in self.raw
            if any(form in answer for form in spellings(secret))
        ]


def spellings(secret: bytes) -> set[bytes]:
    """Return a value as it might be written: itself, in hex, in the kinds of base64."""
    plain, url = base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret)
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), plain, url.rstrip(b"=")}


def survey(one: Trothd) -> Survey:
    """Take A's answers without B, and in every phase of B's life."""
    for content in ("first", "second", "third"):  # its log is full from here on
        assert one.event(A, content).status == 200
    assert call(one.admin, "POST", f"/v1/namespaces/{A}/seal").status == 200
    neighbour = Neighbour(one)
    taken = Survey(one, neighbour)
    taken.take("alone")
    neighbour.create()
    taken.take("present")
    neighbour.work()
    neighbour.ask(-1)
    taken.take("has worked")
    with neighbour.busy():
        taken.take("busy", rounds=2)
    neighbour.seal()
    taken.take("sealed")
    neighbour.work(1)  # outside its sealed model
    taken.take("left its model")
    neighbour.close()
    taken.take("closed")
    return taken


def answers(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what A's socket says to each kind of request, heads and all."""
    for name, data in requests().items():
        yield name, exchange(path, data)


def requests() -> dict[str, bytes]:
    """Return every kind of request, the good and the refused, as bytes on the wire."""
    asked = {
        name: message("POST", "/v1/evidence", cbor2.dumps(body, canonical=True), CBOR)
        for name, body in _EVIDENCE.items()
    }
    asked |= {name: message(*one) for name, one in _OTHERS.items()}
    endless = b"GET /v1/health HTTP/1.1\r\nhost: x\r\na: " + b"x" * 20_000 + b"\r\n\r\n"
    return asked | {"no HTTP": b"nonsense\r\n\r\n", "endless headers": endless}


def message(method: str, target: str, body: bytes = b"", kind: str = JSON) -> bytes:
    """Return a request, after whose answer the connection ends."""
    head = f"{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    if body:
        head += f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def exchange(path: Path, data: bytes) -> bytes:
    """Send bytes and return all that comes back."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(20)
        one.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            one.sendall(data)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := one.recv(65536):
                parts.append(part)
    return b"".join(parts)


_ASK: Final[dict[int, Any]] = {1: NONCE, 2: AUDIENCE}
_EVIDENCE: Final[dict[str, dict[int, Any]]] = {
    "bundle, fresh": _ASK,
    "bundle, delegated": _ASK | {3: 1},
    "bundle, with its log": _ASK | {7: 0},
    "bundle, with user data": _ASK | {5: b"ours"},
    "log out of range": _ASK | {7: 9},
    "no anchor": {1: NONCE, 2: "urn:other", 3: 1},
    "names B: its audience, delegated": {1: NONCE, 2: B_AUDIENCE, 3: 1},
    "nonce too short": {1: b"x", 2: AUDIENCE},
    "no audience": {1: NONCE},
    "unknown member": _ASK | {99: 1},
}
_OTHERS: Final[dict[str, tuple[Any, ...]]] = {
    "namespace": ("GET", "/v1/namespace"),
    "health": ("GET", "/v1/health"),
    "health, more of it": ("GET", "/v1/health?detail=1"),
    "token without a name": ("GET", "/v1/token"),
    "token not granted": ("GET", "/v1/token?audience=urn:x"),
    "names B: its token": ("GET", f"/v1/token?audience={B_TOKEN}"),
    "names B: its path": ("GET", f"/v1/namespaces/{B}"),
    "names B: its seal": ("POST", f"/v1/namespaces/{B}/seal", b"{}"),
    "names B: its close": ("POST", f"/v1/namespaces/{B}/close", b"{}"),
    "names B: as a parameter": ("GET", f"/v1/namespace?label={B}"),
    "names B: its file": ("GET", f"/ns/{B}/troth.sock"),
    "metrics": ("GET", "/metrics"),
    "status": ("GET", "/v1/status"),
    "namespaces": ("GET", "/v1/namespaces"),
    "make one": ("POST", "/v1/namespaces", b"{}"),
    "seal itself": ("POST", f"/v1/namespaces/{A}/seal", b"{}"),
    "wrong method": ("GET", "/v1/evidence"),
    "wrong type": ("POST", "/v1/evidence", b"x", "text/plain"),
    "no JSON": ("POST", "/v1/evidence", b"{"),
    "no CBOR": ("POST", "/v1/evidence", b"\xff", CBOR),
    "too large": ("POST", "/v1/events", b"x" * 600_000),
    "event of no form": ("POST", "/v1/events", b"{}"),
}
