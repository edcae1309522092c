# SPDX-License-Identifier: Apache-2.0
"""A FUSE view whose one quote is ready, so that what is measured is files and not a TEE.

python -m benchmarks.ready_view MOUNT_POINT      prints READY, serves until SIGTERM
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.view import KERNELS, serve
from troth.tsm.emulated.view.attributes import TDX as ATTRIBUTES
from troth.tsm.emulated.view.provider import Blobs, Request
from troth.tsm.emulated.view.tree import Tree
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["REPORT_DATA", "ready_view"]

REPORT_DATA = bytes(range(64))
_STOP_S = 30.0


class Ready:
    """A TDX that has made its quote before."""

    name = "tdx_guest"
    attributes = ATTRIBUTES
    floor = 0

    def __init__(self) -> None:
        """Make the quote."""
        self._quote = SoftwareTdx.create(at=datetime.now(UTC)).quote(REPORT_DATA)

    def report(self, request: Request) -> Blobs:
        """Return the quote, whatever is asked."""
        del request
        return Blobs(outblob=self._quote)


@contextmanager
def ready_view() -> Iterator[Path]:
    """Mount such a view by a process of its own; yield the root of its sysfs."""
    with tempfile.TemporaryDirectory(prefix="tb") as base:
        point = Path(base) / "mount"
        point.mkdir()
        command = [sys.executable, "-m", "benchmarks.ready_view", str(point)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                if process.stdout is None or process.stdout.readline() != "READY\n":
                    raise RuntimeError("the view cannot be mounted; it takes root and /dev/fuse")
                yield point
            finally:
                process.terminate()
                process.wait(_STOP_S)
                if os.path.ismount(point):
                    subprocess.run(["umount", "-l", str(point)], check=True)


def main(mount_point: str) -> None:
    """Serve."""
    tree = Tree(Tsm(KERNELS["7.3"], Ready()), registers=None, firmware={})
    serve(tree, Path(mount_point), ready=lambda: print("READY", flush=True), everybody=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
