# SPDX-License-Identifier: Apache-2.0
"""outblob, auxblob and manifestblob: when a report is made, and how it is read."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.conformance.bench import (
    SNP,
    SVSM,
    Bench,
    lock_whole,
    opened,
    read,
    rest,
    row,
    write,
)
from tests.conformance.processes import map_page, raw_read

NONCE = bytes(range(64))
TCGETS = 0x5401  # asm-generic/ioctls.h, as a request that no file of the tree knows
LARGEST = 32768  # bytes of a blob, in 6.12; other kernels other
ERRORS = (
    "EINVAL",
    "EIO",
    "EBUSY",
    "EINTR",
    "EAGAIN",
    "ENOMEM",
    "ETIMEDOUT",
    "EFBIG",
    "ENXIO",
    "ENODEV",
    "EPERM",
    "EOPNOTSUPP",
    "EACCES",
)


@row("outblob before an inblob")
def before_inblob(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    for name in ("outblob", "auxblob", "manifestblob"):
        bench.do(name, read, x / name)
    bench.do("privlevel", write, x / "privlevel", b"1")
    bench.do("outblob after privlevel", read, x / "outblob")
    bench.do("one descriptor", _late, bench)
    bench.say("calls", bench.calls)


def _late(bench: Bench) -> bytes:
    x = bench.report / "x"
    with opened(x / "outblob") as descriptor:
        try:
            os.read(descriptor, 10)
        except OSError:
            write(x / "inblob", NONCE)
        return rest(descriptor)


@row("a report is made once")
def once(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    for number in range(3):
        bench.do(f"read {number}", read, x / "outblob")
    bench.say("calls", bench.calls)
    write(x / "inblob", NONCE)
    bench.do("read after a commit", read, x / "outblob")
    bench.say("calls after a commit", bench.calls)


@row("short reads")
def short(bench: Bench) -> None:
    x = bench.item()
    for size in (1, 7, 100, 999, 1000, 1001, 4096):
        write(x / "inblob", NONCE)
        bench.do(f"{size} at a time", read, x / "outblob", 0, size)
    bench.say("calls", bench.calls)
    with opened(x / "outblob") as descriptor:
        bench.do("1000", raw_read, descriptor, 1000)
        bench.do("at the end", raw_read, descriptor, 1000)
        bench.do("at the end again", raw_read, descriptor, 1000)


@row("reads at an offset")
def offsets(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with opened(x / "outblob") as descriptor:
        bench.do("magic", os.pread, descriptor, 8, 0)
        bench.do("inblob", os.pread, descriptor, 64, 24)
        bench.do("over the end", lambda: len(os.pread(descriptor, 100, 950)))
        bench.do("at the end", os.pread, descriptor, 10, 1000)
        bench.do("past the end", os.pread, descriptor, 10, 5000)
        bench.do("negative", os.pread, descriptor, 10, -1)
        bench.do("then from the start", rest, descriptor)
    write(x / "inblob", NONCE)
    with opened(x / "outblob") as descriptor:
        bench.do("first operation", os.pread, descriptor, 64, 24)


@row("other calls on outblob")
def other_calls(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with tempfile.TemporaryFile() as sink:
        calls: tuple[tuple[str, Callable[[int], object]], ...] = (
            ("lseek", lambda fd: os.lseek(fd, 0, os.SEEK_SET)),
            ("lseek to the end", lambda fd: os.lseek(fd, 0, os.SEEK_END)),
            ("mmap", map_page),
            ("sendfile", lambda fd: os.sendfile(sink.fileno(), fd, 0, 64)),
            ("splice", _splice),
            ("copy_file_range", lambda fd: os.copy_file_range(fd, sink.fileno(), 64)),
            ("epoll", _epoll),
            ("poll", _poll),
            ("locks", lock_whole),
            ("ioctl", lambda fd: fcntl.ioctl(fd, TCGETS, bytes(64))),
            ("fsync", os.fsync),
        )
        for name, call in calls:
            with opened(x / "outblob") as descriptor:
                bench.do(name, call, descriptor)
    bench.do("O_DIRECT", lambda: len(read(x / "outblob", os.O_DIRECT)))


def _splice(descriptor: int) -> int:
    reader, writer = os.pipe()
    try:
        return os.splice(descriptor, writer, 64)
    finally:
        os.close(reader)
        os.close(writer)


def _epoll(descriptor: int) -> None:
    with select.epoll() as events:
        events.register(descriptor, select.EPOLLIN)


def _poll(descriptor: int) -> str:
    events = select.poll()
    events.register(descriptor, select.POLLIN)
    return "readable" if events.poll(0) else "not readable"


@row("auxblob and manifestblob of the same call")
def companions(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("auxblob first", read, x / "auxblob")
    bench.say("calls after auxblob", bench.calls)
    bench.do("outblob", read, x / "outblob")
    bench.do("manifestblob", read, x / "manifestblob")
    bench.say("calls", bench.calls)
    write(x / "inblob", NONCE)
    bench.do("manifestblob first", read, x / "manifestblob")
    bench.do("then outblob", read, x / "outblob")
    bench.say("calls at the end", bench.calls)


@row("no companion data")
def no_companions(bench: Bench) -> None:
    bench.provider(style=SVSM, auxblob_size=0, manifest_size=0)
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("outblob", read, x / "outblob")
    bench.do("auxblob", read, x / "auxblob")
    bench.do("manifestblob", read, x / "manifestblob")
    bench.say("calls", bench.calls)


@row("companion data that comes later is not seen")
def later(bench: Bench) -> None:
    bench.provider(style=SNP, auxblob_size=0)
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("auxblob", read, x / "auxblob")
    bench.control.change("auxblob_size", 600)
    bench.do("auxblob while current", read, x / "auxblob")
    write(x / "inblob", NONCE)
    bench.do("auxblob after a commit", read, x / "auxblob")


@row("errors of the provider")
def errors(bench: Bench) -> None:
    x = bench.item()
    for name in ERRORS:
        write(x / "inblob", NONCE)
        read(x / "outblob")
        write(x / "inblob", NONCE)
        with failing(bench, getattr(errno, name)), opened(x / "outblob") as descriptor:
            before = bench.calls
            bench.do(name, raw_read, descriptor, 100)
            bench.do(f"{name} again", raw_read, descriptor, 100)
            bench.say(f"calls for {name}", bench.calls - before)


@row("after an error no stale report is given")
def after_error(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("report", read, x / "outblob")
    write(x / "inblob", b"\xaa" * 64)
    generation = bench.generation(x)
    with opened(x / "outblob") as descriptor:
        with failing(bench, errno.EIO):
            bench.do("error", os.read, descriptor, 4096)
            bench.do("error through a fresh descriptor", read, x / "outblob")
            bench.say("generation moved by", bench.generation(x) - generation)
        bench.do("same descriptor afterwards", rest, descriptor)
    bench.do("fresh descriptor afterwards", read, x / "outblob")
    bench.say("calls", bench.calls)


@contextmanager
def failing(bench: Bench, number: int) -> Iterator[None]:
    """Have the provider answer an errno while the block runs."""
    bench.control.change("error", number)
    try:
        yield
    finally:
        bench.control.change("error", 0)


@row("an empty report")
def empty(bench: Bench) -> None:
    bench.provider(outblob_size=0)
    x = bench.item()
    write(x / "inblob", NONCE)
    for number in range(3):
        bench.do(f"read {number}", read, x / "outblob")
    bench.say("calls", bench.calls)
    bench.say("generation", bench.generation(x))


@row("sizes of the report")
def sizes(bench: Bench) -> None:
    for size in (1, 8, 164, 4095, 4096, 4097, 8192, LARGEST - 1, LARGEST):
        bench.provider(outblob_size=size)
        x = bench.item()
        write(x / "inblob", NONCE)
        bench.do(f"{size} bytes", read, x / "outblob")


@row("a report over the largest size")
def too_large(bench: Bench) -> None:
    bench.provider(style=SNP, outblob_size=LARGEST + 1)
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("outblob", read, x / "outblob")
    bench.do("outblob again", read, x / "outblob")
    bench.do("auxblob of that call", read, x / "auxblob")
    bench.say("calls", bench.calls)
    bench.control.change("outblob_size", 1000)
    bench.do("still, until a commit", read, x / "outblob")
    write(x / "inblob", NONCE)
    bench.do("after a commit", read, x / "outblob")
    bench.control.change("auxblob_size", LARGEST + 1)
    write(x / "inblob", NONCE)
    bench.do("auxblob too large", read, x / "auxblob")
    bench.do("outblob beside it", read, x / "outblob")


@row("a signal during a report")
def signalled(bench: Bench) -> None:
    bench.provider(delay_ms=400)
    x = bench.item()
    write(x / "inblob", NONCE)
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with opened(x / "outblob") as descriptor:
            bench.do("read", raw_read, descriptor, 4096)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    bench.say("signals", len(heard))
    bench.say("calls", bench.calls)


@row("a commit while a report is made")
def commit_during(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with bench.report_under_way(x):
        bench.waits("commit to the same item", write, x / "inblob", b"\xbb" * 64)
    bench.do("outblob afterwards", lambda: read(x / "outblob")[24:88])
    bench.say("generation", bench.generation(x))
