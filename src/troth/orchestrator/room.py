# SPDX-License-Identifier: Apache-2.0
"""Whether the run directory's file system is large enough for every log that may fill up.

All namespaces share it. Were it smaller than their limits together, one could take the room of
another, whose events would then be refused below its own limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from troth.errors import DriverError
from troth.orchestrator.configuration import Limits
from troth.orchestrator.journal import RECORD_MAX_BYTES, RECORD_OVERHEAD_BYTES

__all__ = ["demand_room"]

_BESIDE_LOG_BYTES: Final = 2 * RECORD_MAX_BYTES  # how it was made; the first step out of its model
_MIB: Final = 1024 * 1024


def demand_room(directory: Path, limits: Iterable[Limits]) -> None:
    """Return if the logs of namespaces fit the file system of a directory, all of them full.

    The size of the file system counts, not what is free now: what others put there is theirs to
    answer for, and must not keep a restarted trothd from its journals.

    Args:
        directory: on the file system.
        limits: of each namespace, the root namespace's included.

    Raises:
        DriverError: `state.room`.
    """
    try:
        found = os.statvfs(directory)
    except OSError as error:
        raise DriverError("state.room", f"{directory}: {error.strerror}") from None
    there = found.f_blocks * found.f_frsize
    wanted = sum(most_bytes(one) for one in limits)
    if found.f_blocks and wanted > there:  # none is said by a file system that has no limit
        raise DriverError(
            "state.room",
            f"{directory}: the namespaces' logs may take {wanted / _MIB:.1f} MiB, and its file"
            f" system has {there / _MIB:.1f}; lower log_bytes and log_entries, or enlarge it",
        )


def most_bytes(limits: Limits) -> int:
    """Return how long the journal of a namespace can become."""
    overhead = limits.log_entries * RECORD_OVERHEAD_BYTES
    return limits.log_bytes + overhead + _BESIDE_LOG_BYTES
