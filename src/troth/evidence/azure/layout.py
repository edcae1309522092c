# SPDX-License-Identifier: Apache-2.0
"""The report of Azure's paravisor (HCL). Little-endian; sizes in bytes.

     0     32  header: "HCLA", version, size of the report, request type, status, reserved
    32  1,184  hardware report: of SNP all of it, of TDX a TDREPORT of 1,024 and zeros
 1,216     20  runtime data: size, version, type of the report, hash type, size of the claims
 1,236      n  runtime claims, JSON
     …         zeros up to the size of the index that holds it

Source: microsoft/openvmm, openhcl_attestation_protocol, igvm_attest (the request that the paravisor
builds); kinvolk/azure-cvm-tooling, az-cvm-vtpm (its readers).
"""

from __future__ import annotations

import struct
from typing import Final, Literal

__all__ = [
    "CLAIMS_MAX_BYTES",
    "HARDWARE",
    "HARDWARE_BYTES",
    "HASH_SHA256",
    "HCL_MAX_BYTES",
    "HEADER",
    "MAGIC",
    "REPORT_DATA_BYTES",
    "RUNTIME",
    "RUNTIME_VERSION",
    "TDREPORT_BYTES",
    "TDREPORT_REPORT_DATA",
    "VERSIONS",
    "Hardware",
]

Hardware = Literal["snp", "tdx"]

MAGIC: Final = b"HCLA"
HEADER: Final = struct.Struct("<4sIIII12s")
VERSIONS: Final = frozenset({1, 2})
HARDWARE_BYTES: Final = 1184
RUNTIME: Final = struct.Struct("<IIIII")
RUNTIME_VERSION: Final = 1
HARDWARE: Final[dict[int, Hardware]] = {2: "snp", 4: "tdx"}
HASH_SHA256: Final = 1
CLAIMS_MAX_BYTES: Final = 8 * 1024  # those seen have about 1,200
HCL_MAX_BYTES: Final = 16 * 1024  # the vTPM's index has 2,600

TDREPORT_BYTES: Final = 1024
TDREPORT_REPORT_DATA: Final = slice(128, 192)  # Intel TDX Module ABI, REPORTMACSTRUCT
REPORT_DATA_BYTES: Final = 64
