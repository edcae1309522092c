# SPDX-License-Identifier: Apache-2.0
"""One script of operations on configfs-tsm, for the kernel's own tree and for imitations of it.

Run from the tree's top as `python3 -m tests.conformance.operations ROOT CONTROL`; ROOT stands for
/sys, CONTROL is `sysfs:FOLDER` or `unix:SOCKET` (see control.py). It needs the standard library
alone, root, and the test provider, with nobody else at the tree. One line of JSON is printed for
each operation: the row, the operation, its result. Two trees behave alike where the lines are
equal; nothing in them depends on time, on the machine, or on what ran before.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from tests.conformance.bench import ROWS, Bench
from tests.conformance.control import control_of
from tests.conformance.rows import (
    attributes,
    directories,
    facts,
    inblob,
    options,
    outblob,
    races,
    registration,
    users,
)

__all__ = ["main"]

# Imported for the rows that they file.
_FILED = (
    facts,
    directories,
    users,
    attributes,
    inblob,
    outblob,
    options,
    races,
    registration,
)


def main(arguments: list[str], out: TextIO) -> None:
    """Run the rows on a tree; with further arguments only those rows."""
    root, control, *only = arguments
    bench = Bench(Path(root), control_of(control), out)
    for name, function in ROWS:
        if not only or name in only:
            bench.run(name, function)


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdout)
