# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for a test: one cluster in a temporary directory, reached by a unix socket.

It needs the programs of the server (`make system-deps-services`). Without them `NEEDED` skips
and says so, and fails where TROTH_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
NEEDED = pytest.mark.skipif(
    BIN is None and os.environ.get("TROTH_REQUIRE_SERVICES") != "1", reason="needs postgresql"
)


class Postgres:
    """One cluster in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.is_root = os.geteuid() == 0  # the server does not run as root
        if self.is_root:
            owner = pwd.getpwnam("postgres")
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", f"{directory}/data", "-U", "troth", "-A", "trust", "-N")
        self.start()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://troth@/{name}?host={self.directory}"

    def create(self, name: str) -> str:
        self._run("createdb", "-h", str(self.directory), "-U", "troth", name)
        return self.url(name)

    def start(self) -> None:
        options = f"-k {self.directory} -c listen_addresses= -c fsync=off"
        log = f"{self.directory}/log"
        self._run("pg_ctl", "-D", f"{self.directory}/data", "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", f"{self.directory}/data", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        assert BIN is not None
        subprocess.run(
            [str(BIN / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            user="postgres" if self.is_root else None,
        )


@contextmanager
def cluster() -> Iterator[Postgres]:
    directory = Path(tempfile.mkdtemp(prefix="pg"))  # a unix socket's path must be short
    try:
        found = Postgres(directory)
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(directory)
