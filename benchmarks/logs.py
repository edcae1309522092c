# SPDX-License-Identifier: Apache-2.0
"""Measure the replay of event logs against a bare loop of the same hashes, and against keylime.

    python -m benchmarks.logs [--rounds N] [--peer PYTHON] [--output FILE]

`--peer` names an interpreter that has keylime; without it the peer is left out, and that is said.
keylime reads, recomputes each hash and extends in one go: what compares with it is "ima whole".
Ours, the limit and the peer take turns in every round. The logs are made here: 2,000 events of a CC
log, and 20,000 entries of an IMA list with names as long as on a real system.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Spread
from benchmarks.run import machine
from troth.evidence.eventlog import (
    MAPPINGS,
    Extends,
    ImaList,
    TcgEvent,
    build_cc_log,
    build_ima_ascii,
    match_prefix,
    parse_cc_log,
    parse_ima_ascii,
    replay,
)

HERE = Path(__file__).resolve().parent
ROUNDS = 9
EVENTS = 2_000
ENTRIES = 20_000
PCR = 10
CC, TPM = MAPPINGS["cc"], MAPPINGS["pcr"]


def cc_log() -> bytes:
    """Return a CC log of `EVENTS` events in RTMR0 to RTMR2."""
    return build_cc_log(
        TcgEvent.of_data(1 + n % 3, 0xD, f"grub_cmd: menuentry {n}".encode()) for n in range(EVENTS)
    )


def ima_list() -> bytes:
    """Return an ASCII list of `ENTRIES` entries of template ima-ng, with SHA-256 file digests."""
    contents = []
    for n in range(ENTRIES):
        digest = b"sha256:\0" + hashlib.sha256(n.to_bytes(4, "big")).digest()
        name = f"/usr/lib/modules/6.12.0/kernel/drivers/net/{n:05}.ko".encode() + b"\0"
        contents.append(b"".join(len(one).to_bytes(4, "little") + one for one in (digest, name)))
    hashes = [hashlib.sha1(one, usedforsecurity=False).digest() for one in contents]
    return build_ima_ascii(
        ImaList(
            bank="sha1",
            registers=[PCR] * ENTRIES,
            hashes=hashes,
            templates=[b"ima-ng"] * ENTRIES,
            template_data=contents,
            order="little",
        )
    )


def bare_loop(extends: Extends) -> bytes:
    """Do the hashes of a replay into one register, and nothing else."""
    new = getattr(hashlib, extends.bank)
    value = bytes(new().digest_size)
    for digest in extends.digests:
        value = new(value + digest).digest()
    return value


def whole_ima(data: bytes, expected: bytes) -> None:
    """Do all that a verifier does with a list: read, compare with the PCR, recompute the hashes."""
    log = parse_ima_ascii(data)
    match_prefix(log.extends("sha1"), TPM, {"pcr10": expected})
    if log.examine("sha1").recomputed:
        raise SystemExit("a hash is not of its fields")


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> int:
    """Measure, print a table, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "logs.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ima"
        path.write_bytes(ima_list())
        measured = measure(options.rounds, options.peer, path)
    ratios = {
        "cc replay, share of the bare loop's rate": ("cc bare loop", "cc replay"),
        "ima replay, share of the bare loop's rate": ("ima bare loop", "ima replay"),
        "ima replay, times keylime's rate": ("ima keylime", "ima replay"),
        "ima whole, times keylime's rate": ("ima keylime", "ima whole"),
    }
    found = {
        name: round(measured[other].median / measured[ours].median, 3)
        for name, (other, ours) in ratios.items()
        if other in measured
    }
    for name, spread in measured.items():
        print(f"{name:16} {1e3 * spread.median:9.3f} ms")
    for name, ratio in found.items():
        print(f"{name}: {ratio:.2f}")
    if options.peer is None:
        print("keylime: not measured; --peer names an interpreter that has it")
    document = {
        "machine": machine(options.rounds),
        "peer": None if options.peer is None else version_of(options.peer),
        "events": EVENTS,
        "entries": ENTRIES,
        "seconds": {name: spread.view(6) for name, spread in measured.items()},
        "ratios": found,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def measure(rounds: int, peer: Path | None, path: Path) -> dict[str, Spread]:
    """Let all take turns; the first round warms up and does not count."""
    cc, ima = cc_log(), path.read_bytes()
    extends = parse_cc_log(cc).extends("sha384")
    entries = parse_ima_ascii(ima).extends("sha1")
    expected = bare_loop(entries)
    works: dict[str, Callable[[], object]] = {
        "cc bare loop": lambda: bare_loop(extends),
        "cc replay": lambda: replay(extends, CC),
        "cc parse": lambda: parse_cc_log(cc),
        "ima bare loop": lambda: bare_loop(entries),
        "ima replay": lambda: replay(entries, TPM),
        "ima parse": lambda: parse_ima_ascii(ima),
        "ima whole": lambda: whole_ima(ima, expected),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            spent = seconds(work)
            if turn:
                taken[name].append(spent)
        if peer is not None:
            taken.setdefault("ima keylime", []).append(of_peer(peer, path, expected))
    return {name: Spread(tuple(one)) for name, one in taken.items()}


def version_of(peer: Path) -> str:
    """Return keylime's version in the peer's environment."""
    code = "from importlib.metadata import version; print('keylime', version('keylime'))"
    done = subprocess.run([peer, "-c", code], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def of_peer(peer: Path, path: Path, expected: bytes) -> float:
    """Return the seconds that keylime takes for the same list, once it is warm."""
    script = HERE / "peers" / "keylime_ima.py"
    done = subprocess.run(
        [peer, script, path, "2"], capture_output=True, check=True, text=True, timeout=300
    )
    spent, value = done.stdout.splitlines()[-1].split()
    if bytes.fromhex(value) != expected:
        raise SystemExit("keylime comes to another register")
    return float(spent)


if __name__ == "__main__":
    sys.exit(main())
