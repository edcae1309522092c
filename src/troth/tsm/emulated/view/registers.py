# SPDX-License-Identifier: Apache-2.0
"""Measurement registers as the kernel shows them since 6.16: one file each, 48 raw bytes.

Source: `drivers/virt/coco/guest/tsm-mr.c` and Documentation/ABI, `…/measurements/`.
"""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass
from typing import Final, Protocol

from troth.tsm.emulated.view.answers import refusal

__all__ = ["REGISTERS", "REGISTER_BYTES", "Register", "RegisterBank", "Registers"]

REGISTER_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class Register:
    """One register; `rtmr` is its number where it can be extended."""

    name: str
    rtmr: int | None = None

    @property
    def mode(self) -> int:
        """Permissions of its file at the start."""
        return 0o444 if self.rtmr is None else 0o644


REGISTERS: Final = (
    Register("mrconfigid"),
    Register("mrowner"),
    Register("mrownerconfig"),
    Register("mrtd:sha384"),
    *(Register(f"rtmr{n}:sha384", n) for n in range(4)),
)
"""The files of TDX."""


class RegisterBank(Protocol):
    """Who has the registers."""

    def read(self, name: str) -> bytes:
        """Return the 48 bytes of a register, by the name of its file.

        Raises:
            OSError: its errno is the answer.
        """
        ...

    def extend(self, rtmr: int, digest: bytes) -> None:
        """Extend a register with 48 bytes.

        Raises:
            OSError: its errno is the answer; the register is as it was.
        """
        ...


class Registers:
    """The registers of one TSM under their one lock."""

    def __init__(self, bank: RegisterBank) -> None:
        """Take who has them."""
        self._bank = bank
        self._lock = threading.Lock()

    def value(self, register: Register) -> bytes:
        """Return the present value of a register."""
        with self._lock:
            return self._bank.read(register.name)

    def write(self, register: Register, data: bytes, offset: int) -> int:
        """Extend a register by the 48 bytes at offset 0; what goes beyond its end is cut off first.

        Returns:
            48.

        Raises:
            OSError: EFBIG, at or beyond the end; EINVAL, elsewhere or fewer bytes; EACCES, it
                cannot be extended.
        """
        if offset >= REGISTER_BYTES:
            raise refusal(errno.EFBIG)
        taken = data[: REGISTER_BYTES - offset]
        if register.rtmr is None:
            raise refusal(errno.EACCES)
        if len(taken) != REGISTER_BYTES:  # so the offset is 0 as well
            raise refusal(errno.EINVAL)
        with self._lock:
            self._bank.extend(register.rtmr, taken)
        return len(taken)
