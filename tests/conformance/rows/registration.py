# SPDX-License-Identifier: Apache-2.0
"""A provider that comes and goes, and who is told of what."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.conformance.bench import SNP, SVSM, Bench, opened, read, row, write

NONCE = bytes(range(64))
EVENTS: Final = {  # linux/inotify.h
    0x0002: "MODIFY",
    0x0004: "ATTRIB",
    0x0008: "CLOSE_WRITE",
    0x0010: "CLOSE_NOWRITE",
    0x0020: "OPEN",
    0x0100: "CREATE",
    0x0200: "DELETE",
    0x0400: "DELETE_SELF",
}
WATCHED: Final = 0x0002 | 0x0008 | 0x0020 | 0x0100 | 0x0200
_EVENT: Final = struct.Struct("iIII")


@row("a provider that goes")
def goes(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x, stale, fresh = bench.item(), bench.item("stale"), bench.item("fresh")
    for item in (x, stale):
        write(item / "inblob", NONCE)
    read(x / "outblob")
    bench.do("unregister with items", bench.control.change, "registered", 0)
    bench.do("mkdir", bench.item, "new")
    for name in ("generation", "outblob", "auxblob", "manifestblob", "provider", "privlevel_floor"):
        bench.do(f"{name}, current", read, x / name)
    for name in ("outblob", "auxblob", "manifestblob"):
        bench.do(f"{name}, stale", read, stale / name)
    bench.do("outblob, no inblob", read, fresh / "outblob")
    bench.do("privlevel", write, x / "privlevel", b"1")
    bench.do("privlevel, bad", write, x / "privlevel", b"x")
    bench.do("privlevel, out of range", write, x / "privlevel", b"9")
    bench.do("service_provider", write, x / "service_provider", b"svsm")
    bench.do("service_manifest_version", write, x / "service_manifest_version", b"1")
    bench.do("inblob", write, x / "inblob", NONCE)
    bench.say("generation afterwards", bench.generation(x))
    bench.do("outblob afterwards", read, x / "outblob")
    bench.do("rmdir", stale.rmdir)


@row("a provider that comes while items exist")
def comes(bench: Bench) -> None:
    x = bench.item()
    bench.control.change("registered", 0)
    bench.do("register", bench.control.change, "registered", 1)
    bench.say("registered", bench.control.value("registered"))
    x.rmdir()
    bench.do("register without items", bench.control.change, "registered", 1)
    bench.do("mkdir", lambda: bench.item().name)


@row("a reader across a provider's absence")
def across(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    with opened(x / "outblob") as descriptor:
        bench.control.change("registered", 0)
        bench.do("read without", os.read, descriptor, 4096)
    x.rmdir()
    bench.control.change("registered", 1)
    bench.item()
    bench.do("read before an inblob", read, x / "outblob")
    write(x / "inblob", NONCE)
    bench.do("read after one", read, x / "outblob")


@row("another provider's style")
def style_changes(bench: Bench) -> None:
    bench.do("provider of tdx", lambda: read(bench.item() / "provider"))
    bench.provider(style=SNP)
    bench.do("provider of snp", lambda: read(bench.item() / "provider"))


@row("what a watch on an item is told")
def watch_item(bench: Bench) -> None:
    x = bench.item()
    with watching(x) as told:
        descriptor = os.open(x / "inblob", os.O_WRONLY)
        os.write(descriptor, NONCE)
        bench.say("before close", told())
        os.close(descriptor)
        bench.say("after close", told())
        write(x / "inblob", NONCE)
        bench.say("a commit", told())
        read(x / "outblob")
        bench.say("a report", told())


@row("what a watch on report is told")
def watch_report(bench: Bench) -> None:
    with watching(bench.report) as told:
        x = bench.item()
        bench.say("mkdir", told())
        write(x / "inblob", NONCE)
        bench.say("commit", told())
        x.rmdir()
        bench.say("rmdir", told())


@contextmanager
def watching(path: Path) -> Iterator[Callable[[], list[str]]]:
    """Watch a folder; what is yielded returns the events since it was last called."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, bytes(path), WATCHED) < 0:
        raise OSError(ctypes.get_errno(), "inotify")

    def told() -> list[str]:
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return []
        return list(_events(data))

    try:
        yield told
    finally:
        os.close(descriptor)


def _events(data: bytes) -> Iterator[str]:
    while data:
        _, mask, _, length = _EVENT.unpack_from(data)
        name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
        data = data[_EVENT.size + length :]
        kinds = [kind for bit, kind in EVENTS.items() if mask & bit]
        yield " ".join([*kinds, name])
