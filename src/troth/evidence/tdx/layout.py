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
    "MEASUREMENT_BYTES",
    "REPORT_DATA_BYTES",
    "RTMR_COUNT",
]

# TEE_TCB_SVN, MRSEAM, MRSIGNERSEAM, SEAMATTRIBUTES, TDATTRIBUTES, XFAM, MRTD, MRCONFIGID, MROWNER,
# MROWNERCONFIG, RTMR0, RTMR1, RTMR2, RTMR3, REPORTDATA
_BODY_1_0: Final = "<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s"
BODY_1_0: Final = struct.Struct(_BODY_1_0)
BODY_1_0_BYTES: Final = BODY_1_0.size
# 1.5 adds TEE_TCB_SVN2 (the current TCB, after updates that preserve TDs) and MRSERVICETD.
BODY_1_5: Final = struct.Struct(_BODY_1_0 + "16s48s")
BODY_1_5_BYTES: Final = BODY_1_5.size

MEASUREMENT_BYTES: Final = 48
REPORT_DATA_BYTES: Final = 64
RTMR_COUNT: Final = 4
