# SPDX-License-Identifier: Apache-2.0
"""Sizes, offsets and numbers of Intel quotes. Little-endian; sizes in bytes.

Sources: Intel TDX DCAP Quoting Library API, appendix A (quote formats 4 and 5); Intel SGX ECDSA
Quote Library Reference, appendix A (format 3); Intel SDM volume 3D, table 38-21 (REPORT).
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "CERT_PCK_CHAIN",
    "CERT_QE_REPORT",
    "CERT_UNSUPPORTED",
    "CPU_SVN_BYTES",
    "ENCLAVE_DEBUG",
    "ENCLAVE_REPORT",
    "ENCLAVE_REPORT_BYTES",
    "HEADER",
    "HEADER_BYTES",
    "KEY_TYPE_P256",
    "KEY_TYPE_P384",
    "QE_VENDOR_INTEL",
    "QUOTE_MAX_BYTES",
    "TCB_COMPONENTS",
    "TEE_SGX",
    "TEE_TDX",
]

QUOTE_MAX_BYTES: Final = 64 * 1024  # ours: real quotes are about 5 KiB, buffers 8,000 bytes

# version, attestation key type, TEE type, QE SVN, PCE SVN, QE vendor id, user data
HEADER: Final = struct.Struct("<HHIHH16s20s")
HEADER_BYTES: Final = 48

KEY_TYPE_P256: Final = 2
KEY_TYPE_P384: Final = 3  # named in the documents, implemented nowhere
TEE_SGX: Final = 0x00
TEE_TDX: Final = 0x81
QE_VENDOR_INTEL: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")

CERT_PCK_CHAIN: Final = 5  # PEM: leaf, intermediate, root
CERT_QE_REPORT: Final = 6  # only as the outer block of formats 4 and 5
CERT_UNSUPPORTED: Final = frozenset({1, 2, 3, 4, 7})  # PPIDs, lone leaf, platform manifest

# CPUSVN, MISCSELECT, reserved and CONFIG fields, ATTRIBUTES, MRENCLAVE, reserved, MRSIGNER,
# reserved, ISVPRODID, ISVSVN, reserved, REPORTDATA
ENCLAVE_REPORT: Final = struct.Struct("<16sI28s16s32s32s32s96sHH60s64s")
ENCLAVE_REPORT_BYTES: Final = 384
ENCLAVE_DEBUG: Final = 1 << 1  # in the first byte of ATTRIBUTES

CPU_SVN_BYTES: Final = 16
TCB_COMPONENTS: Final = 16
