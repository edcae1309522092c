# SPDX-License-Identifier: Apache-2.0
"""The system calls of one report, from mkdir to rmdir, with nothing around them.

What the configfs driver is measured against, here and in the virtual machine of the tests; so it
makes the driver's own calls, all of them, and needs the standard library alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["bare"]

REPORTS = "kernel/config/tsm/report"


def bare(sysfs: Path, report_data: bytes) -> Callable[[], bytes]:
    """Return a cycle by system calls alone: nothing is parsed, compared or retried."""
    reports = f"{sysfs}/{REPORTS}"
    turns = iter(range(1 << 62))

    def cycle() -> bytes:
        entry = f"{reports}/bare-{os.getpid()}-{next(turns)}"
        os.mkdir(entry)  # noqa: PTH102 - the bare call is what is measured
        os.chmod(entry, 0o700)  # noqa: PTH101 - likewise
        _read(f"{entry}/generation")
        handle = os.open(f"{entry}/inblob", os.O_WRONLY)
        os.write(handle, report_data)
        os.close(handle)
        quote = _read(f"{entry}/outblob")
        _read(f"{entry}/generation")
        _read(f"{entry}/provider")
        os.rmdir(entry)  # noqa: PTH106 - likewise
        return quote

    return cycle


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        found = b""
        while chunk := os.read(handle, 1 << 16):
            found += chunk
        return found
    finally:
        os.close(handle)
