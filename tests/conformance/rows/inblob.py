# SPDX-License-Identifier: Apache-2.0
"""inblob: what write() takes and what is committed."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable

from tests.conformance.bench import Bench, opened, read, row, whole, write
from tests.conformance.processes import fallocate

NONCE = bytes(range(64))
TCGETS = 0x5401  # asm-generic/ioctls.h, as a request that no file of the tree knows


def _after(bench: Bench, name: str) -> None:
    x = bench.report / "x"
    bench.say(f"generation after {name}", bench.generation(x))
    bench.do(f"outblob after {name}", read, x / "outblob")


@row("inblob of each length")
def lengths(bench: Bench) -> None:
    x = bench.item()
    for length in (1, 32, 63, 64, 65, 4096, 5000, 1 << 20):
        bench.do(f"write {length}", write, x / "inblob", (NONCE * (length // 64 + 1))[:length])
        _after(bench, str(length))


@row("a provider that wants 64 bytes")
def wants_64(bench: Bench) -> None:
    bench.provider(need64=1)
    x = bench.item()
    for length in (1, 32, 63, 64):
        bench.do(f"write {length}", write, x / "inblob", NONCE[:length])
        _after(bench, str(length))
    bench.say("calls", bench.calls)


@row("inblob in pieces")
def pieces(bench: Bench) -> None:
    bench.item()
    for sizes in ((32, 32), (1,) * 8, (64, 1), (32, 33), (32, 33, 32), (65, 64), (63, 1, 1)):
        name = "+".join(map(str, sizes))
        bench.do(f"write {name}", _write_pieces, bench, sizes)
        _after(bench, name)


def _write_pieces(bench: Bench, sizes: tuple[int, ...]) -> list[int | str]:
    results: list[int | str] = []
    with opened(bench.report / "x/inblob", os.O_WRONLY) as descriptor:
        at = 0
        for size in sizes:
            try:
                results.append(os.write(descriptor, (NONCE + NONCE)[at : at + size]))
                at += size
            except OSError as error:
                results.append(errno.errorcode[error.errno or 0])
    return results


@row("inblob by writev")
def vectors(bench: Bench) -> None:
    x = bench.item()
    for parts in ((32, 32), (32, 33), (1, 0, 1)):
        name = "+".join(map(str, parts))
        buffers = [bytes([number + 1]) * part for number, part in enumerate(parts)]
        with opened(x / "inblob", os.O_WRONLY) as descriptor:
            bench.do(f"writev {name}", os.writev, descriptor, buffers)
        _after(bench, name)


@row("inblob with gaps")
def gaps(bench: Bench) -> None:
    x = bench.item()
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("pwrite 4 at 60", os.pwrite, descriptor, b"\xff" * 4, 60)
    _after(bench, "4 at 60")
    write(x / "inblob", NONCE)
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("pwrite 8 at 8", os.pwrite, descriptor, b"\xfe" * 8, 8)
    _after(bench, "8 at 8")
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("pwrite 8 at 32", os.pwrite, descriptor, b"\xfd" * 8, 32)
        bench.do("pwrite 8 at 0", os.pwrite, descriptor, b"\xfc" * 8, 0)
        bench.do("write 4 at the start", os.write, descriptor, b"\xfb" * 4)
    _after(bench, "three writes")
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("pwrite 1 at 64", os.pwrite, descriptor, b"x", 64)
    _after(bench, "1 at 64")
    with opened(x / "inblob", os.O_WRONLY) as descriptor:
        bench.do("write 64", os.write, descriptor, NONCE)
        bench.do("pwrite 1 at 1000", os.pwrite, descriptor, b"x", 1000)
    _after(bench, "64 and 1 at 1000")


@row("flags of open on inblob")
def flags(bench: Bench) -> None:
    x = bench.item()
    for name in ("O_APPEND", "O_TRUNC", "O_CREAT", "O_SYNC", "O_DSYNC", "O_NONBLOCK", "O_CLOEXEC"):
        bench.do(name, write, x / "inblob", NONCE, getattr(os, name))
    bench.do("O_APPEND in two pieces", _append, bench)
    _after(bench, "all")
    bench.do("O_EXCL", write, x / "inblob", NONCE, os.O_CREAT | os.O_EXCL)
    bench.do("O_DIRECTORY", write, x / "inblob", NONCE, os.O_DIRECTORY)
    bench.do("O_RDONLY", read, x / "inblob")
    bench.say("generation", bench.generation(x))


def _append(bench: Bench) -> list[int]:
    with opened(bench.report / "x/inblob", os.O_WRONLY | os.O_APPEND) as descriptor:
        return [os.write(descriptor, NONCE[:32]), os.write(descriptor, NONCE[32:])]


@row("other calls on inblob")
def other_calls(bench: Bench) -> None:
    x = bench.item()
    calls: tuple[tuple[str, Callable[[int], object]], ...] = (
        ("lseek to 0", lambda fd: os.lseek(fd, 0, os.SEEK_SET)),
        ("lseek to the end", lambda fd: os.lseek(fd, 0, os.SEEK_END)),
        ("fsync", os.fsync),
        ("fdatasync", os.fdatasync),
        ("ioctl", lambda fd: fcntl.ioctl(fd, TCGETS, bytes(64))),
        ("ftruncate", lambda fd: os.ftruncate(fd, 0)),
        ("fallocate", lambda fd: fallocate(fd, 64)),
        ("flock", lambda fd: fcntl.flock(fd, fcntl.LOCK_EX)),
        ("fcntl lock", lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX)),
    )
    for name, call in calls:
        with opened(x / "inblob", os.O_WRONLY) as descriptor:
            bench.do(name, call, descriptor)
    bench.say("generation", bench.generation(x))


@row("two writers")
def two_writers(bench: Bench) -> None:
    x = bench.item()
    first = os.open(x / "inblob", os.O_WRONLY)
    second = os.open(x / "inblob", os.O_WRONLY)
    bench.do("first writes", os.write, first, b"\x01" * 64)
    bench.do("second writes", os.write, second, b"\x02" * 64)
    bench.do("second closes", os.close, second)
    _after(bench, "the second")
    bench.do("first closes", os.close, first)
    _after(bench, "the first")


@row("a foreign writer between write and read")
def foreign_writer(bench: Bench) -> None:
    x = bench.item()
    before = bench.generation(x)
    write(x / "inblob", NONCE)
    write(x / "inblob", b"\xee" * 64)
    bench.do("outblob", read, x / "outblob")
    bench.say("generation moved by", bench.generation(x) - before)


@row("a hundred commits without a read")
def hundred(bench: Bench) -> None:
    x = bench.item()
    bench.say("taken", sum(write(x / "inblob", NONCE) for _ in range(100)))
    _after(bench, "100")
    bench.say("calls", bench.calls)


@row("the same inblob again")
def again(bench: Bench) -> None:
    x = bench.item()
    for number in (1, 2):
        write(x / "inblob", NONCE)
        bench.do(f"outblob {number}", read, x / "outblob")
    bench.do("pieces of one write", whole, x / "inblob", NONCE[:16], NONCE[16:])
    bench.do("outblob 3", read, x / "outblob")
