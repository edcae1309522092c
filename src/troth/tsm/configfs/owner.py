# SPDX-License-Identifier: Apache-2.0
"""Whose a report entry is, by its name: entries outlive the process that leaked them.

    troth-PID-START-PIDNS-TIMENS-RANDOM

START is the process's start time in clock ticks since boot, so that another process with the same
id is told apart. Ids and times mean something in one pid namespace and one time namespace, so the
name says which, by the inodes of /proc/self/ns. What belongs to others is never called dead.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from troth.errors import DriverError

__all__ = ["Owner"]

_RANDOM_BYTES: Final = 16
_NAME: Final = re.compile(
    r"troth-(?P<pid>[1-9][0-9]{0,9})-(?P<start>[0-9]{1,20})"
    r"-(?P<pids>[0-9]{1,20})-(?P<times>[0-9]{1,20})-[0-9a-f]{32}"
)
_PROC: Final = Path("/proc")
_START_FIELD: Final = 22 - 3  # proc(5), stat: starttime is field 22; the third follows the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, so that it is not mistaken for a later one.

    Attributes:
        pid: in its namespace.
        start: its start time, in clock ticks since boot.
        pids: the inode of its pid namespace.
        times: the inode of its time namespace.
    """

    pid: int
    start: int
    pids: int
    times: int

    @classmethod
    def here(cls) -> Owner:
        """Return this process.

        Raises:
            DriverError: `tsm.entry`, /proc is not there, or is that of another pid namespace.
        """
        pid = os.getpid()
        try:
            if (_PROC / "self").readlink() != Path(str(pid)):
                raise DriverError("tsm.entry", "/proc is that of another pid namespace")
            names = _PROC / "self/ns"
            return cls(
                pid=pid,
                start=_start(pid),
                pids=(names / "pid").stat().st_ino,
                times=(names / "time").stat().st_ino,
            )
        except (OSError, ValueError, IndexError) as error:
            raise DriverError("tsm.entry", f"/proc cannot be read: {error}") from None

    @classmethod
    def of(cls, name: str) -> Owner | None:
        """Return whose an entry is by its name; None if it is not named as ours are."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        return cls(**{field: int(value) for field, value in found.groupdict().items()})

    def new_name(self) -> str:
        """Return a name for an entry that nobody has used."""
        random = secrets.token_hex(_RANDOM_BYTES)
        return f"troth-{self.pid}-{self.start}-{self.pids}-{self.times}-{random}"

    def is_dead(self, here: Owner) -> bool:
        """Say whether this process has ended, for certain.

        Args:
            here: this process. In another namespace than its own nothing can be said.
        """
        if (self.pids, self.times) != (here.pids, here.times):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False  # somebody is there; /proc may hide when it began
        try:
            return _start(self.pid) != self.start
        except (OSError, ValueError, IndexError):
            return False


def _start(pid: int) -> int:
    """Return when a process began; its name may hold spaces and brackets, so look behind it."""
    stat = (_PROC / str(pid) / "stat").read_bytes()
    return int(stat.rpartition(b")")[2].split()[_START_FIELD])
