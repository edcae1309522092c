# SPDX-License-Identifier: Apache-2.0
"""Writers and readers at once: does every bundle verify, and its log lead on from the last one?

Bundles are kept while the daemon runs and verified afterwards, by the library's own verifier and
by a reader that shares nothing with it but the verification of quotes.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.daemons import cbor_request, trothd
from benchmarks.load import OK, connect, whole
from tests.orchestrator.reader import read
from tests.orchestrator.running import Trothd
from tests.tdx import AT
from troth.evidence.binding import Bundle, LogHead
from troth.evidence.binding.checks import check_claim

__all__ = ["consistency"]

WRITERS = READERS = 16
LABELS = 4


@dataclass
class _Seen:
    """What one reader was told, in order."""

    label: str
    bundles: list[bytes] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)


def consistency(directory: Path, *, seconds: float, latency_ms: int) -> dict[str, object]:
    """Run all of them for some seconds, then verify all that they were told."""
    directory.mkdir()
    with trothd(directory / "t", LABELS, latency_ms=latency_ms, at=AT) as one:
        stop = threading.Event()
        written = [0] * WRITERS
        seen = [_Seen(f"n{number % LABELS}") for number in range(READERS)]
        threads = [
            threading.Thread(target=_write, args=(one, number, stop, written))
            for number in range(WRITERS)
        ] + [threading.Thread(target=_read, args=(one, each, stop)) for each in seen]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        faults = [problem for each in seen for problem in _problems(one, each)]
        counts = {each["label"]: each["count"] for each in one.status()["namespaces"]}
    bundles = sum(len(each.bundles) for each in seen)
    return {
        "writers": WRITERS,
        "readers": READERS,
        "namespaces": LABELS,
        "seconds": seconds,
        "report_ms": latency_ms,
        "events": sum(written),
        "events_in_the_logs": sum(counts.values()),
        "bundles": bundles,
        "verified": bundles - len(faults),
        "refused_requests": sum(len(each.refused) for each in seen),
        "share": round((bundles - len(faults)) / bundles, 6),
        "faults": faults[:5],
    }


def _write(one: Trothd, number: int, stop: threading.Event, written: list[int]) -> None:
    peer = connect(str(one.socket(f"n{number % LABELS}")))
    turn = 0
    while not stop.is_set():
        body = b'{"domain":"w%d","operation":"do","content":"%d"}' % (number, turn % 64)
        head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        peer.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        if not whole(peer).startswith(OK):
            raise RuntimeError("an event was refused")
        turn += 1
        written[number] = turn
        time.sleep(0.005)  # a log that is read in full must not outgrow its limits
    peer.close()


def _read(one: Trothd, seen: _Seen, stop: threading.Event) -> None:
    """Ask fresh and delegated in turn, each time for the log since the last answer."""
    peer = connect(str(one.socket(seen.label)))
    since = turn = 0
    while not stop.is_set():
        peer.sendall(cbor_request(turn % 2, log_since=since))
        turn += 1
        answer = whole(peer)
        body = answer.partition(b"\r\n\r\n")[2]
        if not answer.startswith(OK):
            seen.refused.append(body)
            continue
        seen.bundles.append(body)
        since = Bundle.parse(body).statement.namespace.log.count
    peer.close()


def _problems(one: Trothd, seen: _Seen) -> list[str]:
    """Verify what a reader was told, each bundle alone and all in their order."""
    found = []
    tee = one.software()
    known: LogHead | None = None
    for data in seen.bundles:
        try:
            bundle = Bundle.parse(data)
            check_claim(bundle)
            got = read(data, tee)
            known = known or LogHead.empty(bundle.statement.namespace.id)
            problem, known = _leads_on(bundle, known)
            if not got.rooted or got.namespace[2] != seen.label:
                problem = "another namespace's, or unrooted"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a bundle that fails
            problem = f"{type(error).__name__}: {error}"
        if problem:
            found.append(problem)
    return found


def _leads_on(bundle: Bundle, known: LogHead) -> tuple[str, LogHead]:
    """Say whether the entries in a bundle lead from a known head to the one in its statement."""
    head = bundle.statement.namespace.log
    if bundle.log is None or bundle.log.start != known.count:
        return "not the entries that were asked for", head
    for entry in bundle.log.entries:
        known = known.append(entry)
    return ("" if known == head else "the log does not lead to the head in the statement"), head
