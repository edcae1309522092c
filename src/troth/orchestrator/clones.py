# SPDX-License-Identifier: Apache-2.0
"""Where this TVM might exist twice: hibernation, and the VM generation id (BINDING 4.11).

A hibernated guest can be resumed twice, so trothd does not run where the kernel could hibernate. A
hypervisor that copies a guest, or sets it back, can say so by a new generation id; the kernel then
seeds its generator anew and sends a uevent. That helps against accidents, not against the host.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from troth.errors import DriverError

__all__ = ["SYSFS", "GenerationWatch", "Uevents", "demand_no_hibernation"]

SYSFS: Final = Path("/sys")

_TO_DISK: Final = "disk"  # a word of power/state where the kernel could hibernate now

_NETLINK_KOBJECT_UEVENT: Final = 15  # uapi/linux/netlink.h; Python has no name for it
_FROM_KERNEL: Final = 1  # lib/kobject_uevent.c: the group to which the kernel speaks
_KERNEL_PORT: Final = 0  # netlink(7): no process can have it
_MESSAGE_MAX_BYTES: Final = 8192  # the kernel's own buffer has 2048
_QUEUE_BYTES: Final = 1024 * 1024
_NEW_GENERATION: Final = b"NEW_VMGENID=1"  # drivers/virt/vmgenid.c, since Linux 6.10


def demand_no_hibernation(sysfs: Path = SYSFS) -> None:
    """Return if the kernel cannot hibernate: not built for it, or it is locked down.

    Args:
        sysfs: where sysfs is mounted.

    Raises:
        DriverError: `clone.hibernation`, it can, or nobody can tell.
    """
    try:
        words = (sysfs / "power" / "state").read_text(encoding="ascii").split()
    except FileNotFoundError:
        if (sysfs / "kernel").is_dir():
            return  # a kernel without power management
        raise DriverError("clone.hibernation", f"{sysfs} is not mounted") from None
    except (OSError, ValueError) as error:
        raise DriverError("clone.hibernation", f"{sysfs}/power/state: {error}") from None
    if _TO_DISK in words:
        raise DriverError("clone.hibernation", "start the kernel with nohibernate")


class Uevents:
    """What the kernel says of its devices."""

    def __init__(self, source: socket.socket) -> None:
        """Take a netlink socket that does not block."""
        self._source = source

    @classmethod
    def open(cls) -> Uevents:
        """Listen from here on.

        Raises:
            DriverError: `clone.unwatched`, the kernel does not let us.
        """
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            source = socket.socket(socket.AF_NETLINK, kind, _NETLINK_KOBJECT_UEVENT)
            source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
            source.bind((0, _FROM_KERNEL))
        except OSError as error:
            raise DriverError("clone.unwatched", str(error.strerror)) from None
        return cls(source)

    def fileno(self) -> int:
        """Return the descriptor, readable when there is something to hear."""
        return self._source.fileno()

    def tell_new_generation(self) -> bool:
        """Hear all that waits; say whether the generation id changed, or may have.

        What a process sends us, as root can, is heard by nobody. Where messages were lost, one may
        have been this one.
        """
        found = False
        while True:
            try:
                message, (port, _) = self._source.recvfrom(_MESSAGE_MAX_BYTES)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                found = True
                continue
            found |= port == _KERNEL_PORT and _NEW_GENERATION in message.split(b"\0")

    def close(self) -> None:
        """Listen no more."""
        self._source.close()


class GenerationWatch:
    """Calls back when the generation id changed; needs a running loop."""

    def __init__(self, uevents: Uevents, changed: Callable[[], None]) -> None:
        """Watch from here on, what came before included."""
        self._uevents = uevents
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(uevents.fileno(), self._hear)

    def close(self) -> None:
        """Watch no more."""
        self._loop.remove_reader(self._uevents.fileno())
        self._uevents.close()

    def _hear(self) -> None:
        if self._uevents.tell_new_generation():
            self._changed()
