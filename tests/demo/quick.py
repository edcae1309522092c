# SPDX-License-Identifier: Apache-2.0
"""Start troth's commands without their imports: each is forked from one process that has them.

    python quick.py SOCKET                             the process to fork from
    python -S -E quick.py SOCKET MODULE CODE ARGUMENT…   a command; CODE runs before its main

A planted-defect run of the demo starts forty commands, whose imports are most of its time. Servers
live long and are signalled, so they are processes of their own as ever.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NoReturn

MAINS = {
    "troth": "troth.cli",
    "trothd": "troth.orchestrator.program",
    "verifier": "troth.verifier.program",
    "broker": "troth.broker.program",
}
_MAX_BYTES = 1 << 20
_LOST = 70


def _serve(path: str) -> NoReturn:
    """Fork a child for each command, until we are told to end."""
    for name in MAINS.values():
        import_module(name)
    for one in iter_modules(import_module("troth.cli").__path__, "troth.cli."):
        import_module(one.name)
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # nobody waits for children: they say their status
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen(64)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _run(connection)
        connection.close()


def _run(connection: socket.socket) -> NoReturn:
    """Be the command that is asked for, and tell its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, descriptors, _, _ = socket.recv_fds(connection, _MAX_BYTES, 3)
    asked: dict[str, Any] = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = asked["arguments"]
    status: object = _LOST
    try:
        exec(asked["code"], {})  # noqa: S102 - a test's own text
        import_module(asked["module"]).main()
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        code = status if isinstance(status, int) else 1
        connection.send(bytes([code]))
        os._exit(code)


def _ask(path: str, module: str, code: str, *arguments: str) -> int:
    """Have a command run with our descriptors, and return its status."""
    if arguments[0] in {"serve", "root"} or "--mount" in arguments:
        text = f"{code}\nfrom {module} import main\nmain()"
        os.execv(sys.executable, [sys.executable, "-c", text, *arguments])  # noqa: S606 - no shell is wanted
    asked = {
        "module": module,
        "code": code,
        "arguments": [module, *arguments],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        return (connection.recv(1) or bytes([_LOST]))[0]


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _serve(sys.argv[1])
    sys.exit(_ask(*sys.argv[1:]))
