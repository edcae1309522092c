# SPDX-License-Identifier: Apache-2.0
"""A `/dev/sev-guest` in memory: it reads and writes structures where a request says they are."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass, field

from msgspec.structs import replace

from tests.snp.reports import made

PAGE = 4096


@dataclass
class Clock:
    """A clock that goes forward by sleeping alone."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class SevGuest:
    """What the kernel's driver does, by Documentation/virt/coco/sev-guest.rst.

    Attributes:
        table: the host's certificates.
        failures: what the next requests are answered with: errno, firmware, hypervisor.
        is_disabled: whether the message key is lost.
        status: what the firmware says in its answer.
        size: of the report, as the firmware says; None for the truth.
        other: report data that the report is over in place of what was asked.
    """

    table: bytes = b""
    failures: list[tuple[int, int, int]] = field(default_factory=list)
    is_disabled: bool = False
    status: int = 0
    size: int | None = None
    other: bytes | None = None
    wanted_size: int | None = None
    requests: list[int] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    is_closed: bool = False

    def ioctl(self, request: int, argument: bytearray) -> None:
        self.requests.append(request)
        version, asked, answer, firmware, vmm = struct.unpack("<B7xQQII", argument)
        assert version == 1
        assert (firmware, vmm) == (0xFF, 0)
        assert asked % PAGE == answer % PAGE == 0
        if self.is_disabled:
            self._fail(argument, errno.ENOTTY, 0xFF, 0)
        if self.failures:
            self._fail(argument, *self.failures.pop(0))
        report_data, level, reserved = struct.unpack("<64sI28s", ctypes.string_at(asked, 96))
        assert reserved == bytes(28)
        self.levels.append(level)
        if request == 0xC0205302:
            self._certificates(argument, asked)
        else:
            assert request == 0xC0205300
        data = self.other or report_data
        report = replace(made(), report_data=data, vmpl=level).build()
        size = len(report) if self.size is None else self.size
        response = struct.pack("<II24x", self.status, size) + report
        ctypes.memmove(answer, response.ljust(4000, b"\0"), 4000)
        argument[24:32] = bytes(8)

    def close(self) -> None:
        self.is_closed = True

    def _certificates(self, argument: bytearray, asked: int) -> None:
        address, room, padding = struct.unpack("<QII", ctypes.string_at(asked + 96, 16))
        assert padding == 0
        self.offered.append(room)
        wanted = (
            -(-len(self.table) // PAGE) * PAGE if self.wanted_size is None else self.wanted_size
        )
        if address % PAGE or room > 16384:
            self._fail(argument, errno.EINVAL, 0xFF, 0)
        if room < wanted or (self.wanted_size is not None and room != self.wanted_size):
            ctypes.memmove(asked + 104, struct.pack("<I", wanted), 4)
            self._fail(argument, errno.EIO, 0, 1)
        ctypes.memmove(address, self.table, len(self.table))

    def _fail(self, argument: bytearray, number: int, firmware: int, vmm: int) -> None:
        argument[24:32] = struct.pack("<II", firmware, vmm)
        if number in {errno.ETIMEDOUT, errno.EBADMSG} or (number == errno.EIO and vmm != 1):
            self.is_disabled = True
        raise OSError(number, os.strerror(number))
