# SPDX-License-Identifier: Apache-2.0
"""The ACPI table `CCEL`, 56 bytes: where the firmware left the log, and for which kind of TEE.

Source: UEFI 2.11 §38.4.3, ACPI 6.5 §5.2.6 (the header). Little-endian.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, Self

from troth.errors import MalformedError

__all__ = ["CCEL_TABLE_BYTES", "CC_TYPE_SEV", "CC_TYPE_TDX", "CcelTable"]

CCEL_TABLE_BYTES: Final = 56
CC_TYPE_SEV: Final = 1
CC_TYPE_TDX: Final = 2

# signature, length, revision, checksum, OEM id, OEM table id, OEM revision, creator id, creator
# revision; then CC type, CC subtype, reserved, log area's minimum length, its address
_LAYOUT: Final = struct.Struct("<4sIBB6s8sI4sIBBHQQ")
_SIGNATURE: Final = b"CCEL"
_CHECKSUM_AT: Final = 9


class CcelTable(NamedTuple):
    """What the table says.

    Attributes:
        cc_type: 1 SEV, 2 TDX.
        cc_subtype: 0.
        log_area_bytes: least length of the log area.
        log_area_address: physical address.
    """

    cc_type: int
    cc_subtype: int
    log_area_bytes: int
    log_area_address: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the table; its bytes must add up to 0 (mod 256).

        Raises:
            MalformedError: `eventlog.table`.
        """
        if len(data) != CCEL_TABLE_BYTES:
            raise MalformedError("eventlog.table", f"{len(data)} bytes, {CCEL_TABLE_BYTES} are due")
        fields = _LAYOUT.unpack(data)
        signature, length, cc_type, cc_subtype, _, area, address = (*fields[:2], *fields[-5:])
        if signature != _SIGNATURE or length != CCEL_TABLE_BYTES:
            raise MalformedError("eventlog.table", f"signature {signature!r}, length {length}")
        if sum(data) % 256:
            raise MalformedError("eventlog.table", "the checksum does not hold")
        if cc_type not in (CC_TYPE_SEV, CC_TYPE_TDX):
            raise MalformedError("eventlog.table", f"CC type {cc_type}")
        return cls(cc_type, cc_subtype, area, address)

    def build(self) -> bytes:
        """Return the 56 bytes of the table, checksum included."""
        header = (_SIGNATURE, CCEL_TABLE_BYTES, 1, 0, b"TROTH ", b"SOFTTEE ", 1, b"TRTH", 1)
        body = (self.cc_type, self.cc_subtype, 0, self.log_area_bytes, self.log_area_address)
        data = bytearray(_LAYOUT.pack(*header, *body))
        data[_CHECKSUM_AT] = -sum(data) % 256
        return bytes(data)
