# SPDX-License-Identifier: Apache-2.0
"""What the two guest devices take and give. Little-endian; sizes in bytes.

Sources: Linux, include/uapi/linux/tdx-guest.h and include/uapi/linux/sev-guest.h; the number of a
request is made as in include/uapi/asm-generic/ioctl.h.
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "CERTIFICATES_MAX_BYTES",
    "EXT_REPORT_REQUEST",
    "FIRMWARE_INVALID_KEY",
    "FIRMWARE_INVALID_PARAMETER",
    "FIRMWARE_NO_CALL",
    "GUEST_REQUEST",
    "REPORT_RESPONSE",
    "REPORT_RESPONSE_BYTES",
    "SNP_GET_EXT_REPORT",
    "SNP_GET_REPORT",
    "SNP_MESSAGE_VERSION",
    "SNP_REPORT_REQUEST",
    "TDREPORT_BYTES",
    "TDX_GET_REPORT0",
    "TDX_REPORT_REQUEST_BYTES",
    "VMM_INVALID_LENGTH",
]

_READ_WRITE: Final = 3  # direction, in the two highest bits


def _iowr(kind: str, number: int, size: int) -> int:
    """Return the number of a request that carries `size` bytes in and out."""
    return _READ_WRITE << 30 | size << 16 | ord(kind) << 8 | number


# struct tdx_report_req: REPORTDATA in, TDREPORT out
TDREPORT_BYTES: Final = 1024
TDX_REPORT_REQUEST_BYTES: Final = 64 + TDREPORT_BYTES
TDX_GET_REPORT0: Final = _iowr("T", 1, TDX_REPORT_REQUEST_BYTES)

# struct snp_guest_request_ioctl: message version, address of the request, address of the response,
# exitinfo2: the firmware's error below, the hypervisor's above
GUEST_REQUEST: Final = struct.Struct("<B7xQQII")
SNP_MESSAGE_VERSION: Final = 1
SNP_GET_REPORT: Final = _iowr("S", 0, GUEST_REQUEST.size)
SNP_GET_EXT_REPORT: Final = _iowr("S", 2, GUEST_REQUEST.size)

# struct snp_report_req: report data, VMPL, reserved
SNP_REPORT_REQUEST: Final = struct.Struct("<64sI28x")
# struct snp_ext_report_req: the above, address and size of the buffer for certificates
EXT_REPORT_REQUEST: Final = struct.Struct("<64sI28xQI4x")
# struct snp_report_resp: 4000 bytes that begin with what the firmware answered (AMD 56860,
# MSG_REPORT_RSP): status, size of the report, reserved; then the report
REPORT_RESPONSE_BYTES: Final = 4000
REPORT_RESPONSE: Final = struct.Struct("<II24x")
CERTIFICATES_MAX_BYTES: Final = 16 * 1024  # SEV_FW_BLOB_MAX_SIZE; more is EINVAL

VMM_INVALID_LENGTH: Final = 1  # the buffer for certificates is too small
# AMD 56860, status codes
FIRMWARE_INVALID_PARAMETER: Final = 0x16
FIRMWARE_INVALID_KEY: Final = 0x27
FIRMWARE_NO_CALL: Final = 0xFF  # what the kernel presets: the firmware was not reached
