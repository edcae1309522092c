# SPDX-License-Identifier: Apache-2.0
"""Directories and names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.bench import Bench, read, row, write
from tests.conformance.processes import bind, mount, umount


@row("mkdir without a provider")
def without_provider(bench: Bench) -> None:
    bench.control.change("registered", 0)
    bench.do("mkdir", bench.item)


@row("mkdir")
def mkdir(bench: Bench) -> None:
    umask = os.umask(0)
    try:
        for asked in (0o700, 0o777, 0o000):
            name = f"asked-{asked:o}"
            bench.do(f"mkdir {asked:o}", (bench.report / name).mkdir, asked)
            status = (bench.report / name).stat()
            bench.say(f"mode {asked:o}", f"{status.st_mode:o} {status.st_uid} {status.st_gid}")
    finally:
        os.umask(umask)
    x = bench.item()
    bench.do("again", x.mkdir)
    bench.do("below an item", (x / "sub").mkdir)
    bench.do("in place of an attribute", (x / "inblob").mkdir)
    bench.do("beside report", (bench.tsm / "other").mkdir)
    bench.do("in the top", (bench.config / "other").mkdir)
    bench.say("listing", sorted(path.name for path in bench.report.iterdir()))


@row("names")
def names(bench: Bench) -> None:
    for name in ("a b", ".hidden", "..two", "line\nbreak", "ümläut", "-", "x" * 255, "ä" * 127):
        path = bench.report / name
        bench.do(f"mkdir {name[:9]!r} of {len(os.fsencode(name))}", path.mkdir)
        bench.say(f"listed {name[:9]!r}", path.name in os.listdir(bench.report))  # noqa: PTH208 - names as the kernel lists them
        bench.do(f"rmdir {name[:9]!r}", path.rmdir)
    bench.do("256 bytes", (bench.report / ("x" * 256)).mkdir)
    bench.do("not UTF-8", (bench.report / os.fsdecode(b"\xff\xfe")).mkdir)


@row("rmdir")
def rmdir(bench: Bench) -> None:
    x = bench.item()
    bench.do("of an item with files", x.rmdir)
    bench.do("of an absent one", x.rmdir)
    bench.do("of report", bench.report.rmdir)
    bench.do("of tsm", bench.tsm.rmdir)
    bench.item()
    bench.do("of an attribute", (x / "inblob").rmdir)
    write(x / "inblob", bytes(64))
    x.rmdir()
    bench.item()
    bench.say("generation of a new one", bench.generation(x))


@row("files cannot be made")
def creation(bench: Bench) -> None:
    x = bench.item()
    for name, where in (("report", bench.report), ("item", x)):
        new = where / "new"
        bench.do(f"creat in {name}", _create, new)
        bench.do(f"mknod in {name}", os.mknod, new, stat.S_IFREG | 0o600)
        bench.do(f"fifo in {name}", os.mkfifo, new)
        bench.do(f"symlink in {name}", new.symlink_to, "x")
        bench.do(f"lookup in {name}", new.stat)


@row("links, renames and unlinks")
def links(bench: Bench) -> None:
    x = bench.item()
    bench.do("link", lambda: (bench.report / "new").hardlink_to(x / "inblob"))
    bench.do("link in an item", lambda: (x / "new").hardlink_to(x / "inblob"))
    bench.do("rename an item", lambda: x.rename(bench.report / "y"))
    bench.do("rename an attribute", lambda: (x / "inblob").rename(x / "new"))
    bench.do("rename onto an attribute", lambda: (x / "inblob").rename(x / "outblob"))
    bench.do("unlink an attribute", (x / "inblob").unlink)
    bench.do("unlink an item", x.unlink)
    bench.say("listing", sorted(path.name for path in x.iterdir()))


@row("truncate")
def truncate(bench: Bench) -> None:
    bench.provider(style=1)
    x = bench.item()
    write(x / "inblob", bytes(64))
    for name in ("inblob", "outblob", "generation", "privlevel"):
        bench.do(f"truncate {name}", os.truncate, x / name, 0)
        bench.do(f"truncate {name} to 5", os.truncate, x / name, 5)
        bench.say(f"size of {name}", (x / name).stat().st_size)
    bench.say("generation", bench.generation(x))
    bench.do("outblob", lambda: read(x / "outblob"))


@row("chmod and chown last as long as the item")
def chmod(bench: Bench) -> None:
    x = bench.item()
    bench.do("chmod item", lambda: x.chmod(0o700))
    bench.do("chmod attribute", lambda: (x / "outblob").chmod(0o400))
    bench.do("chown item", lambda: os.chown(x, 1, 2))
    bench.do("chown attribute", lambda: os.chown(x / "inblob", 3, 4))
    bench.say("item", _owner(x))
    bench.say("inblob", _owner(x / "inblob"))
    bench.say("outblob", _owner(x / "outblob"))
    x.rmdir()
    bench.item()
    bench.say("a new item", _owner(x))
    bench.say("its inblob", _owner(x / "inblob"))
    bench.say("its outblob", _owner(x / "outblob"))


@row("bind mounts")
def bind_mount(bench: Bench) -> None:
    x = bench.item()
    with TemporaryDirectory() as folder:
        second = Path(folder)
        bind(bench.report, second)
        try:
            write(second / "x/inblob", bytes(64))
            bench.say("generation", bench.generation(x))
            bench.do("mkdir", (second / "y").mkdir)
            bench.say("listing", sorted(path.name for path in bench.report.iterdir()))
        finally:
            umount(second)
        bind(bench.report, second, read_only=True)
        try:
            bench.do("read-only: mkdir", (second / "z").mkdir)
            bench.do("read-only: rmdir", (second / "y").rmdir)
            bench.do("read-only: inblob", lambda: write(second / "x/inblob", bytes(64)))
            bench.do("read-only: outblob", lambda: read(second / "x/outblob"))
            bench.do("read-only: generation", lambda: read(second / "x/generation"))
        finally:
            umount(second)


@row("a second mount is the same tree, and items outlive a mount")
def second_mount(bench: Bench) -> None:
    bench.item()
    with TemporaryDirectory() as folder:
        second = Path(folder)
        bench.do("mount", lambda: mount("configfs", second))
        bench.say("listing", sorted(path.name for path in (second / "tsm/report").glob("*")))
        bench.do("umount", lambda: umount(second))
        bench.do("umount the first", lambda: umount(bench.config))
        bench.do("mount the first again", lambda: mount("configfs", bench.config))
    bench.say("listing afterwards", sorted(path.name for path in bench.report.iterdir()))


@row("statfs")
def statfs(bench: Bench) -> None:
    told = os.statvfs(bench.report)
    bench.say("namemax", told.f_namemax)
    bench.say("blocks", [told.f_blocks, told.f_bfree, told.f_bavail])


@row("many items")
def many(bench: Bench) -> None:
    items = [bench.item(f"item-{number}") for number in range(500)]
    bench.say("listed", len(list(bench.report.iterdir())))
    for item in items:
        item.rmdir()
    bench.say("left", len(list(bench.report.iterdir())))


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def _owner(path: Path) -> str:
    status = path.stat()
    return f"{stat.S_IMODE(status.st_mode):04o} {status.st_uid} {status.st_gid}"
