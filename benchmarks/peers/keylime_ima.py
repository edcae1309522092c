# SPDX-License-Identifier: Apache-2.0
"""Read an IMA list as keylime's verifier does, without a policy, and print the seconds and the PCR.

    PYTHON keylime_ima.py LIST REPETITIONS

For an interpreter that has keylime, in an environment of its own (`pip install keylime`, and
`python3-gpg` of the distribution). keylime parses each line, computes its template hash, and
extends the register by it.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from pathlib import Path

logging.disable(logging.CRITICAL)


def main(path: str, repetitions: int) -> int:
    """Print a line for each repetition: seconds and the register's last value."""
    ima = importlib.import_module("keylime.ima.ima")
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for _ in range(repetitions):
        started = time.perf_counter()
        value, failure = ima.process_measurement_list(None, lines)
        passed = time.perf_counter() - started
        if failure:
            raise SystemExit("keylime does not accept the list")
        print(f"{passed} {value}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
