# SPDX-License-Identifier: Apache-2.0
"""How the test provider's parameters are set: the kernel module's files, or a view's socket."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Protocol

__all__ = ["Control", "Parameters", "SocketControl", "control_of"]


class Control(Protocol):
    """The provider's parameters.

    Set: `style` (0 tdx, 1 snp, 2 svsm), `floor`, `outblob_size`, `auxblob_size`, `manifest_size`,
    `delay_ms`, `error` (a positive errno, or 0), `need64`, `registered`. Read: these, `calls`
    (counted as a call begins) and `busy` (1 while a call lasts). None of them waits for a report
    but `registered`.
    """

    def change(self, name: str, value: int) -> None:
        """Set a parameter; raises OSError with the provider's errno."""
        ...

    def value(self, name: str) -> int:
        """Return a parameter."""
        ...


class Parameters:
    """The parameters of the kernel module."""

    def __init__(self, directory: Path) -> None:
        """Take the folder of parameters in sysfs."""
        self._directory = directory

    def change(self, name: str, value: int) -> None:
        """Write the parameter's file."""
        descriptor = os.open(self._directory / name, os.O_WRONLY)
        try:
            os.write(descriptor, b"%d\n" % value)
        finally:
            os.close(descriptor)

    def value(self, name: str) -> int:
        """Read the parameter's file."""
        return int((self._directory / name).read_text(encoding="ascii"))


class SocketControl:
    """The parameters behind a unix stream socket: one line asks, one line answers."""

    def __init__(self, path: Path) -> None:
        """Take the socket's path; each question gets its own connection."""
        self._path = path

    def change(self, name: str, value: int) -> None:
        """Ask `set NAME VALUE`; the answer is `0` or the name of an errno."""
        answer = self._ask(f"set {name} {value}")
        if answer != "0":
            number = getattr(errno, answer)
            raise OSError(number, os.strerror(number), name)

    def value(self, name: str) -> int:
        """Ask `get NAME`; the answer is the value."""
        return int(self._ask(f"get {name}"))

    def _ask(self, line: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(60)
            connection.connect(str(self._path))
            connection.sendall(f"{line}\n".encode())
            with connection.makefile(encoding="ascii") as answers:
                return answers.readline().rstrip("\n")


def control_of(text: str) -> Control:
    """Return the control that `sysfs:FOLDER` or `unix:SOCKET` names."""
    kind, _, path = text.partition(":")
    if kind == "sysfs":
        return Parameters(Path(path))
    if kind == "unix":
        return SocketControl(Path(path))
    raise ValueError(text)
