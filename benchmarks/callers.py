# SPDX-License-Identifier: Apache-2.0
"""Many callers at once on a slow report source, and the same number without an orchestrator."""

from __future__ import annotations

import secrets
import select
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.daemons import cbor_request, trothd
from benchmarks.figures import Spread, percentile
from benchmarks.load import OK, connect, whole
from tests.orchestrator.running import Trothd
from troth.tsm.emulated.driver import EmulatedDriver
from troth.tsm.emulated.tdx import SoftwareTdx, create_in

__all__ = ["callers"]

CALLERS = 128
LABELS = 8


def callers(
    directory: Path, *, latency_ms: int, rounds: int, naive_reports: int, again_s: float
) -> dict[str, object]:
    """Measure one report source.

    Args:
        directory: a new one.
        latency_ms: what a report takes.
        rounds: how often all callers ask at once.
        naive_reports: how many reports the naive way is measured with; the rest is counted up.
        again_s: for how long each caller asks again at once; 0 for not at all.
    """
    directory.mkdir()
    naive = _naive(directory / "naive", latency_ms, naive_reports)
    with trothd(directory / "t", LABELS, latency_ms=latency_ms) as one:
        _burst(one, CALLERS)  # warm
        bursts = [_burst(one, CALLERS) for _ in range(rounds)]
        found: dict[str, object] = {
            "callers": CALLERS,
            "namespaces": LABELS,
            "report_ms": latency_ms,
            "at_once": {
                name: Spread(tuple(burst[name] for burst in bursts)).view(1)
                for name in ("p50_ms", "p95_ms", "last_ms", "reports")
            },
        }
        if again_s:
            found["again_and_again"] = _sustained(one, again_s)
    found["one_report_each"] = naive
    return found


def _naive(directory: Path, latency_ms: int, reports: int) -> dict[str, object]:
    """One report for each request, one after the other, as a source that is serial has it."""
    create_in(directory, SoftwareTdx.create(at=datetime.now(UTC)))
    driver = EmulatedDriver(directory, latency_s=latency_ms / 1000)
    begun = time.perf_counter()
    for _ in range(reports):
        driver.report(secrets.token_bytes(64))
    each = (time.perf_counter() - begun) / reports
    done = [1000 * each * (number + 1) for number in range(CALLERS)]
    return {
        "measured_reports": reports,
        "p50_ms": round(percentile(done, 50), 1),
        "p95_ms": round(percentile(done, 95), 1),
        "last_ms": round(done[-1], 1),
        "reports": CALLERS,
    }


def _burst(one: Trothd, count: int) -> dict[str, float]:
    """Let `count` callers ask at once, each on a connection of its own."""
    before = one.metric("troth_reports_total")
    peers = [connect(str(one.socket(f"n{number % LABELS}"))) for number in range(count)]
    requests = [cbor_request(0) for _ in peers]
    by_fd = {peer.fileno(): peer for peer in peers}
    poll = select.poll()
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    begun = time.perf_counter()
    for peer, request in zip(peers, requests, strict=True):
        peer.sendall(request)
    times = []
    while by_fd:
        for fd, _ in poll.poll():
            poll.unregister(fd)
            answer = whole(by_fd.pop(fd))
            times.append(1000 * (time.perf_counter() - begun))
            if not answer.startswith(OK):
                raise RuntimeError(answer[:300])
    for peer in peers:
        peer.close()
    return {
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
        "last_ms": max(times),
        "reports": one.metric("troth_reports_total") - before,
    }


def _sustained(one: Trothd, seconds: float) -> dict[str, object]:
    """Let all callers ask again as soon as they are answered."""
    peers = {}
    poll = select.poll()
    for number in range(CALLERS):
        peer = connect(str(one.socket(f"n{number % LABELS}")))
        peers[peer.fileno()] = peer
        poll.register(peer.fileno(), select.POLLIN)
    asked = {}
    begun = time.perf_counter()
    for fd, peer in peers.items():
        peer.sendall(cbor_request(0))
        asked[fd] = time.perf_counter()
    times = []
    while time.perf_counter() < begun + seconds:
        for fd, _ in poll.poll():
            if not whole(peers[fd]).startswith(OK):
                raise RuntimeError("a caller was refused")
            times.append(1000 * (time.perf_counter() - asked[fd]))
            peers[fd].sendall(cbor_request(0))
            asked[fd] = time.perf_counter()
    passed = time.perf_counter() - begun
    for peer in peers.values():
        peer.close()
    return {
        "seconds": round(passed, 1),
        "answers_per_second": round(len(times) / passed, 1),
        "p50_ms": round(percentile(times, 50), 1),
        "p95_ms": round(percentile(times, 95), 1),
        "last_ms": round(max(times), 1),
    }
