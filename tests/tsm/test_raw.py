# SPDX-License-Identifier: Apache-2.0
"""The file operations on real files, and that an interruption is not swallowed."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.refusals import refused
from troth.tsm.raw import BLOB_MAX_BYTES, SystemFiles, blob, number, text
from troth.tsm.refusal import told

FILES = SystemFiles()


def test_directories_are_made_shut_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    FILES.make(path)
    path.chmod(0o755)
    FILES.restrict(path)
    assert path.stat().st_mode & 0o777 == 0o700
    assert FILES.names(tmp_path) == {"x"}
    FILES.remove(path)
    assert FILES.names(tmp_path) == frozenset()
    with pytest.raises(FileNotFoundError):
        FILES.remove(path)


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
def test_what_is_written_is_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    data = os.urandom(size)
    assert FILES.write(path, data) == size
    assert FILES.read(path, size + 1) == data
    assert FILES.read(path, size // 2) == data[: size // 2]


def test_a_write_makes_no_file_and_cuts_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FILES.write(tmp_path / "none", b"x")
    assert FILES.names(tmp_path) == frozenset()
    (tmp_path / "x").write_bytes(b"longer")
    FILES.write(tmp_path / "x", b"L")
    assert (tmp_path / "x").read_bytes() == b"Longer"


def test_a_link_in_an_attributes_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to("x")
    for act in (
        lambda: FILES.read(tmp_path / "link", 9),
        lambda: FILES.write(tmp_path / "link", b"y"),
    ):
        with pytest.raises(OSError, match="symbolic") as caught:
            act()
        assert caught.value.errno == errno.ELOOP


def test_errors_are_the_systems(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        FILES.read(tmp_path, 1)
    with pytest.raises(OSError, match="space") as caught:
        FILES.write(Path("/dev/full"), b"x")
    assert caught.value.errno == errno.ENOSPC


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        with pytest.raises(OSError, match="space"):
            FILES.write(Path("/dev/full"), b"x")
        with pytest.raises(FileNotFoundError):
            FILES.read(tmp_path / "none", 1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_signal_ends_a_read_with_eintr(tmp_path: Path) -> None:
    # os.read would begin again here, and again for as long as nobody writes (PEP 475).
    path = tmp_path / "pipe"
    os.mkfifo(path)
    keep_open = os.open(path, os.O_RDWR)
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    stop = threading.Event()
    me = threading.get_ident()

    def disturb() -> None:
        while not stop.wait(0.02):
            signal.pthread_kill(me, signal.SIGUSR1)

    other = threading.Thread(target=disturb)
    other.start()
    try:
        with refused("tsm.interrupted", "EINTR"), told(path):
            FILES.read(path, 1)
        assert heard
    finally:
        stop.set()
        other.join()
        signal.signal(signal.SIGUSR1, before)
        os.close(keep_open)


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    with FILES.lock(path), pytest.raises(BlockingIOError), FILES.lock(path):
        pass
    with FILES.lock(path):
        pass


@pytest.mark.parametrize("content", [b"a word\n", b"a word", b"\n", b""])
def test_a_line_of_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert text(FILES, tmp_path / "x") == content.decode().rstrip("\n")


@pytest.mark.parametrize("content", [b"a\n\n", b"a\tb\n", b"\x00\n", b"\xff\n", b"x" * 4097])
def test_what_is_no_line_of_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with refused("tsm.attribute"):
        text(FILES, tmp_path / "x")


def test_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content, value in ((b"0\n", 0), (b"18446744073709551615\n", 2**64 - 1)):
        path.write_bytes(content)
        assert number(FILES, path) == value
    for content in (b"", b"-1\n", b"+1\n", b"0x1\n", b" 1\n", b"1_0\n", b"9" * 21):
        path.write_bytes(content)
        with refused("tsm.attribute"):
            number(FILES, path)


def test_a_blob_of_the_largest_size_and_one_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(BLOB_MAX_BYTES))
    assert len(blob(FILES, path)) == BLOB_MAX_BYTES
    path.write_bytes(bytes(BLOB_MAX_BYTES + 1))
    with refused("tsm.report-size"):
        blob(FILES, path)


@pytest.mark.parametrize(
    ("number", "codes", "code"),
    [
        (errno.EACCES, {}, "tsm.denied"),
        (errno.ETIMEDOUT, {}, "tsm.timed-out"),
        (errno.EXDEV, {}, "tsm.failed"),
        (None, {}, "tsm.failed"),
        (errno.EINVAL, {errno.EINVAL: "tsm.argument"}, "tsm.argument"),
    ],
)
def test_an_errno_is_told_by_the_table(number: int | None, codes: Any, code: str) -> None:
    with refused(code, "x: "), told(Path("/a/x"), codes):
        raise OSError(number, "why")
