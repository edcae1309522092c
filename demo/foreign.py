# SPDX-License-Identifier: Apache-2.0
"""A writer that does not care whose report entry it writes to: `foreign.py REPORTS`.

It waits for an entry in the directory and writes report data of its own into it until the entry is
gone. No permission stops root from that, so the owner of the entry has to notice.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_DATA = b"\xee" * 64
_POLL_S = 0.001  # an entry lives for 100 times as long


def main() -> int:
    """Disturb the next entry; return 0 once it is gone."""
    reports = Path(sys.argv[1])
    list(reports.iterdir())
    print("READY", flush=True)
    entry = next_entry(reports)
    print(f"writes into {entry.name[:20]}…", end="", flush=True)
    writes = 0
    while True:
        try:
            (entry / "inblob").write_bytes(_DATA)
        except FileNotFoundError:
            print(f", {writes} times")
            return 0
        writes += 1


def next_entry(reports: Path) -> Path:
    """Wait for an entry."""
    while True:
        for entry in reports.iterdir():
            return entry
        time.sleep(_POLL_S)


if __name__ == "__main__":
    sys.exit(main())
