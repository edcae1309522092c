# SPDX-License-Identifier: Apache-2.0
"""What an imitation made from the documentation gets wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.conformance.bench import Bench, opened, read, rest, row, write
from tests.conformance.processes import raw_read, raw_write, wait_for

NONCE = bytes(range(64))
OTHER = bytes(range(64, 128))


@row("inblob is committed at the last close")
def commit_at_close(bench: Bench) -> None:
    x = bench.item()
    descriptor = os.open(x / "inblob", os.O_WRONLY)
    bench.do("write 64", lambda: os.write(descriptor, NONCE))
    bench.say("generation after write", bench.generation(x))
    bench.do("outblob after write", lambda: read(x / "outblob"))
    bench.do("close", lambda: os.close(descriptor))
    bench.say("generation after close", bench.generation(x))
    bench.do("outblob after close", lambda: read(x / "outblob"))


@row("a duplicate of the descriptor delays the commit")
def commit_after_duplicate(bench: Bench) -> None:
    x = bench.item()
    descriptor = os.open(x / "inblob", os.O_WRONLY)
    duplicate = os.dup(descriptor)
    bench.do("write 64", lambda: os.write(descriptor, NONCE))
    bench.do("close the first", lambda: os.close(descriptor))
    bench.say("generation after the first close", bench.generation(x))
    bench.do("close the duplicate", lambda: os.close(duplicate))
    bench.say("generation after the last close", bench.generation(x))


@row("a child that inherited the descriptor delays the commit")
def commit_after_child(bench: Bench) -> None:
    x = bench.item()
    descriptor = os.open(x / "inblob", os.O_WRONLY)
    bench.do("write 64", lambda: os.write(descriptor, NONCE))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    bench.do("close", lambda: os.close(descriptor))
    bench.say("generation while the child has it", bench.generation(x))
    os.close(writer)
    os.waitpid(child, 0)
    bench.say("generation after the child", bench.generation(x))


@row("an oversized write wipes the inblob")
def oversized(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("outblob before", lambda: read(x / "outblob"))
    descriptor = os.open(x / "inblob", os.O_WRONLY)
    bench.do("write 65", lambda: os.write(descriptor, bytes(65)))
    bench.say("generation before close", bench.generation(x))
    bench.do("close", lambda: os.close(descriptor))
    bench.say("generation after close", bench.generation(x))
    bench.do("outblob", lambda: read(x / "outblob"))
    bench.do("a new inblob", lambda: write(x / "inblob", OTHER))
    bench.do("outblob over the new one", lambda: read(x / "outblob"))


@row("a zero-byte write")
def zero_write(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("write 0 to inblob", lambda: raw_write(descriptor, b""))
    bench.say("generation", bench.generation(x))
    bench.do("outblob", lambda: read(x / "outblob"))


@row("a read of no bytes")
def zero_read(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    for name in ("outblob", "generation"):
        with opened(x / name) as descriptor:
            bench.do(f"read 0 of {name}", raw_read, descriptor, 0)


@row("open and close change nothing")
def open_close(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with opened(x / "inblob", os.O_WRONLY):
        pass
    bench.say("generation", bench.generation(x))
    bench.do("outblob", lambda: read(x / "outblob"))


@row("O_NONBLOCK is ignored")
def nonblocking(bench: Bench) -> None:
    bench.provider(delay_ms=200)
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("outblob", lambda: read(x / "outblob", os.O_NONBLOCK))
    bench.say("calls", bench.calls)


@row("one lock for all items: who waits")
def who_waits(bench: Bench) -> None:
    x, y = bench.item(), bench.item("y")
    gone = bench.item("gone")

    asks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("generation of the same item", lambda: read(x / "generation")),
        ("generation of another item", lambda: read(y / "generation")),
        ("provider of another item", lambda: read(y / "provider")),
        ("commit of another item", lambda: write(y / "inblob", NONCE)),
        ("outblob of another item", lambda: read(y / "outblob")),
        ("mkdir", lambda: bench.item("z")),
        ("rmdir of another item", gone.rmdir),
        ("stat of another item", (y / "outblob").stat),
        ("open of another item's outblob", lambda: os.close(os.open(y / "outblob", os.O_RDONLY))),
    )
    for operation, call in asks:
        write(x / "inblob", NONCE)
        with bench.report_under_way(x):
            bench.waits(operation, call)


@row("listing waits for a mkdir that waits")
def listing_waits(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with bench.report_under_way(x):
        bench.waits("listing", lambda: list(bench.report.iterdir()))
    write(x / "inblob", NONCE)
    with bench.report_under_way(x):
        child = os.fork()
        if not child:
            (bench.report / "z").mkdir()
            os._exit(0)
        stuck = Path(f"/proc/{child}/stat")
        wait_for(lambda: stuck.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] in "DSZ")
        bench.waits("listing behind a mkdir", lambda: list(bench.report.iterdir()))
        os.waitpid(child, 0)


@row("an open outblob is a snapshot")
def snapshot(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with opened(x / "outblob") as early, opened(x / "outblob") as late:
        bench.do("first read", lambda: os.pread(early, 4096, 0))
        write(x / "inblob", OTHER)
        bench.do("read after a commit", lambda: os.pread(early, 4096, 0))
        bench.do("first read of one opened before", lambda: os.pread(late, 4096, 0))
        bench.do("fresh descriptor", lambda: read(x / "outblob"))
        bench.say("calls", bench.calls)
    with opened(x / "generation") as descriptor:
        bench.do("generation", lambda: os.pread(descriptor, 100, 0))
        write(x / "inblob", NONCE)
        bench.do("generation after a commit", lambda: os.pread(descriptor, 100, 0))
        bench.do("fresh generation", lambda: read(x / "generation"))


@row("rmdir while files are open")
def rmdir_open(bench: Bench) -> None:
    bench.provider(style=1)
    x = bench.item()
    write(x / "inblob", NONCE)
    with (
        opened(x / "outblob") as seen,
        opened(x / "outblob") as unseen,
        opened(x / "generation") as text,
        opened(x / "generation") as unseen_text,
        opened(x / "privlevel", os.O_WRONLY) as option,
    ):
        os.pread(seen, 10, 0)
        os.pread(text, 10, 0)
        pending = os.open(x / "inblob", os.O_WRONLY)
        os.write(pending, OTHER)
        bench.do("rmdir", x.rmdir)
        bench.do("outblob read before", lambda: rest(seen))
        bench.do("outblob not read before", lambda: os.read(unseen, 10))
        bench.do("generation read before", lambda: os.pread(text, 10, 0))
        bench.do("generation not read before", lambda: os.read(unseen_text, 10))
        bench.do("option", lambda: os.write(option, b"1"))
        bench.do("write on", lambda: os.write(pending, b"\0"))
        bench.item()
        bench.do("close of a pending inblob", lambda: os.close(pending))
        bench.say("generation of a new item", bench.generation(x))
        bench.do("outblob of the new item", lambda: read(x / "outblob"))


@row("root is bound by the mode")
def root_bound(bench: Bench) -> None:
    x = bench.item()
    bench.do("inblob for reading", lambda: read(x / "inblob"))
    bench.do("inblob for both", lambda: os.close(os.open(x / "inblob", os.O_RDWR)))
    bench.do("outblob for writing", lambda: write(x / "outblob", b"x"))
    bench.do("outblob for both", lambda: os.close(os.open(x / "outblob", os.O_RDWR)))
    bench.do("generation for writing", lambda: write(x / "generation", b"1"))
    bench.do("chmod 0666", lambda: (x / "inblob").chmod(0o666))
    bench.do("inblob for reading after chmod", lambda: read(x / "inblob"))
    (x / "outblob").chmod(0o666)
    bench.do("outblob for writing after chmod", lambda: write(x / "outblob", b"x"))
    bench.say("access says", os.access(x / "inblob", os.R_OK))
