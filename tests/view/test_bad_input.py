# SPDX-License-Identifier: Apache-2.0
"""What a careless or hostile client does to a mounted view: an errno, and others go on."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from tests.conformance.blob import inblob_of
from tests.view.errnos import refused_with
from tests.view.models import NONCE, OTHER
from tests.view.mounting import Mounted, needs_fuse, scripted_view

pytestmark = needs_fuse


@pytest.fixture
def entry(scripted: Mounted) -> Path:
    for left in scripted.report.iterdir():
        left.rmdir()
    scripted.control.change("registered", 0)
    for name in ("error", "delay_ms", "style"):
        scripted.control.change(name, 0)
    scripted.control.change("registered", 1)
    return scripted.entry()


def put(path: Path, *pieces: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for piece in pieces:
            os.write(descriptor, piece)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("length", [65, 4096, 1 << 20])
def test_too_large_an_inblob(entry: Path, length: int) -> None:
    with refused_with(errno.EFBIG):
        put(entry / "inblob", bytes(length))
    assert (entry / "generation").read_text() == "1\n"
    with refused_with(errno.EINVAL):
        (entry / "outblob").read_bytes()
    put(entry / "inblob", NONCE)
    assert inblob_of((entry / "outblob").read_bytes()) == NONCE


@pytest.mark.parametrize("length", [1, 63, 64])
def test_a_provider_that_wants_64(scripted: Mounted, entry: Path, length: int) -> None:
    scripted.control.change("need64", 1)
    try:
        put(entry / "inblob", NONCE[:length])
        if length == 64:
            assert (entry / "outblob").read_bytes()
        else:
            with refused_with(errno.EINVAL):
                (entry / "outblob").read_bytes()
    finally:
        scripted.control.change("need64", 0)


def test_an_inblob_in_pieces_and_with_a_gap(entry: Path) -> None:
    put(entry / "inblob", NONCE[:10], NONCE[10:63], NONCE[63:])
    assert inblob_of((entry / "outblob").read_bytes()) == NONCE
    descriptor = os.open(entry / "inblob", os.O_WRONLY)
    os.pwrite(descriptor, b"end", 61)
    os.close(descriptor)
    assert inblob_of((entry / "outblob").read_bytes()) == bytes(61) + b"end"


def test_a_reader_without_an_inblob(entry: Path) -> None:
    with refused_with(errno.EINVAL):
        (entry / "outblob").read_bytes()


def test_a_foreign_writer_shows_in_the_generation(entry: Path) -> None:
    put(entry / "inblob", NONCE)
    put(entry / "inblob", OTHER)
    assert inblob_of((entry / "outblob").read_bytes()) == OTHER
    assert (entry / "generation").read_text() == "2\n"


def test_a_provider_that_vanishes(scripted: Mounted, entry: Path) -> None:
    put(entry / "inblob", NONCE)
    scripted.control.change("registered", 0)
    for name in ("outblob", "provider"):
        with refused_with(errno.ENXIO):
            (entry / name).read_bytes()
    with refused_with(errno.ENXIO):
        scripted.entry("y")
    entry.rmdir()
    scripted.control.change("registered", 1)


def test_long_names(scripted: Mounted, entry: Path) -> None:
    assert entry.is_dir()
    scripted.entry("n" * 255).rmdir()
    with refused_with(errno.ENAMETOOLONG):
        scripted.entry("n" * 256)


def test_many_readers_wait_for_one_report_and_looking_does_not(
    scripted: Mounted, entry: Path
) -> None:
    before = scripted.control.value("calls")
    scripted.control.change("delay_ms", 300)
    put(entry / "inblob", NONCE)
    read: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: read.append((entry / "outblob").read_bytes()))
        for _ in range(64)
    ]
    for one in readers:
        one.start()
    while not scripted.control.value("busy"):
        assert any(one.is_alive() for one in readers)
    assert (entry / "outblob").stat().st_size == 0
    assert scripted.control.value("busy"), "stat() waited for the report"
    for one in readers:
        one.join()
    assert len(read) == 64
    assert set(map(inblob_of, read)) == {NONCE}
    assert scripted.control.value("calls") == before + 1


def test_a_daemon_killed_during_a_report(tmp_path: Path) -> None:
    with scripted_view(tmp_path) as view:
        entry = view.entry()
        put(entry / "inblob", NONCE)
        view.control.change("delay_ms", 30_000)
        refused: list[int | None] = []

        def read() -> None:
            try:
                (entry / "outblob").read_bytes()
            except OSError as error:
                refused.append(error.errno)

        reader = threading.Thread(target=read)
        reader.start()
        while not view.control.value("busy"):
            assert reader.is_alive()
        view.daemon.kill()
        reader.join(60)
        assert refused[0] in {errno.ENOTCONN, errno.ECONNABORTED}
        with refused_with(errno.ENOTCONN):
            list(view.report.iterdir())
