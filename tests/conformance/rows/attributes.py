# SPDX-License-Identifier: Apache-2.0
"""Which attributes show, and how they look."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.bench import SNP, SVSM, TDX, Bench, read, row, write

ALL = (
    "inblob",
    "outblob",
    "generation",
    "provider",
    "privlevel",
    "privlevel_floor",
    "auxblob",
    "service_provider",
    "service_guid",
    "service_manifest_version",
    "manifestblob",
)


def _looks(path: Path) -> str:
    status = path.lstat()
    return (
        f"mode {status.st_mode:o} size {status.st_size} links {status.st_nlink} "
        f"blocks {status.st_blocks} block size {status.st_blksize} "
        f"owner {status.st_uid} {status.st_gid}"
    )


@row("attributes of tdx")
def tdx(bench: Bench) -> None:
    _look(bench, TDX)


@row("attributes of snp")
def snp(bench: Bench) -> None:
    _look(bench, SNP)


@row("attributes of snp under an svsm")
def svsm(bench: Bench) -> None:
    _look(bench, SVSM)


def _look(bench: Bench, style: int) -> None:
    bench.provider(style=style)
    x = bench.item()
    bench.say("listing", sorted(path.name for path in x.iterdir()))
    bench.say("item", _looks(x))
    for name in ALL:
        bench.do(name, _looks, x / name)
    bench.do("provider says", lambda: read(x / "provider"))


@row("the folders above the items")
def above(bench: Bench) -> None:
    for name, path in (("report", bench.report), ("tsm", bench.tsm)):
        status = path.stat()
        bench.say(name, f"mode {status.st_mode:o} owner {status.st_uid} {status.st_gid}")
    bench.say("links of report", bench.report.stat().st_nlink)
    bench.item()
    bench.say("links of report with an item", bench.report.stat().st_nlink)


@row("what shows is fixed at mkdir")
def fixed(bench: Bench) -> None:
    x = bench.item()
    bench.control.change("registered", 0)
    bench.say("listing without a provider", sorted(path.name for path in x.iterdir()))


@row("sizes do not follow contents")
def sizes(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", bytes(64))
    read(x / "outblob")
    for name in ("inblob", "outblob", "generation"):
        bench.say(name, (x / name).stat().st_size)
