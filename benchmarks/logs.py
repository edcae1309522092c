# SPDX-License-Identifier: Apache-2.0
"""Measure the replay of event logs against a bare loop of the same hashes, and against keylime.

    python -m benchmarks.logs [--rounds N] [--peer PYTHON] [--output FILE]

`--peer` names an interpreter that has keylime; without it the peer is left out, and that is said.
Ours, the limit and the peer take turns in every round; seconds are the processor's. The logs are
made here: 2,000 events of a CC log, and 20,000 entries of an IMA list with names as long as on a
real system.

keylime reads, computes each hash anew, extends and compares in one go: what compares with it is
"ima whole", once for PCRs in the list's own bank and once for those of SHA-256. No verifier can do
that with fewer hashes than "ima hashes", a bare loop of them over what was read before: with
hashlib, no reader comes further beyond keylime than that loop.
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
from functools import partial
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
BANKS = ("sha1", "sha256")  # of PCRs; the list's own hashes are SHA-1
CC, TPM = MAPPINGS["cc"], MAPPINGS["pcr"]

Works = dict[str, Callable[[], float]]
"""By name: runs once, and returns how long it took."""


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


def bare_hashes(log: ImaList, bank: str) -> bytes:
    """Do the hashes that a list cannot be verified without, and nothing else."""
    own, new = getattr(hashlib, log.bank), getattr(hashlib, bank)
    value = bytes(new().digest_size)
    if bank == log.bank:
        for data in log.template_data:
            value = new(value + own(data).digest()).digest()
    else:
        for data in log.template_data:
            own(data).digest()
            value = new(value + new(data).digest()).digest()
    return value


def whole_ima(data: bytes, bank: str, expected: bytes) -> None:
    """Do all that a verifier does with a list: read, compare with the PCR, recompute the hashes."""
    log = parse_ima_ascii(data)
    match_prefix(log.extends(bank), TPM, {"pcr10": expected})
    if log.examine(log.bank).recomputed:
        raise SystemExit("a hash is not of its fields")


def seconds(work: Callable[[], object]) -> float:
    """Return how much of the processor's time `work` takes, once."""
    started = time.process_time()
    work()
    return time.process_time() - started


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
        measured = measure(options.rounds, {**cc_works(), **ima_works(path, options.peer)})
    found = ratios(measured)
    for name, spread in measured.items():
        print(f"{name:18} {1e3 * spread.median:9.3f} ms")
    for name, of_medians, of_least in found:
        print(f"{name}: {of_medians:.2f} (of the fastest rounds {of_least:.2f})")
    if options.peer is None:
        print("keylime: not measured; --peer names an interpreter that has it")
    document = {
        "machine": machine(options.rounds),
        "peer": None if options.peer is None else version_of(options.peer),
        "events": EVENTS,
        "entries": ENTRIES,
        "seconds": {name: spread.view(6) for name, spread in measured.items()},
        "ratios": {
            name: {"medians": round(medians, 3), "fastest": round(fastest, 3)}
            for name, medians, fastest in found
        },
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def cc_works() -> Works:
    """Return what is measured of a CC log."""
    cc = cc_log()
    extends = parse_cc_log(cc).extends("sha384")
    works: dict[str, Callable[[], object]] = {
        "cc bare loop": lambda: bare_loop(extends),
        "cc replay": lambda: replay(extends, CC),
        "cc parse": lambda: parse_cc_log(cc),
    }
    return {name: partial(seconds, work) for name, work in works.items()}


def ima_works(path: Path, peer: Path | None) -> Works:
    """Return what is measured of an IMA list: ours, the limit and, if there is one, the peer."""
    data = path.read_bytes()
    log = parse_ima_ascii(data)
    entries = log.extends("sha1")
    works: dict[str, Callable[[], object]] = {
        "ima bare loop": lambda: bare_loop(entries),
        "ima replay": lambda: replay(entries, TPM),
        "ima parse": lambda: parse_ima_ascii(data),
    }
    peers: Works = {}
    for bank in BANKS:
        expected = bare_hashes(log, bank)
        works[f"ima hashes {bank}"] = partial(bare_hashes, log, bank)
        works[f"ima whole {bank}"] = partial(whole_ima, data, bank, expected)
        if peer is not None:
            peers[f"ima keylime {bank}"] = partial(of_peer, peer, path, bank, expected)
    return {name: partial(seconds, work) for name, work in works.items()} | peers


def measure(rounds: int, works: Works) -> dict[str, Spread]:
    """Let all take turns; the first round warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            spent = work()
            if turn:
                taken[name].append(spent)
    return {name: Spread(tuple(one)) for name, one in taken.items()}


def ratios(measured: dict[str, Spread]) -> list[tuple[str, float, float]]:
    """Return each ratio's name, and its value of the medians and of the fastest rounds."""
    wanted = [
        ("cc replay, share of the bare loop's rate", "cc bare loop", "cc replay"),
        ("ima replay, share of the bare loop's rate", "ima bare loop", "ima replay"),
    ]
    for bank in BANKS:
        hashes, whole, peer = (f"ima {one} {bank}" for one in ("hashes", "whole", "keylime"))
        wanted += [
            (f"ima whole, PCR in {bank}, share of the bare hashes' rate", hashes, whole),
            (f"ima whole, PCR in {bank}, times keylime's rate", peer, whole),
            (f"bare hashes, PCR in {bank}, times keylime's rate", peer, hashes),
        ]
    return [
        (
            name,
            measured[other].median / measured[ours].median,
            min(measured[other].values) / min(measured[ours].values),
        )
        for name, other, ours in wanted
        if other in measured
    ]


def version_of(peer: Path) -> str:
    """Return keylime's version in the peer's environment."""
    code = "from importlib.metadata import version; print('keylime', version('keylime'))"
    done = subprocess.run([peer, "-c", code], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def of_peer(peer: Path, path: Path, bank: str, expected: bytes) -> float:
    """Return the seconds that keylime takes for the same list, once it is warm."""
    script = HERE / "peers" / "keylime_ima.py"
    done = subprocess.run(
        [peer, script, path, bank, expected.hex(), "2"],
        capture_output=True,
        check=True,
        text=True,
        timeout=300,
    )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
