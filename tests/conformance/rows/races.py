# SPDX-License-Identifier: Apache-2.0
"""What holds under races: nothing is lost, nothing is mixed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.conformance.bench import Bench, read, row, write
from tests.conformance.blob import inblob_of

ROUNDS = 100


def _together(*calls: Callable[[], int]) -> list[int]:
    """Run calls in a process each; return what each gives, 0 to 254, and 255 for a fault."""
    children = []
    for call in calls:
        child = os.fork()
        if not child:
            status = 255
            try:
                status = call()
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@row("two writers and a reader on one item")
def writers(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", bytes(64))

    def commit(byte: int) -> int:
        return sum(write(x / "inblob", bytes([byte]) * 64) != 64 for _ in range(ROUNDS))

    def torn() -> int:
        return sum(len(set(inblob_of(read(x / "outblob")))) != 1 for _ in range(ROUNDS))

    bench.say("faults", _together(lambda: commit(1), lambda: commit(2), torn))
    bench.say("generation", bench.generation(x))


@row("the documented protocol on a shared item accepts no wrong report")
def protocol(bench: Bench) -> None:
    x = bench.item()

    def client(byte: int) -> int:
        return sum(_accepted_wrong(x, bytes([byte]) * 64) for _ in range(ROUNDS))

    bench.say("wrong reports accepted", _together(lambda: client(3), lambda: client(4)))
    bench.say("generation", bench.generation(x))


def _accepted_wrong(item: Path, nonce: bytes) -> bool:
    before = int(read(item / "generation"))
    write(item / "inblob", nonce)
    report = read(item / "outblob")
    accepted = int(read(item / "generation")) == before + 1
    return accepted and inblob_of(report) != nonce


@row("eight clients with an item each")
def eight(bench: Bench) -> None:
    def client(number: int) -> int:
        item = bench.item(f"client-{number}")
        wrong = 0
        for turn in range(20):
            nonce = bytes([number, turn]) * 32
            write(item / "inblob", nonce)
            wrong += inblob_of(read(item / "outblob")) != nonce
        wrong += bench.generation(item) != 20
        item.rmdir()
        return wrong

    bench.say("wrong", _together(*[lambda n=n: client(n) for n in range(8)]))
    bench.say("calls", bench.calls)


@row("mkdir and rmdir of one name by four")
def same_name(bench: Bench) -> None:
    def client() -> int:
        made = 0
        while made < ROUNDS // 4:
            try:
                (bench.report / "shared").mkdir()
            except FileExistsError:
                continue
            made += 1
            (bench.report / "shared").rmdir()
        return made

    bench.say("made", _together(client, client, client, client))
    bench.say("left", [path.name for path in bench.report.iterdir()])
