# SPDX-License-Identifier: Apache-2.0
"""The runtime registers of TDX through the kernel's tsm-mr (Linux 6.16 and newer).

    class/misc/tdx_guest/measurements/rtmr0:sha384 … rtmr3:sha384     48 raw bytes each

A write of 48 bytes at offset 0 extends: the register becomes SHA-384(register ‖ bytes). The kernel
cuts a longer write to 48 and has no lock between a read and an extend, so each extend is read back.

Source: Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

from troth.crypto.digest import same, sha384
from troth.errors import DriverError
from troth.evidence.tdx.layout import MEASUREMENT_BYTES, RTMR_COUNT
from troth.tsm.clock import Clock
from troth.tsm.patience import patiently
from troth.tsm.raw import Files
from troth.tsm.refusal import told

__all__ = ["Registers"]

_DIRECTORIES: Final = (
    "class/misc/tdx_guest/measurements",
    "devices/virtual/misc/tdx_guest/measurements",
)
_ABSENT: Final = {errno.ENOENT: "tsm.no-registers", errno.ENOTDIR: "tsm.no-registers"}


class Registers:
    """RTMR0 to RTMR3 of this machine, if its kernel shows them."""

    def __init__(self, sysfs: Path, files: Files, clock: Clock, deadline_s: float) -> None:
        """Look for the registers below `sysfs`; without them every call says so.

        Args:
            sysfs: the root of sysfs.
            files: the file operations.
            clock: measures and spends time.
            deadline_s: for how long a busy register is asked again.
        """
        self._files = files
        self._clock = clock
        self._deadline_s = deadline_s
        self._directory = self._find(sysfs)

    def values(self) -> tuple[bytes, ...]:
        """Return RTMR0 to RTMR3, 48 bytes each.

        Raises:
            DriverError: `tsm.no-registers`, `tsm.attribute`, `tsm.busy`, `tsm.failed`.
        """
        return tuple(self._read(index) for index in range(RTMR_COUNT))

    def hash(self) -> str:
        """Return the name of the hash that extends them.

        Raises:
            DriverError: `tsm.no-registers`.
        """
        self._path(0)
        return "sha-384"

    def extend(self, index: int, digest: bytes) -> None:
        """Extend a register and read it back.

        Args:
            index: 0 to 3.
            digest: 48 bytes.

        Raises:
            DriverError: `tsm.register`, `tsm.no-registers`, `tsm.denied`, and nothing was written;
                `tsm.extend-other`, somebody else extended it too; `tsm.busy`, `tsm.failed`.
        """
        if not 0 <= index < RTMR_COUNT or len(digest) != MEASUREMENT_BYTES:
            raise DriverError("tsm.register", f"register {index}, {len(digest)} bytes")
        before = self._read(index)
        due = sha384(before + digest)
        patiently(
            lambda: self._extend_once(index, digest, before=before, due=due),
            until=self._clock.monotonic() + self._deadline_s,
            clock=self._clock,
        )
        if not same(self._read(index), due):
            raise DriverError("tsm.extend-other", f"RTMR{index}")

    def _extend_once(self, index: int, digest: bytes, *, before: bytes, due: bytes) -> None:
        """Write, unless an earlier try of this extend came through although it was refused."""
        found = self._read(index)
        if same(found, due):
            return
        if not same(found, before):
            raise DriverError("tsm.extend-other", f"RTMR{index}")
        path = self._path(index)
        with told(path, _ABSENT):
            taken = self._files.write(path, digest)
        if taken != len(digest):
            raise DriverError("tsm.failed", f"{path.name}: {taken} of {len(digest)} bytes taken")

    def _read(self, index: int) -> bytes:
        path = self._path(index)
        with told(path, _ABSENT):
            found = self._files.read(path, MEASUREMENT_BYTES + 1)
        if len(found) != MEASUREMENT_BYTES:
            raise DriverError("tsm.attribute", f"{path.name}: {len(found)} bytes")
        return found

    def _path(self, index: int) -> Path:
        if self._directory is None:
            raise DriverError("tsm.no-registers", "no tsm-mr; TDX has it since Linux 6.16")
        return self._directory / f"rtmr{index}:sha384"

    def _find(self, sysfs: Path) -> Path | None:
        """Return the first directory of registers that is there."""
        for name in _DIRECTORIES:
            try:
                self._files.names(sysfs / name)
            except FileNotFoundError:
                continue
            except OSError:
                pass  # it is there, and the first call says what is wrong with it
            return sysfs / name
        return None
