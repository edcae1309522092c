# SPDX-License-Identifier: Apache-2.0
"""Read an IMA list as keylime's verifier does, without a policy, and print the seconds it takes.

    PYTHON keylime_ima.py LIST BANK PCR REPETITIONS

For an interpreter that has keylime, in an environment of its own (`pip install keylime`, and
`python3-gpg` of the distribution). keylime cuts the text into lines, parses each, computes its
template hash anew and compares, extends the register by the digest in the register's bank, and
compares the register with PCR, its value in hex, until it matches.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from pathlib import Path

logging.disable(logging.CRITICAL)


def main(path: str, bank: str, pcr: str, repetitions: int) -> int:
    """Print the processor's seconds of each repetition, a line for each."""
    ima = importlib.import_module("keylime.ima.ima")
    hashes = importlib.import_module("keylime.common.algorithms").Hash
    data = Path(path).read_bytes()
    for _ in range(repetitions):
        started = time.process_time()
        lines = data.decode("utf-8").split("\n")
        _, failure = ima.process_measurement_list(None, lines, pcrval=pcr, hash_alg=hashes(bank))
        passed = time.process_time() - started
        if failure:
            raise SystemExit("keylime does not accept the list")
        print(passed, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
