# SPDX-License-Identifier: Apache-2.0
"""A report of each product, sound in all that a parser sees, and how one byte of it is changed."""

from __future__ import annotations

import struct
from typing import Final

from troth.evidence.snp import SnpReport, Tcb

REPORT_DATA: Final = bytes(range(64))
LEGACY: Final = Tcb(None, 4, 0, 24, 219)
TURIN: Final = Tcb(1, 2, 3, 4, 71)
CPUIDS: Final = {
    "milan": bytes((0x19, 0x01, 0x01)),
    "genoa": bytes((0x19, 0x11, 0x01)),
    "turin": bytes((0x1A, 0x02, 0x01)),
}


def made(product: str = "milan", version: int = 5) -> SnpReport:
    """Return a report; in version 2 it does not say whose it is."""
    tcb = TURIN if product == "turin" else LEGACY
    late = version >= 5
    return SnpReport(
        version=version,
        guest_svn=7,
        policy=0x3001F,
        family_id=bytes([1] * 16),
        image_id=bytes([2] * 16),
        vmpl=1,
        algorithm=1,
        current_tcb=tcb,
        platform_info=0x25,
        flags=0b00001,
        report_data=REPORT_DATA,
        measurement=bytes([3] * 48),
        host_data=bytes([4] * 32),
        id_key_digest=bytes([5] * 48),
        author_key_digest=bytes([6] * 48),
        report_id=bytes([7] * 32),
        report_id_ma=bytes([0xFF] * 32),
        reported_tcb=tcb,
        cpuid=bytes(3) if version == 2 else CPUIDS[product],
        chip_id=bytes([8] * 8) + bytes([0 if product == "turin" else 9] * 56),
        committed_tcb=tcb,
        current_firmware=bytes((31, 55, 1)),
        committed_firmware=bytes((30, 55, 1)),
        launch_tcb=tcb,
        launch_mitigations=1 if late else 0,
        current_mitigations=3 if late else 0,
        signature=bytes(range(96)),
    )


def with_bytes(data: bytes, offset: int, value: bytes) -> bytes:
    """Return `data` with `value` in place of what stands at `offset`."""
    return data[:offset] + value + data[offset + len(value) :]


def u32(value: int) -> bytes:
    return struct.pack("<I", value)
