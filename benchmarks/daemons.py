# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured, as real processes in a directory of their own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cbor2

from tests import verifiers
from tests.bundles import Machine
from tests.orchestrator.running import Trothd, call
from troth.broker.initial import make_broker
from troth.tsm.emulated.tdx import SoftwareTdx, create_in

__all__ = ["AUDIENCE", "Site", "cbor_request", "cores", "namespaces", "on_core", "site", "trothd"]

AUDIENCE = "urn:example:broker"
_CBOR_TYPE = "application/vnd.troth.request+cbor"
_BROKER = Path(sys.executable).with_name("troth-broker")
_DIRECTORY_MODE = 0o700
_NAMESPACE = """
[[namespace]]
label = "{label}"
cgroup = "any"
capabilities = ["evidence", "delegated", "extend", "log.read", "token:urn:example:broker"]
model = "A1"
limits = {{ waiting = 512, connections = 1024 }}
"""
_RULE = """
[[rule]]
name = "{label}"
paths = ["shared/{label}"]
verifier = "https://verifier.example"
label = "{label}"
origin = ["configuration"]
mode = ["fresh"]
root = ["rtmr3"]
platform = "any"
orchestrator = "any"
namespace = "any"
policy = "any"
model = "any"
"""


def cores() -> tuple[int, int]:
    """Return one core for the server and one for its client; the same, if there is only one."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Let this process, and what it starts meanwhile, run on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def namespaces(count: int) -> str:
    """Return the configuration of so many namespaces: n0, n1, and so on."""
    return "".join(_NAMESPACE.format(label=f"n{number}") for number in range(count))


@contextlib.contextmanager
def trothd(
    directory: Path, count: int, *, latency_ms: int = 0, tail: str = "", at: datetime | None = None
) -> Iterator[Trothd]:
    """Run a trothd on a software TDX.

    Args:
        directory: a new one.
        count: of namespaces.
        latency_ms: what a report takes.
        tail: of the configuration.
        at: since when the software TDX's certificates are valid; now if None.
    """
    directory.mkdir(_DIRECTORY_MODE)
    create_in(directory / "tee", SoftwareTdx.create(at=at or datetime.now(UTC)))
    one = Trothd(directory, namespaces(count), tsm=f"latency_ms = {latency_ms}", tail=tail)
    try:
        yield one.start()
    finally:
        one.kill()


def cbor_request(target_mode: int, **members: object) -> bytes:
    """Return a whole HTTP message that asks for evidence, its nonce new.

    Args:
        target_mode: 0 fresh, 1 delegated.
        members: `log_since` alone, where it is wanted.
    """
    value: dict[int, object] = {1: secrets.token_bytes(32), 2: AUDIENCE}
    if target_mode:
        value[3] = target_mode
    if "log_since" in members:
        value[7] = members["log_since"]
    body = cbor2.dumps(value)
    head = f"POST /v1/evidence HTTP/1.1\r\nhost: x\r\ncontent-type: {_CBOR_TYPE}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True, slots=True)
class Site:
    """trothd, verifier and broker, and the policy under which they work together."""

    trothd: Trothd
    verifier: verifiers.Server
    broker: Path


@contextlib.contextmanager
def site(directory: Path, count: int, *, latency_ms: int) -> Iterator[Site]:
    """Run all three programs; models of all namespaces are sealed."""
    with ExitStack() as stack:
        url = f"unix:{directory}/v/verifier.sock"
        tail = f'[verifier]\nurl = "{url}"\naudience = "{AUDIENCE}"\n'
        one = stack.enter_context(trothd(directory / "t", count, latency_ms=latency_ms, tail=tail))
        verifier = stack.enter_context(_verifier(directory / "v", one, count))
        broker = stack.enter_context(_broker(directory / "b", url, count))
        yield Site(one, verifier, broker)


@contextlib.contextmanager
def _verifier(directory: Path, one: Trothd, count: int) -> Iterator[verifiers.Server]:
    labels = tuple(f"n{number}" for number in range(count))
    for label in labels:
        call(one.admin, "POST", f"/v1/namespaces/{label}/seal")
    model = call(one.socket("n0"), "GET", "/v1/namespace").json["model"]
    machine = Machine.__new__(Machine)  # its policy only: this boot is trothd's own
    machine.tee = one.software()
    digest = hashlib.sha256(one.config.read_bytes()).hexdigest()
    text = machine.policy_text(labels, configuration=f'["{digest}"]', state=f'["{model["state"]}"]')
    with verifiers.running(verifiers.make_directory(directory, machine, text)) as server:
        yield server


@contextlib.contextmanager
def _broker(directory: Path, verifier: str, count: int) -> Iterator[Path]:
    labels = [f"n{number}" for number in range(count)]
    make_broker(directory, audience=AUDIENCE, issuer=verifiers.ISSUER, url=verifier)
    rule = directory / "rule.toml"
    rule.write_text("version = 1\n" + "".join(_RULE.format(label=label) for label in labels))
    config = ("--config", str(directory / "broker.toml"))
    _quietly("policy", "put", str(rule), *config)
    for label in labels:
        _quietly("secret", "put", f"shared/{label}", *config)
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [_BROKER, "serve", *config], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        if process.stdout is None or process.stdout.readline() != "READY\n":
            raise RuntimeError((directory / "log").read_text())
        yield directory
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _quietly(*arguments: str) -> None:
    subprocess.run([_BROKER, *arguments], input=b"x", capture_output=True, check=True)
