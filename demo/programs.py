# SPDX-License-Identifier: Apache-2.0
"""Commands that are run, servers that are started and always stopped, and HTTP to their sockets."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from demo.steps import StepFailedError, say

__all__ = ["Answer", "Command", "Programs", "call"]

_SHOWN = 40  # characters of an argument; longer ones are cut in the middle
_STOP_S = 5.0
_CALL_S = 30.0


@dataclass(frozen=True)
class Command:
    """One command line: its program by name, arguments, and what is special about it."""

    program: str
    arguments: Sequence[str | Path]
    due: int = 0
    stdin: bytes = b""
    environment: Mapping[str, str] | None = None
    who: str = ""  # whose command line it is, as it is shown
    ready: str = "READY\n"  # how the line begins by which a server says that it serves


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, which is a JSON object."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Programs:
    """The programs by name, and what runs of them; leaving the block stops all that runs."""

    def __init__(self, commands: Mapping[str, list[str]], directory: Path) -> None:
        """Start nothing yet.

        Args:
            commands: what to start for `troth`, `trothd`, `troth-verifier`, `troth-broker`.
            directory: where logs go; its name is left out of what is printed.
        """
        self._commands = commands
        self._directory = directory
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all servers, the last one first, gently and then not."""
        for process in reversed(self._running):
            _signal(process, signal.SIGTERM)
        for process in reversed(self._running):
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                say(f"process {process.pid} did not end; it is killed")
            _signal(process, signal.SIGKILL)  # the whole session: also what it left behind
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def spelled(self, program: str, *arguments: str | Path) -> list[str]:
        """Return a command line as it is started."""
        return [*self._commands[program], *(str(one) for one in arguments)]

    def run(self, command: Command) -> bytes:
        """Run a command; see `run_all`."""
        return self.run_all(command)[0]

    def attempt(self, command: Command) -> tuple[int, bytes, str]:
        """Run a command whose outcome is not known yet; return its status, output and errors."""
        process = self._start(command)
        with process:
            out, err = process.communicate(command.stdin)
        return process.returncode, out, err.decode(errors="replace")

    def run_all(self, *commands: Command) -> list[bytes]:
        """Run commands beside each other and return what each wrote to standard output.

        Raises:
            StepFailedError: one ends with another status than is due.
        """
        started = []
        for one in commands:
            self._show(one)
            started.append(self._start(one))
        try:
            told = [
                process.communicate(one.stdin)
                for process, one in zip(started, commands, strict=True)
            ]
        finally:
            for process in started:
                process.kill()
                process.wait()
        for process, one, (out, err) in zip(started, commands, told, strict=True):
            if process.returncode != one.due:
                why = (err + out).decode(errors="replace").strip()
                said = f"{one.program} {one.arguments[0]}: exit status {process.returncode}"
                raise StepFailedError(f"{said}, {one.due} is due: {why}")
        return [out for out, _ in told]

    def serve(self, *commands: Command) -> None:
        """Start servers and wait until each says that it serves.

        Raises:
            StepFailedError: one ends before.
        """
        for one in commands:
            self._show(one, " &")
            with self._log(one).open("wb") as log:
                self._running.append(self._serve(one, log))
        for one, process in zip(commands, self._running[-len(commands) :], strict=True):
            line = process.stdout.readline() if process.stdout else b""
            if not line.startswith(one.ready.encode()):
                told = self._log(one).read_text(errors="replace")[-2000:]
                raise StepFailedError(f"{one.program} is not ready: {told}")

    def _start(self, one: Command) -> subprocess.Popen[bytes]:
        """Start a command that will end by itself.

        Raises:
            StepFailedError: it cannot be started.
        """
        try:
            return subprocess.Popen(
                self.spelled(one.program, *one.arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | (one.environment or {}),
            )
        except OSError as error:
            raise StepFailedError(f"{one.program} cannot be started: {error}") from None

    def _serve(self, one: Command, log: BinaryIO) -> subprocess.Popen[bytes]:
        """Start a server, in a session of its own: Ctrl-C is for the demo, which then stops it.

        Raises:
            StepFailedError: it cannot be started.
        """
        try:
            return subprocess.Popen(
                self.spelled(one.program, *one.arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailedError(f"{one.program} cannot be started: {error}") from None

    def _show(self, one: Command, behind: str = "") -> None:
        line = " ".join([one.program, *(self._short(argument) for argument in one.arguments)])
        say(f"{one.who}$ {line}{behind}")

    def _short(self, argument: str | Path) -> str:
        """Return an argument as it is shown: without our directory, and not too long."""
        text = str(argument).replace(f"{self._directory}/", "")
        half = _SHOWN // 2 - 1
        return shlex.quote(text) if len(text) <= _SHOWN else f"{text[:half]}…{text[-half:]}"

    def _log(self, one: Command) -> Path:
        return self._directory / f"{one.program}.log"


def call(
    where: Path, method: str, target: str, body: bytes | None = None, media_type: str = ""
) -> Answer:
    """Ask a server over its unix socket.

    Raises:
        StepFailedError: it does not answer.
    """
    connection = _UnixConnection(where)
    try:
        connection.request(method, target, body, {"content-type": media_type} if body else {})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise StepFailedError(f"{method} {target}: {error!r}") from None
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, where: Path) -> None:
        super().__init__("localhost", timeout=_CALL_S)
        self._where = where

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_CALL_S)
        self.sock.connect(str(self._where))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a server and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
