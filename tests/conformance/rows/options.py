# SPDX-License-Identifier: Apache-2.0
"""Text attributes: generation, privlevel, and what an SVSM is asked by."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from tests.conformance.bench import SNP, SVSM, Bench, opened, read, row, write
from tests.conformance.processes import raw_write

NONCE = bytes(range(64))
GUID = b"c476f1eb-0123-45a5-9641-b4e7dde5bfe3"

TAKEN = (b"0", b"1", b"3", b"0x2", b"0X2", b"02", b"+2", b"1\n", b"2\0", b"2\0x", b"0\n\0")
REFUSED = (
    b"4",
    b"8",
    b"-1",
    b"-0",
    b"abc",
    b" 1",
    b"1 ",
    b"\n",
    b"1\n\n",
    b"\n1",
    b"2x",
    b"0b1",
    b"0x",
    b"1.0",
    b"++1",
    b"4294967295",
    b"4294967296",
    b"18446744073709551616",
    b"\0",
    b"9" * 100,
)


@row("generation")
def generation(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    bench.do("after mkdir", read, x / "generation")
    write(x / "inblob", NONCE)
    bench.do("after inblob", read, x / "generation")
    read(x / "outblob")
    bench.do("after a report", read, x / "generation")
    write(x / "privlevel", b"1")
    bench.do("after privlevel", read, x / "generation")
    write(x / "service_provider", b"svsm")
    write(x / "service_guid", GUID)
    write(x / "service_manifest_version", b"0")
    bench.do("after three of services", read, x / "generation")
    bench.do("a failed privlevel", write, x / "privlevel", b"9")
    bench.do("after a failure", read, x / "generation")
    bench.do("outblob", read, x / "outblob")


@row("text attributes are read at any offset")
def offsets(bench: Bench) -> None:
    bench.provider(style=SNP)
    x = bench.item()
    for name in ("generation", "provider", "privlevel_floor"):
        bench.do(name, read, x / name)
    with opened(x / "provider") as descriptor:
        bench.do("pread 3 at 4", os.pread, descriptor, 3, 4)
        bench.do("pread past the end", os.pread, descriptor, 3, 100)
        bench.do("read 2", os.read, descriptor, 2)
        bench.do("lseek to 4", os.lseek, descriptor, 4, os.SEEK_SET)
        bench.do("read on", os.read, descriptor, 100)
        bench.do("lseek to the end", os.lseek, descriptor, 0, os.SEEK_END)
        bench.do("lseek before the start", os.lseek, descriptor, -5, os.SEEK_SET)
        bench.do("one byte at a time", read, x / "provider", 0, 1)


@row("privlevel takes")
def privlevel_taken(bench: Bench) -> None:
    bench.provider(style=SNP)
    x = bench.item()
    write(x / "inblob", NONCE)
    for value in TAKEN:
        bench.do(f"write {value!r}", write, x / "privlevel", value)
        bench.say(f"generation {value!r}", bench.generation(x))
        bench.do(f"level {value!r}", _level, x)


@row("privlevel refuses")
def privlevel_refused(bench: Bench) -> None:
    bench.provider(style=SNP)
    x = bench.item()
    write(x / "inblob", NONCE)
    write(x / "privlevel", b"2")
    for value in REFUSED:
        bench.do(f"write {value[:24]!r}", write, x / "privlevel", value)
    bench.say("generation", bench.generation(x))
    bench.do("level", _level, x)


@row("a write of no bytes to an option")
def option_of_nothing(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    for name in ("privlevel", "service_provider", "service_guid", "service_manifest_version"):
        with opened(x / name, os.O_WRONLY) as descriptor:
            bench.do(name, raw_write, descriptor, b"")
    bench.say("generation", bench.generation(x))


@row("privlevel and its floor")
def floor(bench: Bench) -> None:
    bench.provider(style=SNP, floor=2)
    x = bench.item()
    bench.do("floor", read, x / "privlevel_floor")
    for level in range(5):
        bench.do(f"write {level}", write, x / "privlevel", b"%d" % level)
    bench.say("generation", bench.generation(x))
    y = bench.item("y")
    write(y / "inblob", NONCE)
    bench.do("level of an item that never wrote it", _level, y)


@row("privlevel takes effect at write")
def at_write(bench: Bench) -> None:
    bench.provider(style=SNP)
    x = bench.item()
    with opened(x / "privlevel", os.O_WRONLY) as descriptor:
        bench.do("first write", os.write, descriptor, b"1")
        bench.say("generation before close", bench.generation(x))
        bench.do("second write", os.write, descriptor, b"3")
        bench.do("pwrite at 100", os.pwrite, descriptor, b"2", 100)
        bench.say("generation after three", bench.generation(x))
        bench.do("a bad one", os.write, descriptor, b"7")
    bench.say("generation after close", bench.generation(x))
    write(x / "inblob", NONCE)
    bench.do("level", _level, x)


@row("more text than a page")
def long_text(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    bench.do("privlevel, 4094 zeros and 1", write, x / "privlevel", b"0" * 4094 + b"1")
    bench.do("privlevel, 4095 zeros and 1", write, x / "privlevel", b"0" * 4095 + b"1")
    bench.do("provider of 4095", write, x / "service_provider", b"p" * 4095)
    bench.do("provider of 4096", write, x / "service_provider", b"p" * 4096)
    bench.do("provider of 9000", write, x / "service_provider", b"p" * 9000)
    bench.say("generation", bench.generation(x))


@row("service_provider")
def service_provider(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    write(x / "inblob", NONCE)
    for value in (b"svsm", b"svsm\n", b"other", b"two words", b"x\n\n", b"\n", b"a\0b", b"p" * 63):
        name = repr(value[:12])
        bench.do(f"write {name}", write, x / "service_provider", value)
        bench.do(f"service {name}", _service, x)
    bench.say("generation", bench.generation(x))


@row("service_guid")
def service_guid(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    write(x / "inblob", NONCE)
    values = (
        GUID,
        GUID.upper(),
        GUID + b"\n",
        GUID + b" and more",
        GUID[:35],
        GUID[:-1] + b"g",
        GUID.replace(b"-", b"_"),
        b"{" + GUID + b"}",
        b"x",
        bytes(36),
    )
    for number, value in enumerate(values):
        write(x / "service_guid", GUID)
        before = bench.generation(x)
        bench.do(f"write {number} {value[:40]!r}", write, x / "service_guid", value)
        bench.say(f"generation {number} moved by", bench.generation(x) - before)
        bench.do(f"guid {number}", _guid, x)


@row("service_manifest_version")
def manifest_version(bench: Bench) -> None:
    bench.provider(style=SVSM)
    x = bench.item()
    write(x / "inblob", NONCE)
    for value in (b"0", b"7", b"0x10", b"010", b"4294967295", b"5\n"):
        bench.do(f"write {value!r}", write, x / "service_manifest_version", value)
        bench.do(f"version {value!r}", _version, x)
    for value in (b"-1", b"x", b" 1", b"4294967296", b"\n"):
        bench.do(f"write {value!r}", write, x / "service_manifest_version", value)
    bench.say("generation", bench.generation(x))
    bench.do("outblob", read, x / "outblob")


def _level(item: Path) -> int:
    return int.from_bytes(read(item / "outblob")[12:16], "little")


def _guid(item: Path) -> str:
    return str(UUID(bytes_le=read(item / "outblob")[88:104]))


def _service(item: Path) -> str:
    return read(item / "outblob")[104:168].rstrip(b"\0").hex()


def _version(item: Path) -> int:
    return int.from_bytes(read(item / "outblob")[168:172], "little")
