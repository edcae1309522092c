# SPDX-License-Identifier: Apache-2.0
"""A character device that is spoken to by ioctl alone.

    device = CharacterDevice(Path("/dev/tdx_guest"))
    device.ioctl(request, argument)     # argument is changed in place

It is a Protocol, so that a software TEE can stand in the kernel's place, byte for byte: where an
argument holds addresses, they are real ones of this process.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from troth.tsm.refusal import AT_ENTRY, told

__all__ = ["CharacterDevice", "Device"]


class Device(Protocol):
    """What the drivers need of a device."""

    def ioctl(self, request: int, argument: bytearray) -> None:
        """Do one request; the answer is put into `argument`.

        Raises:
            OSError: the kernel's errno.
        """
        ...

    def close(self) -> None:
        """Let go of the device."""
        ...


class CharacterDevice:
    """A device of the kernel."""

    def __init__(self, path: Path) -> None:
        """Open a device.

        Raises:
            DriverError: as `told`.
        """
        with told(path, AT_ENTRY):
            self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def ioctl(self, request: int, argument: bytearray) -> None:
        """Do one request; see `Device.ioctl`. It cannot be interrupted and has no time limit."""
        fcntl.ioctl(self._handle, request, argument, True)  # noqa: FBT003 - the module's own flag

    def close(self) -> None:
        """Close the device; a second time does nothing."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
