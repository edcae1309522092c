# SPDX-License-Identifier: Apache-2.0
"""Sizes, offsets and numbers of Intel quotes. Little-endian; sizes in bytes.

Sources: Intel TDX DCAP Quoting Library API, appendix A (quote formats 4 and 5); Intel SGX ECDSA
Quote Library Reference, appendix A (format 3); Intel SDM volume 3D, table 38-21 (REPORT).
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "BODY_BYTES",
    "BODY_TYPE_1_0",
    "BODY_TYPE_1_5",
    "BODY_TYPE_1_5_EX",
    "BODY_TYPE_SGX",
    "CERT_PCK_CHAIN",
    "CERT_QE_REPORT",
    "CERT_UNSUPPORTED",
    "CPU_SVN_BYTES",
    "DESCRIPTOR",
    "ENCLAVE_DEBUG",
    "ENCLAVE_REPORT",
    "ENCLAVE_REPORT_BYTES",
    "HEADER",
    "HEADER_BYTES",
    "KEY_TYPE_P256",
    "KEY_TYPE_P384",
    "QE_VENDOR_INTEL",
    "QUOTE_MAX_BYTES",
    "REPORT_DATA_BYTES",
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

# CPUSVN, MISCSELECT, reserved, ISVEXTPRODID, ATTRIBUTES, MRENCLAVE, reserved, MRSIGNER, reserved,
# CONFIGID, ISVPRODID, ISVSVN, CONFIGSVN, reserved, ISVFAMILYID, REPORTDATA
ENCLAVE_REPORT: Final = struct.Struct("<16sI12s16s16s32s32s32s32s64sHHH42s16s64s")
ENCLAVE_REPORT_BYTES: Final = 384
ENCLAVE_DEBUG: Final = 1 << 1  # in the first byte of ATTRIBUTES

DESCRIPTOR: Final = struct.Struct("<HI")  # format 5 only: body type, body size; it is signed
BODY_TYPE_SGX: Final = 1
BODY_TYPE_1_0: Final = 2
BODY_TYPE_1_5: Final = 3
BODY_TYPE_1_5_EX: Final = 4
BODY_BYTES: Final = {
    BODY_TYPE_SGX: ENCLAVE_REPORT_BYTES,
    BODY_TYPE_1_0: 584,
    BODY_TYPE_1_5: 648,
    BODY_TYPE_1_5_EX: 885,  # refused: no public specimen, and no builder here to test with
}

REPORT_DATA_BYTES: Final = 64  # of every body
CPU_SVN_BYTES: Final = 16
TCB_COMPONENTS: Final = 16
