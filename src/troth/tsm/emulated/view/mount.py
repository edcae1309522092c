# SPDX-License-Identifier: Apache-2.0
"""Where a view may be mounted: an empty directory, and never over one whose daemon died."""

from __future__ import annotations

import errno
from pathlib import Path

from troth.errors import DriverError, UsageError

__all__ = ["demand_mount_point"]


def demand_mount_point(directory: Path) -> None:
    """Hold a directory to what a mount point must be.

    Raises:
        UsageError: `usage.file`, it is no directory, cannot be read, or holds something.
        DriverError: `tsm.view-stale`, a view is mounted there whose daemon died.
    """
    try:
        holds_something = any(directory.iterdir())
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise DriverError(
                "tsm.view-stale", f"{directory}; unmount it with: umount -l {directory}"
            ) from None
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    if holds_something:
        raise UsageError("usage.file", f"{directory}: not empty, and would be hidden")
