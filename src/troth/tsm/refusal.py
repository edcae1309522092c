# SPDX-License-Identifier: Apache-2.0
"""What an errno of the TSM's files means: a table, and the block that applies it.

Sources: Documentation/ABI/testing/configfs-tsm-report and -tsm-mr, drivers/virt/coco/guest/ and
the providers in drivers/virt/coco/ (Linux 6.7 to 7.3).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from troth.errors import DriverError

__all__ = ["AT_ENTRY", "AT_OPTION", "told"]

_CODES: Final = {
    errno.EACCES: "tsm.denied",
    errno.EPERM: "tsm.denied",
    errno.EROFS: "tsm.denied",
    errno.ENXIO: "tsm.absent",
    errno.ENODEV: "tsm.absent",
    errno.ENOTCONN: "tsm.absent",  # the process behind a FUSE mount is gone
    errno.ECONNABORTED: "tsm.absent",
    errno.ENOENT: "tsm.entry",
    errno.EBUSY: "tsm.busy",
    errno.EAGAIN: "tsm.busy",
    errno.EINTR: "tsm.interrupted",
    errno.ETIMEDOUT: "tsm.timed-out",
    errno.EFBIG: "tsm.report-size",
    errno.ENOTTY: "tsm.locked-out",
}
_OTHER: Final = "tsm.failed"

AT_ENTRY: Final = {
    errno.ENOENT: "tsm.absent",
    errno.ENOTDIR: "tsm.absent",
    errno.EEXIST: "tsm.entry",
    errno.ENAMETOOLONG: "tsm.entry",
    errno.ENOMEM: "tsm.entry",
    errno.ENOSPC: "tsm.entry",
}
"""Where a directory is made or listed."""
AT_OPTION: Final = {errno.EINVAL: "tsm.argument", errno.ERANGE: "tsm.argument"}
"""Where an option is written: the kernel checks it there and then."""

_NONE: Final[Mapping[int, str]] = {}


@contextmanager
def told(path: Path, codes: Mapping[int, str] = _NONE) -> Iterator[None]:
    """Tell of an OSError of the block by its code.

    Args:
        path: the file or directory concerned; its last part goes into the detail.
        codes: codes that differ from the usual ones here.

    Raises:
        DriverError: `tsm.…` by errno.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        name = errno.errorcode.get(number, str(number))
        code = codes.get(number) or _CODES.get(number, _OTHER)
        raise DriverError(code, f"{path.name}: {name}, {error.strerror}") from None
