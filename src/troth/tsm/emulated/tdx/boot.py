# SPDX-License-Identifier: Apache-2.0
"""The boot of a software TD: the log that its firmware would have left, and the registers then.

A short boot: Secure Boot is off, one boot option is tried, a kernel with a command line starts.
Replaying the log from zeros gives RTMR0 to RTMR2; nothing was measured into RTMR3.

Source: TCG PC Client Platform Firmware Profile 1.06 §10.4 (events), UEFI 2.11 §38.4 (registers).
"""

from __future__ import annotations

import struct
import uuid
from typing import Final

from msgspec.structs import replace

from troth.evidence.eventlog import MAPPINGS, TcgEvent, build_cc_log, parse_cc_log, replay
from troth.tsm.emulated.tdx.settings import Settings

__all__ = ["LOG_AREA_BYTES", "boot_log", "booted"]

LOG_AREA_BYTES: Final = 256 * 1024
"""What firmware for TDX reserves for the log; 0xFF stands behind the log's end."""

_RTMR0, _RTMR1, _RTMR2 = 1, 2, 3  # MR indexes of the log
_SEPARATOR: Final = 0x4
_IPL: Final = 0xD
_VARIABLE: Final = 0x8000_0001
_ACTION: Final = 0x8000_0007

_GLOBAL_VARIABLE: Final = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")  # UEFI 2.11 §3.3
_OFF: Final = b"\0"


def boot_log(command_line: str = "console=hvc0 root=/dev/vda1") -> bytes:
    """Return the log of a boot with a kernel command line, without the padding behind it."""
    return build_cc_log(
        TcgEvent.of_data(*event)
        for event in (
            (_RTMR0, _VARIABLE, _variable("SecureBoot", _OFF)),
            (_RTMR0, _VARIABLE, _variable("PK", b"")),
            (_RTMR0, _VARIABLE, _variable("KEK", b"")),
            (_RTMR0, _SEPARATOR, bytes(4)),
            (_RTMR1, _ACTION, b"Calling EFI Application from Boot Option"),
            (_RTMR1, _SEPARATOR, bytes(4)),
            (_RTMR2, _IPL, f"kernel_cmdline: {command_line}\0".encode()),
            (_RTMR1, _ACTION, b"Exit Boot Services Invocation"),
            (_RTMR1, _ACTION, b"Exit Boot Services Returned with Success"),
        )
    )


def booted(settings: Settings, log: bytes) -> Settings:
    """Return settings in which the registers start as a log left them."""
    values = replay(parse_cc_log(log).extends("sha384"), MAPPINGS["cc"])
    rtmrs = tuple(values.get(f"rtmr{n}", bytes(48)).hex() for n in range(4))
    return replace(settings, td=replace(settings.td, rtmrs=rtmrs))


def _variable(name: str, value: bytes) -> bytes:
    """Return UEFI_VARIABLE_DATA: GUID, lengths of name and value, name in UTF-16, value."""
    head = struct.pack("<16sQQ", _GLOBAL_VARIABLE.bytes_le, len(name), len(value))
    return head + name.encode("utf-16-le") + value
