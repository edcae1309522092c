# SPDX-License-Identifier: Apache-2.0
"""TDREPORT_STRUCT, 1024 bytes: what a TD gets from its module, for readers on the same machine.

      0   256  REPORTMACSTRUCT: type, CPUSVN, two digests, report data, MAC
    256   239  TEE_TCB_INFO: the module         495  17  reserved
    512   512  TDINFO: the TD

Source: Intel TDX Module ABI, TDREPORT_STRUCT; Linux, tdx_guest documentation. Little-endian.
"""

from __future__ import annotations

import struct
from typing import Final, Self

import msgspec

from troth.errors import DriverError

__all__ = ["TDREPORT_BYTES", "TdInfo", "TdReport", "TeeTcbInfo"]

TDREPORT_BYTES: Final = 1024
MAC_COVERS: Final = slice(0, 224)
TEE_TCB_INFO: Final = slice(256, 495)
TD_INFO: Final = slice(512, 1024)

_TYPE_TDX: Final = 0x81
_RESERVED: Final = slice(495, 512)
# type, subtype, version, reserved, CPUSVN, digest of TEE_TCB_INFO, digest of TDINFO, REPORTDATA,
# reserved, MAC
_MAC_STRUCT: Final = struct.Struct("<BBB13x16s48s48s64s32x32s")
# VALID, TEE_TCB_SVN, MRSEAM, MRSIGNERSEAM, ATTRIBUTES, TEE_TCB_SVN2, reserved
_TEE_TCB_INFO: Final = struct.Struct("<Q16s48s48s8s16s95x")
# ATTRIBUTES, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0 to RTMR3, SERVTD_HASH, reserved
_TD_INFO: Final = struct.Struct("<8s8s48s48s48s48s48s48s48s48s48s64x")

VALID_1_0: Final = 0x1FF  # which fields of TEE_TCB_INFO a TDX 1.0 module fills
VALID_1_5: Final = 0x301FF
VERSION_1_0: Final = 0
VERSION_1_5: Final = 1


class TeeTcbInfo(msgspec.Struct, frozen=True):
    """TEE_TCB_INFO: which module runs the TD."""

    valid: int
    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    tee_tcb_svn2: bytes

    def build(self) -> bytes:
        """Return the 239 bytes of this structure."""
        return _TEE_TCB_INFO.pack(*msgspec.structs.astuple(self))


class TdInfo(msgspec.Struct, frozen=True):
    """TDINFO: what the TD is and what has been measured into it."""

    attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    mr_service_td: bytes

    def build(self) -> bytes:
        """Return the 512 bytes of this structure."""
        return _TD_INFO.pack(*msgspec.structs.astuple(self))


class TdReport(msgspec.Struct, frozen=True):
    """A TDREPORT by its parts. The digests and the MAC are as carried: `cpu` checks them."""

    version: int
    cpu_svn: bytes
    tcb_info_digest: bytes
    td_info_digest: bytes
    report_data: bytes
    mac: bytes
    tcb_info: TeeTcbInfo
    td_info: TdInfo

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take the parts of a TDREPORT.

        Raises:
            DriverError: `tsm.tdreport`, another size or type, or reserved bytes behind
                TEE_TCB_INFO, which no digest covers, are not zero.
        """
        if len(data) != TDREPORT_BYTES:
            raise DriverError("tsm.tdreport", f"{len(data)} bytes, {TDREPORT_BYTES} are due")
        kind, subtype, version, cpu_svn, tcb_digest, td_digest, report_data, mac = (
            _MAC_STRUCT.unpack_from(data)
        )
        if (kind, subtype) != (_TYPE_TDX, 0) or any(data[_RESERVED]):
            raise DriverError("tsm.tdreport", "not a TDREPORT")
        return cls(
            version=version,
            cpu_svn=cpu_svn,
            tcb_info_digest=tcb_digest,
            td_info_digest=td_digest,
            report_data=report_data,
            mac=mac,
            tcb_info=TeeTcbInfo(*_TEE_TCB_INFO.unpack(data[TEE_TCB_INFO])),
            td_info=TdInfo(*_TD_INFO.unpack(data[TD_INFO])),
        )

    def build(self) -> bytes:
        """Return the 1024 bytes of this report."""
        mac_struct = _MAC_STRUCT.pack(
            _TYPE_TDX,
            0,
            self.version,
            self.cpu_svn,
            self.tcb_info_digest,
            self.td_info_digest,
            self.report_data,
            self.mac,
        )
        reserved = bytes(_RESERVED.stop - _RESERVED.start)
        return mac_struct + self.tcb_info.build() + reserved + self.td_info.build()
