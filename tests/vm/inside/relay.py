# SPDX-License-Identifier: Apache-2.0
"""A software TDX behind the kernel's own configfs-tsm: makes the quotes that the kernel asks for.

Run as `python3 -m tests.vm.inside.relay TEE [hasty]`. The test module gives the 64 bytes of a
request to whoever reads its device, and takes what is written for the report. `hasty` makes one
quote and puts the report data of each request into it: its signature does not hold, but it takes no
time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from troth.tsm.emulated.driver import EmulatedDriver

__all__ = ["main"]

DEVICE: Final = "/dev/troth_tsm_relay"
REQUEST_BYTES: Final = 64
REPORT_DATA: Final = 568  # where it lies in a quote of version 4


def main(tee: str, hasty: str = "") -> None:
    """Answer requests until killed."""
    driver = EmulatedDriver(Path(tee))
    model = driver.report(bytes(REQUEST_BYTES)).outblob if hasty else b""
    descriptor = os.open(DEVICE, os.O_RDWR)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        request = os.read(descriptor, REQUEST_BYTES)
        if model:
            os.write(descriptor, model[:REPORT_DATA] + request + model[REPORT_DATA + 64 :])
        else:
            os.write(descriptor, driver.report(request).outblob)


if __name__ == "__main__":
    main(*sys.argv[1:])
