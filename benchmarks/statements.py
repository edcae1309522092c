# SPDX-License-Identifier: Apache-2.0
"""Delegated statements for each second on one core, against the P-256 limit of the same core."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.daemons import cbor_request, cores, on_core, trothd
from benchmarks.figures import Spread
from benchmarks.footprint import cpu_s
from benchmarks.load import OK, connect, pack, whole
from benchmarks.rates import rate

__all__ = ["statements"]

CONNECTIONS = 16
REQUESTS = 4096  # so many nonces are new, then they come again


def statements(directory: Path, *, rounds: int, seconds: float) -> dict[str, object]:
    """Let load and limit take turns; the first round warms up and does not count."""
    server, client = cores()
    directory.mkdir()
    with on_core(server):
        running = trothd(directory / "t", 1)
        one = running.__enter__()
    try:
        path = str(one.socket("n0"))
        with connect(path) as peer:
            peer.sendall(cbor_request(0))
            if not whole(peer).startswith(OK):
                raise RuntimeError("no anchor")
        requests = pack([cbor_request(1) for _ in range(REQUESTS)])
        ours, by_cpu, limit, busy = [], [], [], []
        for turn in range(rounds + 1):
            before = cpu_s(one.daemon_pid())
            with on_core(client):
                result = _load(path, requests, seconds)
            used = cpu_s(one.daemon_pid()) - before
            with on_core(server):
                signing = _signing(seconds / 4)
            if turn:
                ours.append(result["per_second"])
                by_cpu.append(result["answers"] / used)
                busy.append(result["client_cpu"])
                limit.append(signing)
    finally:
        running.__exit__(None, None, None)
    return {
        "connections": CONNECTIONS,
        "answer_bytes": result["answer_bytes"],
        "delegated_per_second": Spread(tuple(ours)).view(1),
        "delegated_per_cpu_second": Spread(tuple(by_cpu)).view(1),
        "p256_signatures_per_second": Spread(tuple(limit)).view(1),
        "of_the_limit": round(Spread(tuple(ours)).median / Spread(tuple(limit)).median, 3),
        "client_busy": Spread(tuple(busy)).view(2),
        "cores_shared": server == client,
    }


def _load(path: str, requests: bytes, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", path, str(CONNECTIONS), str(seconds)]
    done = subprocess.run(command, input=requests, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _signing(seconds: float) -> float:
    """Return how often `cryptography` signs a statement's bytes in a second."""
    key = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(hashes.SHA256())
    message = secrets.token_bytes(400)
    return rate(lambda: key.sign(message, algorithm), seconds)
