# SPDX-License-Identifier: Apache-2.0
"""How much of a door a corpus reaches: `python -m tests.fuzz.replay DOOR CORPUS`.

Prints the share of the lines and branches of the door's modules that its inputs take, imports
included, as one number. Keys are new in each process, so that what was signed for another one is
refused early; the door's own seeds stand in for it.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path

__all__ = ["reached"]


def reached(name: str, corpus: Path) -> float:
    """Return the share in percent; nothing of troth may be imported before.

    Args:
        name: of the door.
        corpus: a folder of inputs.
    """
    coverage = import_module("coverage")
    watch = coverage.Coverage(branch=True, data_file=None, config_file=False, include=["*/troth/*"])
    warnings.simplefilter("ignore")
    logging.disable()
    watch.start()
    door = import_module("tests.fuzz.doors").door_named(name)
    for data in (*door.seeds(), *(path.read_bytes() for path in sorted(corpus.iterdir()))):
        door.enter(data)
    watch.stop()
    files = [
        f"*/{one.replace('.', '/')}{'' if one.endswith('*') else '.py'}" for one in door.modules
    ]
    return float(watch.report(include=files, file=io.StringIO()))


if __name__ == "__main__":
    sys.stdout.write(f"{reached(sys.argv[1], Path(sys.argv[2])):.1f}\n")
