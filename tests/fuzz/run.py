# SPDX-License-Identifier: Apache-2.0
"""One target for atheris: `python -m tests.fuzz.run DOOR [libFuzzer's options] [CORPUS]`.

The door's code is instrumented as it is imported, so nothing of troth may be imported before.
"""

from __future__ import annotations

import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path

__all__ = ["main"]


def main(name: str, options: list[str]) -> None:
    """Fuzz one door until libFuzzer is done; a crash or a hang ends the process with its status.

    Args:
        name: of the door.
        options: libFuzzer's; the last may be a folder, which gets the seeds and what is found, or
            an input to look at again.
    """
    atheris = import_module("atheris")  # in the environment of `make fuzz` alone
    with atheris.instrument_imports(include=["troth"], exclude=["troth.tsm"]):
        door = import_module("tests.fuzz.doors").door_named(name)
    # The library warns of names and serial numbers that it reads all the same.
    warnings.simplefilter("ignore")
    logging.disable()
    if options and (corpus := Path(options[-1])).is_dir():
        for number, seed in enumerate(door.seeds()):
            (corpus / f"seed-{number:03}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options], door.enter)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
