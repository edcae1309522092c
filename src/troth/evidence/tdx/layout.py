# SPDX-License-Identifier: Apache-2.0
"""The TD report bodies of a TDX quote. Little-endian; sizes in bytes.

Source: Intel TDX DCAP Quoting Library API, appendix A.3.2 (bodies 1.0 and 1.5).
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "BODY_1_0",
    "BODY_1_0_BYTES",
    "BODY_1_5",
    "BODY_1_5_BYTES",
    "BODY_1_5_EX_BYTES",
    "BODY_TYPE_1_0",
    "BODY_TYPE_1_5",
    "BODY_TYPE_1_5_EX",
    "BODY_TYPE_SGX",
    "DESCRIPTOR",
    "MEASUREMENT_BYTES",
    "REPORT_DATA_BYTES",
    "RTMR_COUNT",
]

# TEE_TCB_SVN, MRSEAM, MRSIGNERSEAM, SEAMATTRIBUTES, TDATTRIBUTES, XFAM, MRTD, MRCONFIGID, MROWNER,
# MROWNERCONFIG, RTMR0, RTMR1, RTMR2, RTMR3, REPORTDATA
_BODY_1_0: Final = "<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s"
BODY_1_0: Final = struct.Struct(_BODY_1_0)
BODY_1_0_BYTES: Final = 584
# 1.5 adds TEE_TCB_SVN2 (the current TCB, after updates that preserve TDs) and MRSERVICETD.
BODY_1_5: Final = struct.Struct(_BODY_1_0 + "16s48s")
BODY_1_5_BYTES: Final = 648
BODY_1_5_EX_BYTES: Final = 885  # refused: no public specimen, and no builder here to test with

BODY_TYPE_SGX: Final = 1
BODY_TYPE_1_0: Final = 2
BODY_TYPE_1_5: Final = 3
BODY_TYPE_1_5_EX: Final = 4
DESCRIPTOR: Final = struct.Struct("<HI")  # format 5 only: body type, body size; it is signed

MEASUREMENT_BYTES: Final = 48
REPORT_DATA_BYTES: Final = 64
RTMR_COUNT: Final = 4
