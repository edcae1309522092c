# SPDX-License-Identifier: Apache-2.0
"""A view with the scripted provider, as a process of its own.

`python -m tests.view.daemon MOUNT SOCKET KERNEL` prints a line when it can be used, and serves
until SIGTERM.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from pathlib import Path

from tests.view.scripted import Parameters, Switchboard
from troth.crypto.digest import sha384
from troth.tsm.emulated.view import KERNELS, serve
from troth.tsm.emulated.view.registers import REGISTERS, Registers
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm


class Bank:
    """Registers in memory, zero at the start."""

    def __init__(self) -> None:
        """Start with zeros."""
        self._values = {one.name: bytes(48) for one in REGISTERS}

    def read(self, name: str) -> bytes:
        """Return a register."""
        return self._values[name]

    def extend(self, rtmr: int, digest: bytes) -> None:
        """Extend a register."""
        name = f"rtmr{rtmr}:sha384"
        self._values[name] = sha384(self._values[name] + digest)


def main(mount: str, control: str, kernel: str) -> None:
    """Serve."""
    tsm = Tsm(KERNELS[kernel])
    board = Switchboard(tsm, Parameters())
    board.change("registered", 1)
    registers = Registers(Bank()) if KERNELS[kernel].has_registers else None
    tree = Tree(tsm, registers=registers, firmware={})

    class Lines(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(f"{board.answer(line.decode())}\n".encode())

    server = socketserver.ThreadingUnixStreamServer(control, Lines)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    serve(tree, Path(mount), ready=lambda: print("ready", flush=True), everybody=True)  # noqa: T201 - its parent waits for this line


if __name__ == "__main__":
    main(*sys.argv[1:])
