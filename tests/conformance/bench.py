# SPDX-License-Identifier: Apache-2.0
"""What a row of the conformance script works with: a tree, a provider, and lines of results.

A result is never a time: it is a number, a text, what a blob says of itself, or an errno's name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from tests.conformance.blob import describe
from tests.conformance.control import Control
from tests.conformance.processes import wait_for

__all__ = [
    "DEFAULTS",
    "ROWS",
    "SNP",
    "SVSM",
    "TDX",
    "Bench",
    "lock_whole",
    "opened",
    "read",
    "rest",
    "row",
    "whole",
    "write",
]

TDX: Final = 0
SNP: Final = 1
SVSM: Final = 2
ROWS: Final[list[tuple[str, Callable[[Bench], None]]]] = []

DEFAULTS: Final = {
    "floor": 0,
    "outblob_size": 1000,
    "auxblob_size": 600,
    "manifest_size": 300,
    "delay_ms": 0,
    "error": 0,
    "need64": 0,
}
"""The provider at the start of each row; style 0, registered, no item."""


def row(name: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """File a function as the row `name`; rows run in the order in which they are filed."""

    def file(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        if name in dict(ROWS):
            raise ValueError(name)
        ROWS.append((name, function))
        return function

    return file


class Bench:
    """One tree and its provider, as one row sees them."""

    def __init__(self, root: Path, control: Control, out: TextIO) -> None:
        """Take the root of sysfs, the provider's control, and where lines go."""
        self.config = root / "kernel/config"
        self.tsm = self.config / "tsm"
        self.report = self.tsm / "report"
        self.control = control
        self._out = out
        self._row = ""
        self._seen: set[str] = set()
        self._calls = 0

    def run(self, name: str, function: Callable[[Bench], None]) -> None:
        """Run one row from a clean state and leave a clean state."""
        self._row, self._seen = name, set()
        try:
            self.provider()
            function(self)
        finally:
            self.sweep()

    def provider(self, style: int = TDX, **parameters: int) -> None:
        """Take the provider away, with all items, and bring it back with these parameters."""
        self.sweep()
        if self.control.value("registered"):
            self.control.change("registered", 0)
        self.control.change("style", style)
        for name, value in (DEFAULTS | parameters).items():
            self.control.change(name, value)
        self.control.change("registered", 1)
        self._calls = self.control.value("calls")

    def sweep(self) -> None:
        """Remove every item."""
        for path in sorted(self.report.iterdir()):
            path.rmdir()

    @property
    def calls(self) -> int:
        """How often the provider was called since it was registered."""
        return self.control.value("calls") - self._calls

    def do(self, operation: str, call: Callable[..., object], *arguments: object) -> str:
        """Carry out an operation, print a line with its result, and return the result as text."""
        try:
            result = self._plain(call(*arguments))
        except OSError as error:
            result = errno.errorcode[error.errno or 0]
        self.say(operation, result)
        return str(result)

    def say(self, operation: str, result: object) -> None:
        """Print a line."""
        if operation in self._seen:
            raise ValueError(f"{self._row}: {operation} twice")
        self._seen.add(operation)
        line = {"row": self._row, "operation": operation, "result": self._plain(result)}
        print(json.dumps(line, ensure_ascii=True), file=self._out, flush=True)

    def item(self, name: str = "x") -> Path:
        """Make an item."""
        path = self.report / name
        path.mkdir()
        return path

    def generation(self, item: Path) -> int:
        """Return an item's generation, read through a new descriptor."""
        return int(read(item / "generation"))

    @contextmanager
    def report_under_way(self, item: Path, delay_ms: int = 1000) -> Iterator[None]:
        """Have a report made in `item`, slowly, in another process, while the block runs."""
        self.control.change("delay_ms", delay_ms)
        before = self.calls
        child = os.fork()
        if not child:
            try:
                read(item / "outblob")
            finally:
                os._exit(0)
        try:
            wait_for(lambda: self.calls > before and self.busy)
            yield
        finally:
            os.waitpid(child, 0)
            self.control.change("delay_ms", 0)

    @property
    def busy(self) -> bool:
        """Whether the provider is making a report."""
        return bool(self.control.value("busy"))

    def waits(self, operation: str, call: Callable[..., object], *arguments: object) -> None:
        """Say whether an operation, begun while a report is made, ends only after the report."""
        if not self.busy:
            raise RuntimeError(f"{self._row}: the report was over before {operation}")
        under_way = self.calls
        call(*arguments)
        lasts = self.calls == under_way and self.busy
        self.say(operation, "does not wait" if lasts else "waits")

    def _plain(self, result: object) -> object:
        if isinstance(result, bytes):
            return self._bytes(result)
        return "ok" if result is None else result

    def _bytes(self, data: bytes) -> object:
        told = describe(data, calls_before=self._calls)
        if told is not None:
            return told
        if len(data) <= 64:
            return data.hex() if any(byte not in range(10, 127) for byte in data) else data.decode()
        return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}"


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Have a descriptor of a file for as long as the block runs."""
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: Path, flags: int = os.O_RDONLY, size: int = 65536) -> bytes:
    """Read a file to its end, `size` bytes at a time."""
    with opened(path, flags) as descriptor:
        return rest(descriptor, size)


def rest(descriptor: int, size: int = 65536) -> bytes:
    """Read on to the end."""
    data = b""
    while piece := os.read(descriptor, size):
        data += piece
    return data


def write(path: Path, data: bytes, flags: int = 0) -> int:
    """Write once through a new descriptor and close it; return how many bytes were taken."""
    with opened(path, os.O_WRONLY | flags) as descriptor:
        return os.write(descriptor, data)


def whole(path: Path, *pieces: bytes) -> list[int]:
    """Write pieces one after the other through one descriptor."""
    with opened(path, os.O_WRONLY) as descriptor:
        return [os.write(descriptor, piece) for piece in pieces]


def lock_whole(descriptor: int) -> None:
    """Take and leave both kinds of advisory lock."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    fcntl.lockf(descriptor, fcntl.LOCK_SH)
    fcntl.lockf(descriptor, fcntl.LOCK_UN)
