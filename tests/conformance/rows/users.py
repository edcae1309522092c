# SPDX-License-Identifier: Apache-2.0
"""Other users, delegation, and user namespaces."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conformance.bench import Bench, read, row, write
from tests.conformance.processes import USER, as_user, in_user_namespace, mount

NONCE = bytes(range(64))


@row("a user without delegation")
def undelegated(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("mkdir", lambda: as_user(bench.report.joinpath("y").mkdir))
    bench.do("rmdir", lambda: as_user(x.rmdir))
    bench.do("write inblob", lambda: as_user(lambda: write(x / "inblob", NONCE)))
    bench.do("chmod", lambda: as_user(lambda: x.chmod(0o777)))
    bench.do("generation", lambda: as_user(lambda: read(x / "generation").decode()))
    bench.do("provider", lambda: as_user(lambda: read(x / "provider").decode()))
    bench.say("calls before", bench.calls)
    bench.do("read a stale outblob", lambda: as_user(lambda: len(read(x / "outblob"))))
    bench.say("calls after", bench.calls)


@row("an inblob given to a user")
def delegated(bench: Bench) -> None:
    x = bench.item()
    os.chown(x / "inblob", USER, USER)
    bench.do("write", lambda: as_user(lambda: write(x / "inblob", NONCE)))
    bench.do("read", lambda: as_user(lambda: len(read(x / "outblob"))))
    bench.do("rmdir", lambda: as_user(x.rmdir))
    bench.say("generation", bench.generation(x))


@row("an item closed to others")
def closed(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    x.chmod(0o700)
    bench.do("outblob", lambda: as_user(lambda: len(read(x / "outblob"))))
    bench.do("listing", lambda: as_user(lambda: len(list(x.iterdir()))))
    bench.do("stat", lambda: as_user(lambda: (x / "outblob").stat().st_size))


@row("the report folder given to a user")
def folder_delegated(bench: Bench) -> None:
    bench.item()
    owner = bench.report.stat()
    os.chown(bench.report, USER, USER)
    try:
        y = bench.report / "y"
        bench.do("mkdir", lambda: as_user(y.mkdir))
        bench.say("owner of the item", y.stat().st_uid)
        bench.say("owner of its inblob", (y / "inblob").stat().st_uid)
        bench.do("write", lambda: as_user(lambda: write(y / "inblob", NONCE)))
        bench.do("rmdir", lambda: as_user(y.rmdir))
        bench.do("rmdir of root's item", lambda: as_user((bench.report / "x").rmdir))
    finally:
        os.chown(bench.report, owner.st_uid, owner.st_gid)
    bench.say("listing", sorted(path.name for path in bench.report.iterdir()))


@row("the root of a user namespace")
def user_namespace(bench: Bench) -> None:
    x = bench.item()
    write(x / "inblob", NONCE)
    bench.do("mkdir", lambda: in_user_namespace(bench.report.joinpath("y").mkdir))
    bench.do("rmdir", lambda: in_user_namespace(x.rmdir))
    bench.do("write inblob", lambda: in_user_namespace(lambda: write(x / "inblob", NONCE)))
    bench.do("outblob", lambda: in_user_namespace(lambda: len(read(x / "outblob"))))
    bench.say("generation", bench.generation(x))


@row("configfs cannot be mounted in a user namespace")
def mount_in_namespace(bench: Bench) -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bench.do("mount", lambda: in_user_namespace(lambda: mount("configfs", Path(folder))))
