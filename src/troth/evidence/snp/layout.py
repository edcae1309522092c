# SPDX-License-Identifier: Apache-2.0
"""Sizes, offsets and numbers of SNP attestation reports. Little-endian; sizes in bytes.

Source: AMD 56860, SEV-SNP Firmware ABI, ATTESTATION_REPORT (versions 2, 3 and 5; version 4 is laid
out as 3), and its appendix on the reports of Turin; AMD 56421, GHCB, for the certificate table.
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "ALGORITHM_P384",
    "FLAGS_KNOWN",
    "FLAG_AUTHOR_KEY",
    "FLAG_CHIP_KEY_MASKED",
    "REPORT",
    "REPORT_BYTES",
    "REPORT_DATA",
    "RESERVED",
    "RESERVED_BEFORE",
    "SCALAR_BYTES",
    "SIGNATURE",
    "SIGNATURE_TAIL",
    "SIGNED",
    "SIGNING_KEY_SHIFT",
    "TURIN_CHIP_ID_BYTES",
    "VERSIONS",
    "VMPL_HOST",
]

REPORT_BYTES: Final = 0x4A0
SIGNED: Final = slice(0x000, 0x2A0)
REPORT_DATA: Final = slice(0x050, 0x090)
VERSIONS: Final = frozenset({2, 3, 4, 5})

# Everything before the signature, reserved bytes left out: version, guest SVN, policy, family id,
# image id, VMPL, signature algorithm, current TCB, platform info, flags, report data, measurement,
# host data, id key digest, author key digest, report id, report id of the migration agent, reported
# TCB, CPUID family, model and stepping, chip id, committed TCB, current and committed firmware
# (build, minor, major), launch TCB, launch and current mitigation vector.
REPORT: Final = struct.Struct("<IIQ16s16sII8sQI4x64s48s32s48s48s32s32s8s3s21x64s8s3sx3sx8sQQ152x")
SIGNATURE: Final = struct.Struct("<72s72s368x")  # r, s

# Zero in every version. What the firmware did not define, no reader may give a meaning.
RESERVED: Final = (
    slice(0x04C, 0x050),
    slice(0x18B, 0x1A0),
    slice(0x1EB, 0x1EC),
    slice(0x1EF, 0x1F0),
    slice(0x208, 0x2A0),
)
# Zero in the versions before the one in which the field came.
RESERVED_BEFORE: Final = (
    (3, slice(0x188, 0x18B)),  # CPUID
    (5, slice(0x1F8, 0x208)),  # mitigation vectors
)
SCALAR_BYTES: Final = 48  # of P-384; r and s have 72 bytes each, and zeros in the upper 24
# Behind r and s, and not signed: any other value would make two reports of one signature.
SIGNATURE_TAIL: Final = slice(0x330, 0x4A0)

VMPL_HOST: Final = 0xFFFFFFFF  # the host asked for this report, not the guest
ALGORITHM_P384: Final = 1  # ECDSA over P-384 with SHA-384

FLAG_AUTHOR_KEY: Final = 1 << 0
FLAG_CHIP_KEY_MASKED: Final = 1 << 1
SIGNING_KEY_SHIFT: Final = 2  # three bits
FLAGS_KNOWN: Final = 0b11111

TURIN_CHIP_ID_BYTES: Final = 8  # the other 56 are zero
