# SPDX-License-Identifier: Apache-2.0
"""The end of a child process, also of one that is stopped or does not listen."""

from __future__ import annotations

import os
import select
import signal
from typing import Final

__all__ = ["end"]

_MS: Final = 1000


def end(child: int, patience_s: float) -> int:
    """End a child and return its wait status.

    It is asked by SIGTERM, and woken if it was stopped. After `patience_s` seconds it is killed.
    """
    descriptor = os.pidfd_open(child)
    try:
        os.kill(child, signal.SIGTERM)
        os.kill(child, signal.SIGCONT)
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        if not ended.poll(patience_s * _MS):
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _, status = os.waitpid(child, 0)
    return status
