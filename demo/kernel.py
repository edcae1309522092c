# SPDX-License-Identifier: Apache-2.0
"""What stands for the kernel of the TVM: trothd's own software TEE, or the kernel's files by FUSE.

emulated   trothd has the software TEE in its process, and faults are injected
fuse       trothd has the configfs driver, as on hardware; a view shows it configfs-tsm and, of a
           software TDX, the registers, and the foreign writers are processes that use them
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, Protocol

from demo.kinds import Kind
from demo.programs import Command, Programs
from demo.steps import StepFailedError, expect, say
from troth.evidence.binding import RootRegister

__all__ = ["KERNELS", "Emulated", "Fuse", "Kernel"]

ROOT_INDEX: Final = 3  # of the root register, wherever there is one
_LATENCY_MS: Final = 100  # of a report
_FOREIGN: Final = Path(__file__).with_name("foreign.py")
_FOREIGN_S: Final = 30.0


class Kernel(Protocol):
    """How the demo speaks to the TVM's TSM beside trothd."""

    @property
    def section(self) -> str:
        """The section [tsm] of trothd's configuration."""
        ...

    @property
    def root(self) -> RootRegister:
        """The register that holds the root statement; "none" where trothd cannot extend one."""
        ...

    def start(self) -> None:
        """Start what trothd needs."""
        ...

    def disturb(self) -> AbstractContextManager[None]:
        """Have another writer put its data into the first report of the block."""
        ...

    def extend(self, digest: bytes) -> None:
        """Extend the root register behind trothd's back."""
        ...


class Emulated:
    """The software TEE in trothd's process."""

    def __init__(self, programs: Programs, kind: Kind, tvm: Path) -> None:
        """Take the directory of a software TEE."""
        self._programs = programs
        self._kind = kind
        self._tvm = tvm

    @property
    def section(self) -> str:
        """A report takes 100 ms, and into the first one another writer puts its data."""
        return (
            f'driver = "emulated"\ndirectory = "{self._tvm}"\nlatency_ms = {_LATENCY_MS}\n'
            'inject = [{fault = "report-data", report = 1}]\n'
        )

    @property
    def root(self) -> RootRegister:
        """The software TEE's own."""
        return self._kind.root

    def start(self) -> None:
        """Nothing has to run."""

    def disturb(self) -> AbstractContextManager[None]:
        """The fault is injected."""
        return nullcontext()

    def extend(self, digest: bytes) -> None:
        """Extend it as its own command does."""
        named = ("--index", str(ROOT_INDEX), "--digest", digest.hex())
        asked = ("emulate", self._kind.tee, "extend", self._tvm, *named)
        self._programs.run(Command("troth", asked))


class Fuse:
    """The files of a kernel, of which trothd knows nothing but where they are."""

    def __init__(self, programs: Programs, kind: Kind, tvm: Path) -> None:
        """Take the directory of a software TEE; the files lie beside it."""
        self._programs = programs
        self._kind = kind
        self._tvm = tvm
        self._sysfs = tvm.with_name("sys")

    @property
    def section(self) -> str:
        """The configfs driver, as on hardware."""
        return f'driver = "configfs"\nsysfs = "{self._sysfs}"\n'

    @property
    def root(self) -> RootRegister:
        """That of the TEE if a kernel has a file by which a guest extends it."""
        return "none" if self._kind.register_file is None else self._kind.root

    def start(self) -> None:
        """Mount the view."""
        self._sysfs.mkdir()
        shown = ("--tee", self._tvm, "--mount", self._sysfs, "--latency-ms", str(_LATENCY_MS))
        self._programs.serve(Command("troth", ("emulate", self._kind.tee, *shown)))

    @contextmanager
    def disturb(self) -> Iterator[None]:
        """Write into the next report entry that anybody makes, as root can."""
        reports = self._sysfs / "kernel/config/tsm/report"
        line = [sys.executable, str(_FOREIGN), str(reports)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as foreign:
            try:
                ready = foreign.stdout and foreign.stdout.readline()
                expect("the foreign writer", ready, due="READY\n")
                yield
                told, _ = foreign.communicate(timeout=_FOREIGN_S)
                say(f"foreign writer: {told.strip()}")
            except subprocess.TimeoutExpired as error:
                told = (error.stdout or b"").decode()
                raise StepFailedError(f"the foreign writer does not end: {told!r}") from None
            finally:
                foreign.kill()

    def extend(self, digest: bytes) -> None:
        """Write to the register's file."""
        if self._kind.register_file is None:
            raise StepFailedError(f"no kernel shows a register of {self._kind.name}")
        path = self._sysfs / self._kind.register_file
        say(f"write {digest.hex()[:8]}… to {path.relative_to(self._sysfs.parent)}")
        path.write_bytes(digest)


KERNELS: Final[dict[str, Callable[[Programs, Kind, Path], Kernel]]] = {
    "emulated": Emulated,
    "fuse": Fuse,
}
"""What `--driver` names."""
